"""Scheduled actions: PutScheduledAction, DescribeScheduledActions, DeleteScheduledAction, and those that are due.

Source: API reference of the operations; user guide, application-auto-scaling-scheduled-scaling.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from local_aws.autoscaling import activities, resource, targets
from local_aws.autoscaling.resource import ObjectNotFound
from local_aws.core import store
from local_aws.core.api import APPLICATION_AUTOSCALING, AwsError, Context, ValidationException, operation
from local_aws.schedule import Schedule, ScheduleError

Row = dict[str, Any]
actions = store.table("scheduled_actions")
_KEPT = ("Schedule", "Timezone", "ScalableTargetAction")


@operation("PutScheduledAction", APPLICATION_AUTOSCALING)
def put_scheduled_action(ctx: Context, params: Row) -> Row:
    """Make or change an action; start and end times that are not given are deleted, other members are kept."""
    targets.find(ctx, params)
    row = actions.get(_key(ctx, params)) or _new(ctx, params)
    row = {name: value for name, value in row.items() if name not in ("StartTime", "EndTime")}
    row |= {name: params[name] for name in (*_KEPT, "StartTime", "EndTime") if name in params}
    _check(row)
    row["NextRun"] = _schedule(row).next(store.now())
    actions[_key(ctx, params)] = row
    return {}


@operation("DescribeScheduledActions", APPLICATION_AUTOSCALING)
def describe_scheduled_actions(ctx: Context, params: Row) -> Row:
    resource.check(params)
    filters: targets.Filters = {
        "ResourceId": lambda row, resource_id: row["ResourceId"] == resource_id,
        "ScheduledActionNames": lambda row, names: not names or row["ScheduledActionName"] in names,
    }
    return targets.described_page(actions.rows(ctx.account, ctx.region), params, "ScheduledActions", filters)


@operation("DeleteScheduledAction", APPLICATION_AUTOSCALING)
def delete_scheduled_action(ctx: Context, params: Row) -> Row:
    resource.check(params)
    if actions.pop(_key(ctx, params), None) is None:
        raise ObjectNotFound(
            f"No scheduled action found for {targets.described(params)}, "
            f"scheduled action name: {params['ScheduledActionName']}"
        )
    return {}


def run_due(ctx: Context, resource_id: str, now: datetime) -> None:
    """Set the bounds of a target as its actions want that are due, in the order of their times.

    Actions that were missed while the server was stopped run after its start, since AWS would have run them."""
    mine = [row for row in actions.rows(ctx.account, ctx.region) if row["ResourceId"] == resource_id]
    for row in sorted((row for row in mine if row["NextRun"] and row["NextRun"] <= now), key=lambda r: r["NextRun"]):
        with store.lock:
            if _key(ctx, row) in actions:
                actions[_key(ctx, row)] = {**row, "NextRun": _schedule(row).next(now)}
        _run(ctx, row)


def _run(ctx: Context, action: Row) -> None:
    target = targets.targets.get(targets.key(ctx, action["ResourceId"]))
    if target is None or target["SuspendedState"]["ScheduledScalingSuspended"]:
        return
    wanted = {**{name: target[name] for name in ("MinCapacity", "MaxCapacity")}, **action["ScalableTargetAction"]}
    what = f"Setting min capacity to {wanted['MinCapacity']} and max capacity to {wanted['MaxCapacity']}"
    cause = f"scheduled action name {action['ScheduledActionName']} was triggered"
    try:
        targets.check_range(wanted)
    except AwsError as error:
        activities.record(ctx, action["ResourceId"], what, cause, error.message)
        return
    targets.change(ctx, action["ResourceId"], {**wanted, "OutOfRange": True})
    activities.record(ctx, action["ResourceId"], what, cause)


def _forget(ctx: Context, resource_id: str) -> None:
    for row in actions.rows(ctx.account, ctx.region):
        if row["ResourceId"] == resource_id:
            actions.pop(_key(ctx, row), None)


targets.also_forget(_forget)


def _key(ctx: Context, params: Row) -> store.Key:
    return ctx.account, ctx.region, f"{params['ResourceId']}|{params['ScheduledActionName']}"


def _new(ctx: Context, params: Row) -> Row:
    resource_id, name = params["ResourceId"], params["ScheduledActionName"]
    place = f"arn:aws:autoscaling:{ctx.region}:{ctx.account}:scheduledAction:{uuid.uuid4()}"
    return {
        "ScheduledActionName": name,
        "ScheduledActionARN": f"{place}:resource/sagemaker/{resource_id}:scheduledActionName/{name}",
        "ServiceNamespace": params["ServiceNamespace"],
        "ResourceId": resource_id,
        "ScalableDimension": params["ScalableDimension"],
        "CreationTime": store.now(),
    }


def _check(row: Row) -> None:
    for name in ("Schedule", "ScalableTargetAction"):
        if not row.get(name):
            raise ValidationException(f"{name} must be given for a new scheduled action, and not be empty.")
    bounds = row["ScalableTargetAction"]
    if bounds.get("MinCapacity", 0) > bounds.get("MaxCapacity", bounds.get("MinCapacity", 0)):
        raise ValidationException("Maximum capacity cannot be less than minimum capacity")
    if "StartTime" in row and "EndTime" in row and row["StartTime"] >= row["EndTime"]:
        raise ValidationException("The end time of a scheduled action must be after its start time.")
    try:
        _schedule(row)
    except ScheduleError as error:
        raise ValidationException(str(error)) from error


def _schedule(row: Row) -> Schedule:
    zone = row.get("Timezone", "UTC")
    return Schedule.of(row["Schedule"], zone, row["CreationTime"], row.get("StartTime"), row.get("EndTime"))
