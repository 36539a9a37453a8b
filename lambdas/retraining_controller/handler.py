"""Retraining controller: starts the training pipeline of one model when there is a reason to, and not too often.

Lambda entry point `handler.handler`, woken by EventBridge (see `events`) and by schedules.
"""

from __future__ import annotations

from events import Asked, parse
from gateway import gateway
from reconcile import reconcile
from settings import settings
from shared.waking import understood


def handler(event: object, _context: object) -> dict[str, str]:
    """Returns what was done last, for whoever invokes by hand; raises what a retry may mend."""
    wake = understood(lambda: parse(event, settings()), lambda reason: gateway().bury(event, reason))
    if isinstance(wake, dict):
        return wake
    if isinstance(wake, Asked):
        # Before anything that may fail, and without the lock: it is the only event that carries something.
        gateway().ledger.ask(wake.at)
    action = reconcile(gateway())
    return {"action": type(action).__name__, "reason": str(getattr(action, "reason", wake.why))}
