"""Composite alarms whose actions another alarm suppresses.

After a change of state an alarm with a suppressor waits ActionsSuppressorWaitPeriod, so that the suppressor has time
to go into ALARM. While that is in ALARM, and for ActionsSuppressorExtensionPeriod after it left, nothing is done; then
the actions of the state that the alarm is in are done, unless it is in the state it had before. Source: user guide,
Create_Composite_Alarm_Suppression.
"""

from __future__ import annotations

import time
from typing import Any

from local_aws import seam
from local_aws.core.api import Context

Record = dict[str, Any]
_PENDING = "_suppressed"
_LEFT = "_suppressor_left"


def changed(ctx: Context, record: Record, old: str) -> bool:
    """Whether the actions of the alarm's new state are done now; if not, `due` says when."""
    if not record.get("ActionsSuppressor"):
        return True
    before = (record.get(_PENDING) or {"from": old})["from"]
    if before == record["StateValue"]:
        _release(record)
        return False
    now = time.time()
    left = float(record.get(_LEFT) or 0) + int(record.get("ActionsSuppressorExtensionPeriod") or 0)
    if _in_alarm(ctx, record):
        _hold(record, before, "Alarm", None)
    elif left > now:
        _hold(record, before, "ExtensionPeriod", left)
    elif wait := int(record.get("ActionsSuppressorWaitPeriod") or 0):
        _hold(record, before, "WaitPeriod", now + wait)
    else:
        _release(record)
        return True
    return False


def due(ctx: Context, record: Record) -> tuple[bool, str | None]:
    """A look at a composite alarm: whether what suppresses it changed, and the state from which it now acts."""
    if not record.get("ActionsSuppressor"):
        return False, None
    in_alarm, now = _in_alarm(ctx, record), time.time()
    if record.get("_suppressor_in_alarm") and not in_alarm:
        record[_LEFT] = now
    record["_suppressor_in_alarm"] = in_alarm
    pending = record.get(_PENDING)
    if not pending:
        return False, None
    if in_alarm:
        if pending["by"] == "Alarm":
            return False, None
        _hold(record, pending["from"], "Alarm", None)
        return True, None
    if pending["by"] == "Alarm" and (extension := int(record.get("ActionsSuppressorExtensionPeriod") or 0)):
        _hold(record, pending["from"], "ExtensionPeriod", now + extension)
        return True, None
    if pending["until"] is None or pending["until"] <= now:
        _release(record)
        return True, str(pending["from"])
    return False, None


def _in_alarm(ctx: Context, record: Record) -> bool:
    name = str(record["ActionsSuppressor"])
    found = seam.alarm(ctx, name.split(":alarm:", 1)[-1] if name.startswith("arn:") else name)
    return found is not None and found[1]["StateValue"] == "ALARM"


def _hold(record: Record, before: str, by: str, until: float | None) -> None:
    record[_PENDING] = {"from": before, "by": by, "until": until}
    record.update(ActionsSuppressedBy=by, ActionsSuppressedReason=f"Actions suppressed by {by}")


def _release(record: Record) -> None:
    for name in (_PENDING, "ActionsSuppressedBy", "ActionsSuppressedReason"):
        record.pop(name, None)
