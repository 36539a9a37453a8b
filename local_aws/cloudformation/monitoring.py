"""Model Monitor's CloudFormation types: checked against their schema, kept by SageMaker's operations, never run.

Ref is the ARN. Source: template reference, AWS::SageMaker::MonitoringSchedule and the job definitions, "Return values".
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from local_aws import seam
from local_aws.cloudformation import recorded, schema_check, schemas
from local_aws.core import shapes
from local_aws.core.api import Context, ResourceNotFound, call
from local_aws.sagemaker.monitoring import KINDS
from local_aws.seam import Physical, Properties
from local_aws.state import REGION

_NAME_LIMIT = 63


class MonitorType:
    """A type whose rows are made by Create<kind>, and named and identified by members of its own."""

    taggable = True

    def __init__(self, kind: str, name: str, arn: str) -> None:
        self.kind = kind
        self.type_name = f"AWS::SageMaker::{kind}"
        self.name = name
        self._arn = arn

    @property
    def create_only(self) -> Container[str]:
        schema = schemas.schema(self.type_name, REGION)
        return schema.create_only if schema else ()

    def create(self, ctx: Context, physical_name: Callable[[int], str], props: Properties) -> Physical:
        name = str(props.get(self.name) or physical_name(_NAME_LIMIT))
        return self._put(ctx, "Create", name, props, {"Tags": props.get("Tags", [])})

    def update(self, ctx: Context, ref: str, _old: Properties, new: Properties) -> Physical:
        """Only a schedule can be changed: every property of a job definition replaces it."""
        return self._put(ctx, "Update", self._name_of(ctx, ref), new, {})

    def delete(self, ctx: Context, ref: str, _props: Properties) -> None:
        try:
            call(ctx, f"Delete{self.kind}", {self.name: self._name_of(ctx, ref)})
        except ResourceNotFound:
            return

    def _put(self, ctx: Context, verb: str, name: str, props: Properties, more: dict[str, Any]) -> Physical:
        schema = schemas.schema(self.type_name, REGION)
        assert schema is not None
        if problems := schema_check.problems(schema, props):
            raise ValueError(f"Properties validation failed for {self.type_name}: {'; '.join(problems)}")
        recorded.told(self.type_name)
        operation = f"{verb}{self.kind}"
        known = shapes.members(operation, "sagemaker")
        request = {key: value for key, value in props.items() if key in known and key != "Tags"}
        call(ctx, operation, shapes.from_template(operation, {**request, **more, self.name: name}))
        row = call(ctx, f"Describe{self.kind}", {self.name: name})
        times: dict[str, Any] = {
            key: row[key].isoformat() for key in ("CreationTime", "LastModifiedTime") if key in row
        }
        return row[self._arn], {self._arn: row[self._arn], self.name: name, **times}

    def _name_of(self, ctx: Context, ref: str) -> str:
        """ARNs hold the name in small letters; the name in a template may have others."""
        operation = f"List{self.kind}s"
        given: dict[str, Any] = {"MaxResults": 100, "NameContains": ref.rpartition("/")[2]}
        key, member = ("MonitoringScheduleSummaries", "MonitoringSchedule")
        if self.kind != "MonitoringSchedule":
            key, member = ("JobDefinitionSummaries", "MonitoringJobDefinition")
        for row in call(ctx, operation, given)[key]:
            if row[f"{member}Arn"] == ref:
                return str(row[f"{member}Name"])
        return ref.rpartition("/")[2]


TYPES = (
    MonitorType("MonitoringSchedule", "MonitoringScheduleName", "MonitoringScheduleArn"),
    *(MonitorType(f"{kind}JobDefinition", "JobDefinitionName", "JobDefinitionArn") for kind in KINDS),
)


def install() -> None:
    """Let CloudFormation provision these types."""
    for resource in TYPES:
        seam.add_resource_type(resource.type_name, resource)
