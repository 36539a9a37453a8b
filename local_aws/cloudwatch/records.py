"""Alarms as they are told: to EventBridge, to Lambda functions and to topics.

Sources: user guide, cloudwatch-and-eventbridge and alarms-and-actions-Lambda, with their examples; the message of a
topic is as CloudWatch sends it.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from local_aws.core.api import Context

Record = dict[str, Any]


def time_text(at: float) -> str:
    """A time as alarms tell it: 2026-11-21T16:00:00.000+0000."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def is_composite(record: Record) -> bool:
    return "AlarmRule" in record


def state_of(record: Record) -> Record:
    """The state of an alarm, as `state` and `previousState` show it."""
    state: Record = {
        "value": record["StateValue"],
        "reason": record.get("StateReason", ""),
        "timestamp": time_text(float(record.get("StateUpdatedTimestamp", 0))),
    }
    if record.get("StateReasonData"):
        state["reasonData"] = record["StateReasonData"]
    if record.get("ActionsSuppressedBy"):
        state["actionsSuppressedBy"] = record["ActionsSuppressedBy"]
        state["actionsSuppressedReason"] = record.get("ActionsSuppressedReason", "")
    return state


def alarm_data(record: Record, previous: Record) -> Record:
    """The detail of a state change event, and alarmData of what a Lambda function gets."""
    return {
        "alarmName": record["AlarmName"],
        "state": state_of(record),
        "previousState": previous,
        "configuration": _configuration(record),
    }


def invocation(ctx: Context, record: Record, previous: Record) -> Record:
    """What a Lambda function gets that an alarm invokes."""
    return {
        "source": "aws.cloudwatch",
        "alarmArn": record["AlarmArn"],
        "accountId": ctx.account,
        "time": time_text(float(record["StateUpdatedTimestamp"])),
        "region": ctx.region,
        "alarmData": alarm_data(record, previous),
    }


def message(ctx: Context, record: Record, old: str) -> str:
    """What a topic gets."""
    told: Record = {
        "AlarmName": record["AlarmName"],
        "AlarmDescription": record.get("AlarmDescription") or None,
        "AWSAccountId": ctx.account,
        "AlarmConfigurationUpdatedTimestamp": time_text(float(record["AlarmConfigurationUpdatedTimestamp"])),
        "NewStateValue": record["StateValue"],
        "NewStateReason": record["StateReason"],
        "StateChangeTime": time_text(float(record["StateUpdatedTimestamp"])),
        "Region": ctx.region,
        "AlarmArn": record["AlarmArn"],
        "OldStateValue": old,
        **{name: record.get(name) or [] for name in ("OKActions", "AlarmActions", "InsufficientDataActions")},
    }
    if is_composite(record):
        children = json.loads(record.get("StateReasonData") or "{}").get("triggeringAlarms", [])
        told["AlarmRule"] = record["AlarmRule"]
        told["TriggeringChildren"] = [
            {"Arn": each["arn"], "State": {key.capitalize(): value for key, value in each["state"].items()}}
            for each in children
        ]
    else:
        told["Trigger"] = _trigger(record)
    return json.dumps(told)


def _configuration(record: Record) -> Record:
    shown: Record = {"description": record.get("AlarmDescription") or ""}
    if is_composite(record):
        shown["alarmRule"] = record["AlarmRule"]
        for name in ("ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod"):
            if name in record:
                shown[name[0].lower() + name[1:]] = record[name]
        return shown
    if record.get("Metrics"):
        return {**shown, "metrics": [_query(query) for query in record["Metrics"]]}
    stat = {
        "metric": _metric(record),
        "period": record["Period"],
        "stat": record.get("ExtendedStatistic") or record.get("Statistic"),
    }
    name = str(uuid.uuid5(uuid.NAMESPACE_URL, record["AlarmArn"]))
    return {**shown, "metrics": [{"id": name, "metricStat": stat, "returnData": True}]}


def _query(query: Record) -> Record:
    shown: Record = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    if "Label" in query:
        shown["label"] = query["Label"]
    if "Expression" in query:
        return {**shown, "expression": query["Expression"]}
    stat = query["MetricStat"]
    shown["metricStat"] = {"metric": _metric(stat["Metric"]), "period": stat["Period"], "stat": stat["Stat"]}
    return shown


def _metric(holder: Record) -> Record:
    return {
        "namespace": holder["Namespace"],
        "name": holder["MetricName"],
        "dimensions": {pair["Name"]: pair["Value"] for pair in holder.get("Dimensions") or ()},
    }


def _trigger(record: Record) -> Record:
    """What the alarm watches; dimensions have small letters here."""
    common: Record = {
        "EvaluationPeriods": record["EvaluationPeriods"],
        "DatapointsToAlarm": record.get("DatapointsToAlarm") or record["EvaluationPeriods"],
        "ComparisonOperator": record["ComparisonOperator"],
        "Threshold": record.get("Threshold"),
        "TreatMissingData": record.get("TreatMissingData") or "missing",
        "EvaluateLowSampleCountPercentile": record.get("EvaluateLowSampleCountPercentile") or "",
    }
    if record.get("Metrics"):
        return {"Metrics": [_trigger_query(query) for query in record["Metrics"]], **common}
    extended = record.get("ExtendedStatistic")
    return {
        "MetricName": record["MetricName"],
        "Namespace": record["Namespace"],
        "StatisticType": "ExtendedStatistic" if extended else "Statistic",
        "Statistic": extended or str(record.get("Statistic") or "").upper(),
        "Unit": record.get("Unit"),
        "Dimensions": _small(record),
        "Period": record["Period"],
        **common,
    }


def _trigger_query(query: Record) -> Record:
    if "MetricStat" not in query:
        return query
    stat = query["MetricStat"]
    metric = {**stat["Metric"], "Dimensions": _small(stat["Metric"])}
    return {**query, "MetricStat": {**stat, "Metric": metric}}


def _small(holder: Record) -> list[Record]:
    return [{"name": pair["Name"], "value": pair["Value"]} for pair in holder.get("Dimensions") or ()]
