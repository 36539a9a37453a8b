"""What a change of an alarm's state sets off: an event on EventBridge, and the actions of the new state.

Actions are topics and Lambda functions; the policies of Application Auto Scaling look at metrics themselves, and others
are noted as failed in the alarm's history. They run one after the other on a thread of their own, so that neither an
evaluation nor a request waits for them. Actions of composite alarms may be suppressed (`suppression`).
"""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local_aws import clients, seam
from local_aws.cloudwatch import records, suppression
from local_aws.core import events
from local_aws.core.api import Context

Record = dict[str, Any]
_ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}
_TOLD = "_told"
_LONGEST_SUBJECT = 100

log = logging.getLogger("local_aws.alarms")
_worker = ThreadPoolExecutor(1, "alarm-actions")


def changed(ctx: Context, record: Record, old: str, new: str, _reason: str) -> None:
    """An alarm went from `old` to `new`: tell it, and do what it asks for unless that is suppressed."""
    act = suppression.changed(ctx, record, old)
    tell(ctx, record, old)
    if act:
        perform(ctx, record, old, new)


def tell(ctx: Context, record: Record, old: str) -> None:
    """Emit the state change event; a change of what suppresses its actions is one, too."""
    previous = record.get(_TOLD) or {"value": old}
    events.emit(
        ctx,
        "CloudWatch Alarm State Change",
        records.alarm_data(record, previous),
        [record["AlarmArn"]],
        source="aws.cloudwatch",
    )
    record["_previous"], record[_TOLD] = previous, records.state_of(record)


def perform(ctx: Context, record: Record, old: str, new: str) -> None:
    """Do the actions of the state `new`."""
    if not record.get("ActionsEnabled", True):
        return
    for action in record.get(_ACTIONS[new]) or ():
        # What is told is told now: the alarm may have changed again before the action's turn comes.
        service = action.split(":")[2] if action.count(":") >= 5 else ""
        told = records.message(ctx, record, old) if service == "sns" else ""
        payload = records.invocation(ctx, record, record.get("_previous") or {"value": old})
        _worker.submit(_run, ctx, record, action, service, told or json.dumps(payload), new)


def wait() -> None:
    """Return once the actions that were asked for are done."""
    _worker.submit(lambda: None).result()


def _run(ctx: Context, record: Record, action: str, service: str, text: str, state: str) -> None:
    if service in ("autoscaling", "application-autoscaling"):
        return
    try:
        if service == "sns":
            subject = f'{state}: "{record["AlarmName"]}" in {ctx.region}'[:_LONGEST_SUBJECT]
            clients.client("sns", ctx).publish(TopicArn=action, Message=text, Subject=subject)
        elif service == "lambda":
            clients.client("lambda", ctx).invoke(FunctionName=action, InvocationType="Event", Payload=text.encode())
        else:
            raise ValueError("such an action is not emulated locally")
    except Exception as error:
        log.warning("%s: action %s failed: %s", record["AlarmName"], action, error)
        _note(ctx, record, action, f"Failed to execute action {action}", str(error))
    else:
        _note(ctx, record, action, f"Successfully executed action {action}", None)


def _note(ctx: Context, record: Record, action: str, summary: str, error: str | None) -> None:
    kind: seam.AlarmKind = "CompositeAlarm" if records.is_composite(record) else "MetricAlarm"
    data = {"actionState": "Failed" if error else "Succeeded", "notificationResource": action, "error": error}
    seam.note_alarm(ctx, record, kind, "Action", summary, json.dumps(data))
