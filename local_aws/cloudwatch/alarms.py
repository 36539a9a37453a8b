"""Metric alarms, evaluated with their dimensions, datapoints to alarm and treatment of missing data.

As in AWS, an alarm looks at its last evaluation periods, changes its state when enough of their
datapoints breach the threshold, and then acts. One thing differs: here metrics arrive at once, so
the periods end now instead of at a full minute, and short baking times notice an error.
Source: user guide, alarm-evaluation and alarms-and-missing-data; cloudwatch-and-eventbridge for the event.
"""

from __future__ import annotations

import math
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local_aws import seam
from local_aws.core import api, events
from local_aws.core.api import Context

_TICK_SECONDS = 0.5
_BREACHES = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}
_WORDS = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}


@dataclass(frozen=True)
class Verdict:
    """The state of an alarm, and the sentence that explains it."""

    state: str
    reason: str


def install() -> None:
    """Evaluate every alarm on a tick instead of ministack, which ignores dimensions and missing data."""
    seam.replace_alarm_evaluation()
    api.on_tick(_TICK_SECONDS, evaluate_all)


def evaluate_all() -> None:
    """Evaluate every metric alarm of every account and region, and act on changes."""
    now = time.time()
    for ctx, alarm in seam.alarms():
        if alarm.get("MetricName") and alarm.get("ComparisonOperator") in _BREACHES:
            verdict = judge(alarm, datapoints(ctx, alarm, now))
            if verdict is not None and verdict.state != alarm["StateValue"]:
                _change(ctx, alarm, verdict, now)


def datapoints(ctx: Context, alarm: dict[str, Any], now: float) -> list[float | None]:
    """The statistic of each evaluation period, newest first; None where there is no data."""
    dimensions = {pair["Name"]: pair["Value"] for pair in alarm.get("Dimensions") or ()}
    points = seam.metric_points(ctx, alarm["Namespace"], alarm["MetricName"], dimensions)
    period = int(alarm["Period"])
    periods: list[list[dict[str, Any]]] = [[] for _ in range(int(alarm["EvaluationPeriods"]))]
    unit = alarm.get("Unit")
    for point in points:
        age = math.floor((now - point["Timestamp"]) / period)
        if 0 <= age < len(periods) and (not unit or point.get("Unit") == unit):
            periods[age].append(point)
    name = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    return [seam.statistic(inside, name) for inside in periods]


def judge(alarm: dict[str, Any], values: list[float | None]) -> Verdict | None:
    """What the datapoints say of the alarm; None where it keeps its state."""
    treatment = alarm.get("TreatMissingData") or "missing"
    threshold, operator = float(alarm["Threshold"]), alarm["ComparisonOperator"]
    needed = int(alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"])
    present = [value for value in values if value is not None]
    missing = len(values) - len(present)
    breaching = [value for value in present if _BREACHES[operator](value, threshold)]
    if not present:
        return _without_data(treatment, len(values))
    # Missing datapoints count as the treatment says; with "missing" and "ignore" they neither breach nor not.
    counted = len(breaching) + (missing if treatment == "breaching" else 0)
    if counted >= needed:
        shown = ", ".join(f"{value:g}" for value in breaching) or "missing datapoints"
        return Verdict("ALARM", _crossed(len(values), counted, shown, operator, threshold))
    if treatment == "ignore" and counted + missing >= needed:
        return None
    shown = ", ".join(f"{value:g}" for value in present)
    return Verdict("OK", _not_crossed(len(values), shown, operator, threshold))


def _without_data(treatment: str, periods: int) -> Verdict | None:
    no_data = f"no datapoints were received for {periods} period{'s' if periods > 1 else ''}"
    if treatment == "breaching":
        return Verdict("ALARM", f"Threshold Crossed: {no_data} and missing datapoints were treated as breaching.")
    if treatment == "notBreaching":
        return Verdict("OK", f"Threshold Crossed: {no_data} and missing datapoints were treated as nonBreaching.")
    if treatment == "ignore":
        return None
    return Verdict("INSUFFICIENT_DATA", f"Insufficient Data: {no_data}.")


def _crossed(periods: int, count: int, values: str, operator: str, threshold: float) -> str:
    return (
        f"Threshold Crossed: {count} out of the last {periods} datapoints [{values}] "
        f"was {_WORDS[operator]} the threshold ({threshold:g})."
    )


def _not_crossed(periods: int, values: str, operator: str, threshold: float) -> str:
    return (
        f"Threshold Crossed: not enough of the last {periods} datapoints [{values}] "
        f"were {_WORDS[operator]} the threshold ({threshold:g}): alarm to OK."
    )


def _change(ctx: Context, alarm: dict[str, Any], verdict: Verdict, now: float) -> None:
    before = {"value": alarm["StateValue"], "reason": alarm.get("StateReason", "")}
    seam.change_alarm(ctx, alarm, verdict.state, verdict.reason, now)
    at = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
    metric = {
        "namespace": alarm["Namespace"],
        "name": alarm["MetricName"],
        "dimensions": {pair["Name"]: pair["Value"] for pair in alarm.get("Dimensions") or ()},
    }
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
    events.emit(
        ctx,
        "CloudWatch Alarm State Change",
        {
            "alarmName": alarm["AlarmName"],
            "state": {"value": verdict.state, "reason": verdict.reason, "timestamp": at},
            "previousState": before,
            "configuration": {
                "description": alarm.get("AlarmDescription", ""),
                "metrics": [
                    {
                        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, alarm["AlarmArn"])),
                        "metricStat": {"metric": metric, "period": alarm["Period"], "stat": statistic},
                        "returnData": True,
                    }
                ],
            },
        },
        [alarm["AlarmArn"]],
        source="aws.cloudwatch",
    )
