"""Schedule groups and their tags. Source: API reference of EventBridge Scheduler."""

from __future__ import annotations

from typing import Any

from local_aws.core import store
from local_aws.core.api import SCHEDULER, AwsError, Context, operation
from local_aws.core.listing import page

Row = dict[str, Any]
DEFAULT = "default"
_PAGE = 100
groups = store.table("schedule_groups")


class ScheduleNotFound(AwsError):
    """There is no such schedule or group."""

    def __init__(self, message: str) -> None:
        super().__init__("ResourceNotFoundException", message, 404)


def conflict(message: str) -> AwsError:
    return AwsError("ConflictException", message, 409)


def find(ctx: Context, name: str) -> Row:
    """A group; the one called default always exists.

    Errors: ScheduleNotFound."""
    row = groups.get((ctx.account, ctx.region, name))
    if row is None and name == DEFAULT:
        row = _made(ctx, DEFAULT)
    if row is None:
        raise ScheduleNotFound(f"Schedule group {name} does not exist.")
    return row


@operation("CreateScheduleGroup", SCHEDULER)
def create_schedule_group(ctx: Context, params: Row) -> Row:
    name = params["Name"]
    with store.lock:
        if name == DEFAULT or (ctx.account, ctx.region, name) in groups:
            raise conflict(f"Schedule group {name} already exists.")
        row = _made(ctx, name, {tag["Key"]: tag["Value"] for tag in params.get("Tags", [])})
    return {"ScheduleGroupArn": row["Arn"]}


@operation("GetScheduleGroup", SCHEDULER)
def get_schedule_group(ctx: Context, params: Row) -> Row:
    return find(ctx, params["Name"])


@operation("ListScheduleGroups", SCHEDULER)
def list_schedule_groups(ctx: Context, params: Row) -> Row:
    find(ctx, DEFAULT)
    return listed(groups.rows(ctx.account, ctx.region), params, "ScheduleGroups")


@operation("DeleteScheduleGroup", SCHEDULER)
def delete_schedule_group(ctx: Context, params: Row) -> Row:
    """The schedules of the group go with it."""
    from local_aws.scheduler import schedules

    name = params["Name"]
    if name == DEFAULT:
        raise AwsError("ValidationException", "The default schedule group cannot be deleted.")
    with store.lock:
        find(ctx, name)
        schedules.forget_group(ctx, name)
        del groups[ctx.account, ctx.region, name]
    return {}


@operation("TagResource", SCHEDULER)
def tag_resource(ctx: Context, params: Row) -> Row:
    with store.lock:
        row = _tagged(ctx, params["ResourceArn"])
        added = {tag["Key"]: tag["Value"] for tag in params["Tags"]}
        groups[ctx.account, ctx.region, row["Name"]] = {**row, "_Tags": {**row["_Tags"], **added}}
    return {}


@operation("UntagResource", SCHEDULER)
def untag_resource(ctx: Context, params: Row) -> Row:
    with store.lock:
        row = _tagged(ctx, params["ResourceArn"])
        kept = {key: value for key, value in row["_Tags"].items() if key not in params["TagKeys"]}
        groups[ctx.account, ctx.region, row["Name"]] = {**row, "_Tags": kept}
    return {}


@operation("ListTagsForResource", SCHEDULER)
def list_tags_for_resource(ctx: Context, params: Row) -> Row:
    row = _tagged(ctx, params["ResourceArn"])
    return {"Tags": [{"Key": key, "Value": value} for key, value in row["_Tags"].items()]}


def listed(rows: list[Row], params: Row, key: str) -> Row:
    """A page of rows by name, with the filters that rows have members for."""
    return page(
        rows,
        params,
        key=key,
        sort={"Name": lambda row: row["Name"]},
        default_sort="Name",
        default_order="Ascending",
        filters={
            "NamePrefix": lambda row, prefix: row["Name"].startswith(prefix),
            "GroupName": lambda row, group: row["GroupName"] == group,
            "State": lambda row, state: row["State"] == state,
        },
        max_results=_PAGE,
        created="CreationDate",
    )


def _made(ctx: Context, name: str, tags: dict[str, str] | None = None) -> Row:
    now = store.now()
    row: Row = {
        "Arn": f"arn:aws:scheduler:{ctx.region}:{ctx.account}:schedule-group/{name}",
        "Name": name,
        "State": "ACTIVE",
        "CreationDate": now,
        "LastModificationDate": now,
        "_Tags": tags or {},
    }
    groups[ctx.account, ctx.region, name] = row
    return row


def _tagged(ctx: Context, arn: str) -> Row:
    """Groups have tags; schedules have none, as on AWS."""
    _, _, name = arn.partition(":schedule-group/")
    if not name:
        raise ScheduleNotFound(f"Resource {arn} does not exist, or takes no tags; schedule groups do.")
    return find(ctx, name)
