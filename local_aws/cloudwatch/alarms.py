"""Alarms on a tick: metric alarms with their dimensions or metric math, datapoints to alarm and missing data.

As in AWS, an alarm looks at its last evaluation periods, changes its state when enough of their
datapoints breach the threshold, and then acts. One thing differs: here metrics arrive at once, so
the periods end now instead of at a full minute, and short baking times notice an error. Composite alarms change with
their children; the tick looks after what suppresses their actions.
Source: user guide, alarm-evaluation and alarms-and-missing-data; cloudwatch-and-eventbridge for the event.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local_aws import seam
from local_aws.cloudwatch import actions, points, queries, suppression
from local_aws.cloudwatch.math_syntax import MathError
from local_aws.cloudwatch.math_values import as_series
from local_aws.cloudwatch.points import Statistic
from local_aws.core import api, store
from local_aws.core.api import Context, ValidationException

_TICK_SECONDS = 0.5
_BREACHES = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}
OPERATORS = tuple(_BREACHES)
_WORDS = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
log = logging.getLogger("local_aws.alarms")


@dataclass
class _Passes:
    """How often the evaluation of all alarms has begun, and the last one that ended."""

    begun: int = 0
    ended: int = 0


_passes = _Passes()


@dataclass(frozen=True)
class Verdict:
    """The state of an alarm, and the sentence that explains it."""

    state: str
    reason: str


def install() -> None:
    """Evaluate every alarm on a tick instead of ministack, which ignores dimensions, math and missing data."""
    seam.replace_alarm_evaluation(actions.changed)
    api.on_tick(_TICK_SECONDS, evaluate_all)
    api.on_stop(actions.wait)


def evaluate_all() -> None:
    """Evaluate every alarm of every account and region, and act on changes. One thread does it."""
    _passes.begun += 1
    now = time.time()
    for ctx, alarm in seam.alarms():
        if alarm.get("ComparisonOperator") in _BREACHES:
            verdict = _verdict(ctx, alarm, now)
            if verdict is not None and verdict.state != alarm["StateValue"]:
                change(ctx, alarm, verdict.state, verdict.reason, now)
    for ctx, alarm in seam.composite_alarms():
        _look_after(ctx, alarm)
    _passes.ended = _passes.begun


def evaluated_anew() -> Callable[[], bool]:
    """Tells whether every alarm has been evaluated on what metrics say now, or later."""
    before = _passes.begun
    return lambda: _passes.ended > before


def change(ctx: Context, alarm: dict[str, Any], state: str, reason: str, now: float) -> None:
    """Move an alarm to another state, if it was not deleted or replaced in the meantime."""
    with store.lock:
        found = seam.alarm(ctx, alarm["AlarmName"])
        if found is not None and found[1] is alarm:
            seam.change_alarm(ctx, alarm, state, reason, now)


def _look_after(ctx: Context, alarm: dict[str, Any]) -> None:
    with store.lock:
        told, before = suppression.due(ctx, alarm)
        if told:
            actions.tell(ctx, alarm, alarm["StateValue"])
        if before is not None:
            actions.perform(ctx, alarm, before, alarm["StateValue"])


def _verdict(ctx: Context, alarm: dict[str, Any], now: float) -> Verdict | None:
    try:
        values = datapoints(ctx, alarm, now)
    except (MathError, ValidationException) as error:
        log.info("%s: not evaluated: %s", alarm["AlarmName"], error)
        return Verdict("INSUFFICIENT_DATA", f"Insufficient Data: {error}")
    return judge(alarm, values)


def datapoints(ctx: Context, alarm: dict[str, Any], now: float) -> list[float | None]:
    """The value of each evaluation period, newest first; None where there is no data."""
    periods = int(alarm["EvaluationPeriods"])
    if not alarm.get("Metrics"):
        return points.before(ctx, Statistic.of_alarm(alarm), periods, now)
    wanted = returned(alarm["Metrics"])
    value = queries.values(
        alarm["Metrics"],
        wanted,
        periods,
        queries.period_of(alarm["Metrics"], wanted),
        lambda statistic: points.before(ctx, statistic, periods, now),
    )
    return as_series(value, periods)


def returned(metrics: list[dict[str, Any]]) -> str:
    """The id of the query that the alarm watches."""
    return next(str(query["Id"]) for query in metrics if query.get("ReturnData", True))


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
