"""PutMetricAlarm, PutCompositeAlarm, DescribeAlarms and SetAlarmState; the other operations on alarms are ministack's.

Source: API reference of CloudWatch.
"""

from __future__ import annotations

import json
import time
from typing import Any

from local_aws import seam
from local_aws.cloudwatch import alarm_checks, alarms, records
from local_aws.core import store
from local_aws.core.api import CLOUDWATCH, AwsError, Context, ValidationException, operation

Row = dict[str, Any]
_PAGE = 50
_STATE = ("StateValue", "StateReason", "StateReasonData", "StateUpdatedTimestamp", "StateTransitionedTimestamp")
# What the emulation notes in a record: what was told last, and actions that wait.
_NOTES = ("_told", "_previous", "_suppressed", "_suppressor_left", "_suppressor_in_alarm")
_LISTS = ("OKActions", "AlarmActions", "InsufficientDataActions")


@operation("PutMetricAlarm", CLOUDWATCH)
def put_metric_alarm(ctx: Context, params: Row) -> Row:
    alarm_checks.check_metric_alarm(params)
    record = _record(ctx, "MetricAlarm", params)
    if "Metrics" not in params:
        record["Dimensions"] = params.get("Dimensions", [])
    record["TreatMissingData"] = params.get("TreatMissingData", "missing")
    _put(ctx, "MetricAlarm", record, params)
    return {}


@operation("PutCompositeAlarm", CLOUDWATCH)
def put_composite_alarm(ctx: Context, params: Row) -> Row:
    """The rule is evaluated at once; an update keeps the state if the new rule gives the same."""
    alarm_checks.check_composite_alarm(ctx, params)
    with store.lock:
        existing = seam.alarm(ctx, params["AlarmName"])
        record = _record(ctx, "CompositeAlarm", params)
        if not params.get("ActionsSuppressor"):
            for name in _NOTES[2:]:
                record.pop(name, None)
        _put(ctx, "CompositeAlarm", record, params)
        seam.settle_composite_alarm(ctx, record, "updated" if existing else "created")
    return {}


@operation("DescribeAlarms", CLOUDWATCH)
def describe_alarms(ctx: Context, params: Row) -> Row:
    """Alarms of both kinds in the order of their names; the token is the name of the next one, as on AWS."""
    _check_filters(params)
    found = _in_account(ctx)
    if parent := params.get("ChildrenOfAlarmName"):
        wanted = set(_children(ctx, found, parent))
        chosen = [item for item in found if item[1]["AlarmName"] in wanted]
        return {
            "MetricAlarms": [_summary(record) for kind, record in chosen if kind == "MetricAlarm"],
            "CompositeAlarms": [_summary(record) for kind, record in chosen if kind == "CompositeAlarm"],
        }
    if child := params.get("ParentsOfAlarmName"):
        parents = [record for kind, record in found if kind == "CompositeAlarm" and child in _rule(ctx, record)]
        return {"MetricAlarms": [], "CompositeAlarms": [_summary(record) for record in parents]}
    types = params.get("AlarmTypes") or ["MetricAlarm"]
    listed = [(kind, record) for kind, record in found if kind in types and _matches(record, params)]
    if token := params.get("NextToken"):
        listed = [item for item in listed if item[1]["AlarmName"] >= token]
    size = params.get("MaxRecords", _PAGE)
    page = listed[:size]
    answer: Row = {
        "MetricAlarms": [_plain(record) for kind, record in page if kind == "MetricAlarm"],
        "CompositeAlarms": [_plain(record) for kind, record in page if kind == "CompositeAlarm"],
    }
    if len(listed) > size:
        answer["NextToken"] = listed[size][1]["AlarmName"]
    return answer


@operation("SetAlarmState", CLOUDWATCH)
def set_alarm_state(ctx: Context, params: Row) -> Row:
    """Until the next evaluation: of a metric alarm half a second later, of a composite one when a child changes."""
    found = seam.alarm(ctx, params["AlarmName"])
    if found is None:
        raise AwsError("ResourceNotFound", f"Alarm {params['AlarmName']} not found", 404)
    record = found[1]
    if data := params.get("StateReasonData"):
        try:
            json.loads(data)
        except ValueError as error:
            raise AwsError("InvalidFormat", f"StateReasonData is not JSON: {error}") from error
    with store.lock:
        record.pop("StateReasonData", None)
        if data:
            record["StateReasonData"] = data
        if record["StateValue"] != params["StateValue"]:
            alarms.change(ctx, record, params["StateValue"], params["StateReason"], time.time())
        else:
            record.update(StateReason=params["StateReason"], StateUpdatedTimestamp=time.time())
    return {}


def replace_tags(ctx: Context, name: str, tags: list[dict[str, str]]) -> None:
    """The tags of an alarm, as CloudFormation replaces them; PutMetricAlarm leaves those of an existing alarm."""
    found = seam.alarm(ctx, name)
    if found is not None:
        seam.put_alarm(ctx, found[0], found[1], tags)


def _record(ctx: Context, kind: seam.AlarmKind, params: Row) -> Row:
    name, now = params["AlarmName"], time.time()
    existing = seam.alarm(ctx, name)
    if existing is not None and existing[0] != kind:
        raise ValidationException(f"There is a {existing[0]} with the name {name}; names are shared by both types.")
    record: Row = {
        **{key: value for key, value in params.items() if key != "Tags"},
        "AlarmArn": f"arn:aws:cloudwatch:{ctx.region}:{ctx.account}:alarm:{name}",
        "ActionsEnabled": params.get("ActionsEnabled", True),
        **{key: params.get(key, []) for key in _LISTS},
        "AlarmConfigurationUpdatedTimestamp": now,
        "StateValue": "INSUFFICIENT_DATA",
        "StateReason": "Unchecked: Initial alarm creation",
        "StateUpdatedTimestamp": now,
        "StateTransitionedTimestamp": now,
    }
    if existing is not None:
        record |= {key: existing[1][key] for key in (*_STATE, *_NOTES) if key in existing[1]}
    record.setdefault("_told", records.state_of(record))
    return record


def _put(ctx: Context, kind: seam.AlarmKind, record: Row, params: Row) -> None:
    is_new = seam.alarm(ctx, record["AlarmName"]) is None
    # Tags of an update are ignored (API reference).
    seam.put_alarm(ctx, kind, record, params.get("Tags", []) if is_new else None)
    what = "created" if is_new else "updated"
    summary = f'Alarm "{record["AlarmName"]}" {what}'
    data = {"version": "1.0", "type": "Create" if is_new else "Update"}
    seam.note_alarm(ctx, record, kind, "ConfigurationUpdate", summary, json.dumps(data))


def _check_filters(params: Row) -> None:
    if "AlarmNames" in params and "AlarmNamePrefix" in params:
        raise ValidationException("AlarmNamePrefix cannot be used with AlarmNames")
    for name in ("ChildrenOfAlarmName", "ParentsOfAlarmName"):
        if name in params and set(params) - {name, "MaxRecords", "NextToken"}:
            raise ValidationException(f"{name} can only be used with MaxRecords and NextToken.")


def _in_account(ctx: Context) -> list[tuple[seam.AlarmKind, Row]]:
    kinds: list[tuple[seam.AlarmKind, Row]] = [("MetricAlarm", alarm) for at, alarm in seam.alarms() if at == ctx]
    kinds += [("CompositeAlarm", alarm) for at, alarm in seam.composite_alarms() if at == ctx]
    return sorted(kinds, key=lambda item: (item[1]["AlarmName"], item[0]))


def _matches(record: Row, params: Row) -> bool:
    actions = [action for name in _LISTS for action in record.get(name) or ()]
    return (
        (not params.get("AlarmNames") or record["AlarmName"] in params["AlarmNames"])
        and record["AlarmName"].startswith(params.get("AlarmNamePrefix", ""))
        and params.get("StateValue", record["StateValue"]) == record["StateValue"]
        and ("ActionPrefix" not in params or any(each.startswith(params["ActionPrefix"]) for each in actions))
    )


def _rule(ctx: Context, record: Row) -> list[str]:
    return seam.rule_alarms(ctx, record["AlarmRule"])


def _children(ctx: Context, found: list[tuple[seam.AlarmKind, Row]], name: str) -> list[str]:
    for kind, record in found:
        if kind == "CompositeAlarm" and record["AlarmName"] == name:
            return _rule(ctx, record)
    return []


def _summary(record: Row) -> Row:
    """What is told of children and parents: name, ARN and state."""
    members = ("AlarmName", "AlarmArn", "StateValue", "StateUpdatedTimestamp", "StateTransitionedTimestamp")
    return {name: record[name] for name in members if name in record}


def _plain(record: Row) -> Row:
    return {name: value for name, value in record.items() if value not in (None, "") or name == "StateReason"}
