"""Record keeper: writes down what each version of one model was made of, who said yes to it and what became of it.

Lambda entry point `handler.handler`, woken by EventBridge (see `events`) and by a schedule.
"""

from __future__ import annotations

from events import parse
from gateway import gateway
from reconcile import reconcile
from settings import settings
from shared.turns import Busy
from shared.waking import understood


def handler(event: object, _context: object) -> dict[str, str]:
    """Returns what was recorded, for whoever invokes by hand; raises what a retry may mend."""
    wake = understood(lambda: parse(event, settings()), lambda reason: gateway().bury(event, reason))
    if isinstance(wake, dict):
        return wake
    result = reconcile(gateway())
    if isinstance(result, Busy):
        return {"action": "Busy", "reason": wake.why}
    return {"action": "Recorded" if result.recorded or result.tracked else "Nothing", "reason": result.told}
