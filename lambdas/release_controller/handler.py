"""Release controller: brings new versions of one model to its endpoint, by the stages that the environment asks for.

Lambda entry point `handler.handler`, woken by EventBridge (see `events`) and by a schedule.
"""

from __future__ import annotations

from events import parse
from gateway import gateway
from reconcile import reconcile
from settings import settings
from shared.waking import understood


def handler(event: object, _context: object) -> dict[str, str]:
    """Returns what was done, for whoever invokes by hand; raises what a retry may mend."""
    wake = understood(lambda: parse(event, settings()), lambda reason: gateway().bury(event, reason))
    if isinstance(wake, dict):
        return wake
    action = reconcile(gateway())
    return {"action": type(action).__name__, "reason": wake.why}
