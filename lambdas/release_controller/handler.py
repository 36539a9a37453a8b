"""Release controller: keeps the endpoint at the newest approved model package of one model.

Lambda entry point `handler.handler`, woken by EventBridge: approvals, ends of the serving stack's operations,
and a schedule.
"""

from __future__ import annotations

from events import Ignored, MalformedEvent, parse
from gateway import gateway, settings
from logs import say
from reconcile import reconcile


def handler(event: object, _context: object) -> dict[str, str]:
    """Returns what was done, for whoever invokes by hand; raises what a retry may mend."""
    try:
        wake = parse(event, group=settings().model_package_group, stack=settings().serving_stack)
    except MalformedEvent as error:
        say("malformed", reason=str(error))
        gateway().bury(event, str(error))
        return {"action": "Malformed", "reason": str(error)}
    if isinstance(wake, Ignored):
        say("ignored", reason=wake.why)
        return {"action": "Ignored", "reason": wake.why}
    say("woken", reason=wake.why)
    action = reconcile(gateway(), wake.stack_status)
    return {"action": type(action).__name__, "reason": wake.why}
