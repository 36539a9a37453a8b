"""CloudWatch: metrics, alarms and dashboards, in ministack's own records, where checkpoints and tags find them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from local_aws.core import store
from local_aws.core.api import Context
from local_aws.core.metrics import Measure
from local_aws.seam.hosting import acting_in, current

Record = dict[str, Any]
AlarmKind = Literal["MetricAlarm", "CompositeAlarm"]
_EVICTION_SECONDS = 3600.0


def replace_alarm_evaluation(act: Callable[[Context, Record, str, str, str], None]) -> None:
    """Switch ministack's own evaluation of metric alarms off, and send every change of state to
    `act(ctx, record, old state, new state, reason)` instead of to its SNS actions."""
    from ministack.services import cloudwatch

    def dispatch(alarm: Record, old: str, new: str, reason: str) -> None:
        act(current(), alarm, old, new, reason)

    cloudwatch._evaluate_alarm = lambda _alarm: None
    cloudwatch._dispatch_alarm_actions = dispatch
    _evict_once_in_a_while()


def _evict_once_in_a_while() -> None:
    """ministack copies every stored point at each CloudWatch request, in search of points that are two weeks old."""
    from ministack.services import cloudwatch

    evict, due = cloudwatch._evict_old_metrics, time.monotonic() + _EVICTION_SECONDS

    def evict_if_due() -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + _EVICTION_SECONDS
            evict()

    cloudwatch._evict_old_metrics = evict_if_due


def alarms() -> list[tuple[Context, Record]]:
    """Every metric alarm with its account and region."""
    return _everywhere("MetricAlarm")


def composite_alarms() -> list[tuple[Context, Record]]:
    """Every composite alarm with its account and region."""
    return _everywhere("CompositeAlarm")


def alarm(ctx: Context, name: str) -> tuple[AlarmKind, Record] | None:
    """A metric or composite alarm; None where there is none."""
    kinds: tuple[AlarmKind, ...] = ("MetricAlarm", "CompositeAlarm")
    for kind in kinds:
        found = _alarms(kind)._data.get((ctx.account, ctx.region, name))
        if found is not None:
            return kind, found
    return None


def put_alarm(ctx: Context, kind: AlarmKind, record: Record, tags: list[dict[str, str]] | None) -> None:
    """Store an alarm; `tags` replace those it has, unless they are None."""
    from ministack.services import cloudwatch

    with store.lock, acting_in(ctx):
        _alarms(kind)[record["AlarmName"]] = record
        if tags is not None:
            cloudwatch._resource_tags[record["AlarmArn"]] = {tag["Key"]: tag["Value"] for tag in tags}


def metric_points(ctx: Context, namespace: str, name: str, dimensions: Mapping[str, str]) -> list[Record]:
    """The stored points of exactly this metric, oldest write first: the list itself, to which later ones are added."""
    from ministack.services import cloudwatch

    key = (ctx.account, ctx.region, (namespace, name, cloudwatch._dims_key(dict(dimensions))))
    found: list[Record] = cloudwatch._metrics._data.get(key) or []
    return found


def write_measures(ctx: Context, measures: Iterable[Measure]) -> None:
    """Write values of AWS's own namespaces, with the present time."""
    from ministack.services import cloudwatch

    with acting_in(ctx):
        for each in measures:
            cloudwatch.record_metric(each.namespace, each.name, each.value, each.unit, dict(each.dimensions))


def visible_messages() -> dict[tuple[Context, str], int]:
    """How many messages each queue has that could be received, by its name."""
    from ministack.services import sqs

    now = time.time()
    found: dict[tuple[Context, str], int] = {}
    for (account, region, url), queue in list(sqs._queues._data.items()):
        visible = sum(1 for message in list(queue["messages"]) if message["visible_at"] <= now)
        found[Context(account, region), str(url).rpartition("/")[2]] = visible
    return found


def statistic(points: list[Record], name: str) -> float | None:
    """A basic or percentile statistic of points; None where there is none."""
    from ministack.services import cloudwatch

    values = cloudwatch._calc_stats(points)
    value = cloudwatch._stat_value(values, name, points) if values else None
    return None if value is None else float(value)


def change_alarm(ctx: Context, record: Record, state: str, reason: str, now: float) -> None:
    """Move an alarm to `state`: its record, its history, its actions, and the composite alarms above it."""
    from ministack.services import cloudwatch

    before = record["StateValue"]
    with store.lock, acting_in(ctx):
        composite = record["AlarmName"] in cloudwatch._composite_alarms
        record.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=now, StateTransitionedTimestamp=now)
        if composite:
            cloudwatch._composite_triggers.pop(record["AlarmName"], None)
        kind = "CompositeAlarm" if composite else "MetricAlarm"
        cloudwatch._record_history(record["AlarmName"], before, state, reason, kind)
        cloudwatch._dispatch_alarm_actions(record, before, state, reason)
        cloudwatch._evaluate_parent_alarms(record)


def note_alarm(ctx: Context, record: Record, kind: AlarmKind, item: str, summary: str, data: str) -> None:
    """Add an item to the history of an alarm: ConfigurationUpdate or Action."""
    from ministack.services import cloudwatch

    with store.lock, acting_in(ctx):
        cloudwatch._history_entries().append(
            {
                "AlarmName": record["AlarmName"],
                "AlarmType": kind,
                "Timestamp": cloudwatch._ts_iso(time.time()),
                "HistoryItemType": item,
                "HistorySummary": summary,
                "HistoryData": data,
            }
        )


def rule_alarms(ctx: Context, rule: str) -> list[str]:
    """The names that an alarm rule refers to, in its order; an ARN of elsewhere as it is.

    Errors: ValueError for a wrong rule."""
    from ministack.services import cloudwatch

    references = cloudwatch._rule_refs(cloudwatch._parse_alarm_rule(rule))
    with acting_in(ctx):
        return list(dict.fromkeys(cloudwatch._rule_ref_name(each) or each for each in references))


def settle_composite_alarm(ctx: Context, record: Record, verb: str) -> None:
    """Bring a composite alarm whose rule was set to the state that the rule gives; `verb` is created or updated."""
    from ministack.services import cloudwatch

    with store.lock, acting_in(ctx):
        state = cloudwatch._composite_rule_state(record)
        if state != record["StateValue"]:
            reason = f"{record['AlarmArn']} was {verb} and its {'new ' * (verb == 'updated')}alarm rule evaluates to"
            children = cloudwatch._matching_children(record, state)
            cloudwatch._transition_composite(record, state, f"{reason} {state}", children)


def dashboard(ctx: Context, name: str) -> Record | None:
    """A stored dashboard; None where there is none."""
    from ministack.services import cloudwatch

    found = cloudwatch._dashboards._data.get((ctx.account, ctx.region, name))
    return None if found is None else dict(found)


def put_dashboard(ctx: Context, name: str, body: str) -> None:
    """Make or replace a dashboard."""
    from ministack.services import cloudwatch

    with store.lock, acting_in(ctx):
        cloudwatch.cloudformation_put_dashboard(name, body)


def delete_dashboard(ctx: Context, name: str) -> None:
    """Remove a dashboard."""
    from ministack.services import cloudwatch

    with store.lock, acting_in(ctx):
        cloudwatch.cloudformation_delete_dashboard(name)


def _alarms(kind: AlarmKind) -> Any:
    from ministack.services import cloudwatch

    return cloudwatch._alarms if kind == "MetricAlarm" else cloudwatch._composite_alarms


def _everywhere(kind: AlarmKind) -> list[tuple[Context, Record]]:
    return [(Context(key[0], key[1]), record) for key, record in list(_alarms(kind)._data.items())]
