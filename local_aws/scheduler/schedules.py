"""Schedules: CreateSchedule, UpdateSchedule, GetSchedule, ListSchedules, DeleteSchedule.

Source: API reference of EventBridge Scheduler; user guide, schedule-types.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from local_aws.core import store
from local_aws.core.api import SCHEDULER, Context, ValidationException, operation
from local_aws.schedule import Schedule, ScheduleError
from local_aws.scheduler import groups, targets
from local_aws.scheduler.groups import ScheduleNotFound

Row = dict[str, Any]
schedules = store.table("schedules")
_MEMBERS = (
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "KmsKeyArn",
    "ScheduleExpression",
    "StartDate",
    "Target",
)
_TOKEN = "ClientToken"  # noqa: S105 - a request's token


@operation("CreateSchedule", SCHEDULER)
def create_schedule(ctx: Context, params: Row) -> Row:
    name, group = params["Name"], params.get("GroupName", groups.DEFAULT)
    _check(params)
    with store.lock:
        groups.find(ctx, group)
        existing = schedules.get(_key(ctx, group, name))
        if existing is not None:
            if existing["_Token"] == params[_TOKEN]:
                return {"ScheduleArn": existing["Arn"]}
            raise groups.conflict(f"Schedule {name} already exists.")
        now = store.now()
        row = {**_row(params, now), "Name": name, "GroupName": group, "CreationDate": now, "_Token": params[_TOKEN]}
        row["Arn"] = f"arn:aws:scheduler:{ctx.region}:{ctx.account}:schedule/{group}/{name}"
        schedules[_key(ctx, group, name)] = {**row, "_Next": schedule_of(row).next(now)}
    return {"ScheduleArn": row["Arn"]}


@operation("UpdateSchedule", SCHEDULER)
def update_schedule(ctx: Context, params: Row) -> Row:
    """All settings are replaced: what is not given gets its default, as on AWS."""
    _check(params)
    with store.lock:
        before = find(ctx, params)
        now = store.now()
        kept = {name: before[name] for name in ("Arn", "Name", "GroupName", "CreationDate", "_Token")}
        row = {**_row(params, now), **kept}
        schedules[_key(ctx, row["GroupName"], row["Name"])] = {**row, "_Next": schedule_of(row).next(now)}
    return {"ScheduleArn": before["Arn"]}


@operation("GetSchedule", SCHEDULER)
def get_schedule(ctx: Context, params: Row) -> Row:
    return find(ctx, params)


@operation("ListSchedules", SCHEDULER)
def list_schedules(ctx: Context, params: Row) -> Row:
    if "GroupName" in params:
        groups.find(ctx, params["GroupName"])
    return groups.listed(schedules.rows(ctx.account, ctx.region), params, "Schedules")


@operation("DeleteSchedule", SCHEDULER)
def delete_schedule(ctx: Context, params: Row) -> Row:
    with store.lock:
        row = find(ctx, params)
        del schedules[_key(ctx, row["GroupName"], row["Name"])]
    return {}


def find(ctx: Context, params: Row) -> Row:
    """The schedule that a request names.

    Errors: ScheduleNotFound."""
    name, group = params["Name"], params.get("GroupName", groups.DEFAULT)
    row = schedules.get(_key(ctx, group, name))
    if row is None:
        raise ScheduleNotFound(f"Schedule {name} does not exist.")
    return row


def forget_group(ctx: Context, group: str) -> None:
    """Delete the schedules of a group."""
    for row in schedules.rows(ctx.account, ctx.region):
        if row["GroupName"] == group:
            del schedules[_key(ctx, group, row["Name"])]


def schedule_of(row: Row) -> Schedule:
    """When a schedule runs.

    Errors: ScheduleError."""
    once = row["ScheduleExpression"].startswith("at(")
    return Schedule.of(
        row["ScheduleExpression"],
        row.get("ScheduleExpressionTimezone", "UTC"),
        row.get("CreationDate") or row["LastModificationDate"],
        # A time that is given alone is not limited by them (API reference).
        None if once else row.get("StartDate"),
        None if once else row.get("EndDate"),
    )


def taken(key: store.Key, now: datetime) -> tuple[Row, datetime] | None:
    """The schedule and the time of its run if one is due; the next one is then set.

    Of the runs that were missed while the server was stopped, the newest is the one that is made up for."""
    with store.lock:
        row = schedules.get(key)
        if row is None or row["State"] != "ENABLED" or row["_Next"] is None or row["_Next"] > now:
            return None
        schedule = schedule_of(row)
        at = max(row["_Next"], schedule.newest(row["_Next"], now) or row["_Next"])
        following = schedule.next(now)
        if following is None and row["ActionAfterCompletion"] == "DELETE":
            del schedules[key]
        else:
            schedules[key] = {**row, "_Next": following}
        return row, at


def _row(params: Row, now: datetime) -> Row:
    return {
        **{name: params[name] for name in _MEMBERS if name in params},
        "ScheduleExpressionTimezone": params.get("ScheduleExpressionTimezone", "UTC"),
        "State": params.get("State", "ENABLED"),
        "ActionAfterCompletion": params.get("ActionAfterCompletion", "NONE"),
        "LastModificationDate": now,
    }


def _check(params: Row) -> None:
    window = params["FlexibleTimeWindow"]
    if (window["Mode"] == "FLEXIBLE") != ("MaximumWindowInMinutes" in window):
        raise ValidationException("MaximumWindowInMinutes must be given for a FLEXIBLE time window, and only for one.")
    if "StartDate" in params and "EndDate" in params and params["StartDate"] >= params["EndDate"]:
        raise ValidationException("The StartDate you specify must come before the EndDate.")
    try:
        schedule_of(_row(params, store.now()))
    except ScheduleError as error:
        raise ValidationException(f"Invalid Schedule Expression {params['ScheduleExpression']}. {error}") from error
    targets.check(params["Target"])


def _key(ctx: Context, group: str, name: str) -> store.Key:
    return ctx.account, ctx.region, f"{group}/{name}"
