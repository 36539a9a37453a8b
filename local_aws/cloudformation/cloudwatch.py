"""CloudWatch's CloudFormation types, provisioned through the operations that clients call.

Ref is the name; an alarm's Arn is its attribute. Source: template reference, AWS::CloudWatch::*, and the schemas.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Container
from typing import Any

from local_aws import clients, seam
from local_aws.cloudformation import schemas
from local_aws.cloudwatch import alarm_operations
from local_aws.core import shapes
from local_aws.core.api import CLOUDWATCH, Context, call
from local_aws.seam import Physical, Properties
from local_aws.state import REGION

_NAME_LIMIT = 255


class Named(ABC):
    """What the types share: a name that may be generated, and operations that make and change alike."""

    taggable = True

    def __init__(self, type_name: str, name: str, operation: str) -> None:
        self.type_name = type_name
        self.name = name
        self._operation = operation

    @property
    def create_only(self) -> Container[str]:
        schema = schemas.schema(self.type_name, REGION)
        return schema.create_only if schema else ()

    def create(self, ctx: Context, physical_name: Callable[[int], str], props: Properties) -> Physical:
        return self._put(ctx, str(props.get(self.name) or physical_name(_NAME_LIMIT)), props)

    def update(self, ctx: Context, ref: str, _old: Properties, new: Properties) -> Physical:
        return self._put(ctx, ref, new)

    @abstractmethod
    def delete(self, ctx: Context, ref: str, _props: Properties) -> None: ...

    def _put(self, ctx: Context, name: str, props: Properties) -> Physical:
        request = shapes.from_template(self._operation, {**props, self.name: name}, CLOUDWATCH)
        call(ctx, self._operation, request, CLOUDWATCH)
        return name, self._attributes(ctx, name, request)

    def _attributes(self, _ctx: Context, _name: str, _request: dict[str, Any]) -> dict[str, Any]:
        return {}


class Alarm(Named):
    """A metric or composite alarm."""

    def delete(self, ctx: Context, ref: str, _props: Properties) -> None:
        clients.client("cloudwatch", ctx).delete_alarms(AlarmNames=[ref])

    def _attributes(self, ctx: Context, name: str, request: dict[str, Any]) -> dict[str, Any]:
        alarm_operations.replace_tags(ctx, name, request.get("Tags", []))
        return {"Arn": f"arn:aws:cloudwatch:{ctx.region}:{ctx.account}:alarm:{name}"}


class Dashboard(Named):
    """A dashboard; its body is JSON text."""

    def delete(self, ctx: Context, ref: str, _props: Properties) -> None:
        seam.delete_dashboard(ctx, ref)


TYPES = (
    Alarm("AWS::CloudWatch::Alarm", "AlarmName", "PutMetricAlarm"),
    Alarm("AWS::CloudWatch::CompositeAlarm", "AlarmName", "PutCompositeAlarm"),
    Dashboard("AWS::CloudWatch::Dashboard", "DashboardName", "PutDashboard"),
)


def install() -> None:
    """Let CloudFormation provision these types, on worker threads: they call other services."""
    for resource in TYPES:
        seam.add_resource_type(resource.type_name, resource)
    names = {resource.type_name for resource in TYPES}
    seam.run_on_worker_threads(names.__contains__)
