"""EventBridge Scheduler's CloudFormation types, provisioned through its operations.

Ref is the name. Source: template reference, AWS::Scheduler::*, "Return values", and the types' schemas.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from local_aws import seam
from local_aws.cloudformation import schemas
from local_aws.core import shapes
from local_aws.core.api import SCHEDULER, Context, call
from local_aws.scheduler.groups import DEFAULT, ScheduleNotFound
from local_aws.seam import Physical, Properties
from local_aws.state import REGION

_NAME_LIMIT = 64


class Schedule:
    """A schedule; its group is part of what identifies it."""

    type_name = "AWS::Scheduler::Schedule"
    name = "Name"
    taggable = False

    @property
    def create_only(self) -> Container[str]:
        return ("Name", "GroupName")

    def create(self, ctx: Context, physical_name: Callable[[int], str], props: Properties) -> Physical:
        name = str(props.get("Name") or physical_name(_NAME_LIMIT))
        return self._put(ctx, "CreateSchedule", name, props)

    def update(self, ctx: Context, ref: str, _old: Properties, new: Properties) -> Physical:
        return self._put(ctx, "UpdateSchedule", ref, new)

    def delete(self, ctx: Context, ref: str, props: Properties) -> None:
        _unless_gone(ctx, "DeleteSchedule", {"Name": ref, "GroupName": props.get("GroupName", DEFAULT)})

    def _put(self, ctx: Context, operation: str, name: str, props: Properties) -> Physical:
        request = shapes.from_template(operation, {**props, "Name": name}, SCHEDULER)
        answer = call(ctx, operation, request, SCHEDULER)
        return name, {"Arn": answer["ScheduleArn"]}


class ScheduleGroup:
    """A group of schedules; only its tags can change."""

    type_name = "AWS::Scheduler::ScheduleGroup"
    name = "Name"
    taggable = True

    @property
    def create_only(self) -> Container[str]:
        schema = schemas.schema(self.type_name, REGION)
        return schema.create_only if schema else ()

    def create(self, ctx: Context, physical_name: Callable[[int], str], props: Properties) -> Physical:
        name = str(props.get("Name") or physical_name(_NAME_LIMIT))
        call(ctx, "CreateScheduleGroup", {"Name": name, "Tags": props.get("Tags", [])}, SCHEDULER)
        return self._physical(ctx, name)

    def update(self, ctx: Context, ref: str, old: Properties, new: Properties) -> Physical:
        arn = call(ctx, "GetScheduleGroup", {"Name": ref}, SCHEDULER)["Arn"]
        after = new.get("Tags", [])
        kept = {tag["Key"] for tag in after}
        if gone := [tag["Key"] for tag in old.get("Tags", []) if tag["Key"] not in kept]:
            call(ctx, "UntagResource", {"ResourceArn": arn, "TagKeys": gone}, SCHEDULER)
        if after:
            call(ctx, "TagResource", {"ResourceArn": arn, "Tags": after}, SCHEDULER)
        return self._physical(ctx, ref)

    def delete(self, ctx: Context, ref: str, _props: Properties) -> None:
        _unless_gone(ctx, "DeleteScheduleGroup", {"Name": ref})

    def _physical(self, ctx: Context, name: str) -> Physical:
        row = call(ctx, "GetScheduleGroup", {"Name": name}, SCHEDULER)
        times = {key: row[key].isoformat() for key in ("CreationDate", "LastModificationDate")}
        return name, {"Arn": row["Arn"], "State": row["State"], **times}


TYPES: tuple[Schedule, ScheduleGroup] = (Schedule(), ScheduleGroup())


def install() -> None:
    """Let CloudFormation provision these types."""
    for resource in TYPES:
        seam.add_resource_type(resource.type_name, resource)


def _unless_gone(ctx: Context, operation: str, params: Properties) -> None:
    try:
        call(ctx, operation, params, SCHEDULER)
    except ScheduleNotFound:
        return
