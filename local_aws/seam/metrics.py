"""CloudWatch: metrics and alarms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_aws.core.api import Context
from local_aws.seam.hosting import acting_in


def replace_alarm_evaluation() -> None:
    """Switch ministack's own evaluation of metric alarms off."""
    from ministack.services import cloudwatch

    cloudwatch._evaluate_alarm = lambda _alarm: None


def alarms() -> list[tuple[Context, dict[str, Any]]]:
    """Every metric alarm with its account and region; the record is ministack's own."""
    from ministack.services import cloudwatch

    return [(Context(key[0], key[1]), alarm) for key, alarm in list(cloudwatch._alarms._data.items())]


def metric_points(ctx: Context, namespace: str, name: str, dimensions: Mapping[str, str]) -> list[dict[str, Any]]:
    """The stored points of exactly this metric, oldest write first."""
    from ministack.services import cloudwatch

    key = (ctx.account, ctx.region, (namespace, name, cloudwatch._dims_key(dict(dimensions))))
    return list(cloudwatch._metrics._data.get(key, ()))


def statistic(points: list[dict[str, Any]], name: str) -> float | None:
    """A basic or percentile statistic of points; None where there is none."""
    from ministack.services import cloudwatch

    values = cloudwatch._calc_stats(points)
    value = cloudwatch._stat_value(values, name, points) if values else None
    return None if value is None else float(value)


def change_alarm(ctx: Context, alarm: dict[str, Any], state: str, reason: str, now: float) -> None:
    """Move an alarm to `state`: its record, its history, its SNS actions and its composite parents."""
    from ministack.services import cloudwatch

    before = alarm["StateValue"]
    with acting_in(ctx):
        alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(now))
        cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
        cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
        cloudwatch._evaluate_parent_alarms(alarm)
