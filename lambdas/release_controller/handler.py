"""Release controller: brings new versions of one model to its endpoint, by the stages that the environment asks for.

Lambda entry point `handler.handler`, woken by EventBridge (see `events`) and by a schedule.
"""

from __future__ import annotations

from events import parse
from gateway import gateway
from reconcile import reconcile
from settings import settings
from shared.events import Ignored, MalformedEvent
from shared.logs import say


def handler(event: object, _context: object) -> dict[str, str]:
    """Returns what was done, for whoever invokes by hand; raises what a retry may mend."""
    try:
        wake = parse(event, settings())
    except MalformedEvent as error:
        say("malformed", reason=str(error))
        gateway().bury(event, str(error))
        return {"action": "Malformed", "reason": str(error)}
    if isinstance(wake, Ignored):
        say("ignored", reason=wake.why)
        return {"action": "Ignored", "reason": wake.why}
    say("woken", reason=wake.why)
    action = reconcile(gateway())
    return {"action": type(action).__name__, "reason": wake.why}
