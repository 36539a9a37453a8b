"""AWS::Events::EventBusPolicy: one statement in the policy of an event bus.

Ref is "bus|statement", as the type's schema identifies it. Source: template reference and the schema; the older
form with Action, Principal and Condition is taken too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container
from typing import Any

from local_aws import seam
from local_aws.cloudformation import schema_check, schemas
from local_aws.core.api import Context
from local_aws.seam import Physical, Properties
from local_aws.state import REGION


class EventBusPolicy:
    """A statement of a bus."""

    type_name = "AWS::Events::EventBusPolicy"
    name = None
    taggable = False

    @property
    def create_only(self) -> Container[str]:
        return ("EventBusName", "StatementId")

    def create(self, ctx: Context, _physical_name: Callable[[int], str], props: Properties) -> Physical:
        schema = schemas.schema(self.type_name, REGION)
        assert schema is not None
        if problems := schema_check.problems(schema, props):
            raise ValueError(f"Properties validation failed for {self.type_name}: {'; '.join(problems)}")
        bus = str(props.get("EventBusName") or "default")
        seam.put_bus_statement(ctx, bus, _statement(ctx, bus, props))
        return f"{bus}|{props['StatementId']}", {}

    def update(self, ctx: Context, _ref: str, _old: Properties, new: Properties) -> Physical:
        return self.create(ctx, lambda _limit: "", new)

    def delete(self, ctx: Context, ref: str, _props: Properties) -> None:
        bus, _, sid = ref.partition("|")
        seam.remove_bus_statement(ctx, bus, sid)


def _statement(ctx: Context, bus: str, props: Properties) -> dict[str, Any]:
    given = props.get("Statement")
    if given:
        statement: dict[str, Any] = json.loads(given) if isinstance(given, str) else dict(given)
        return {**statement, "Sid": props["StatementId"]}
    principal = str(props.get("Principal", "*"))
    condition = props.get("Condition")
    return {
        "Sid": props["StatementId"],
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{principal}:root"} if principal.isdigit() else principal,
        "Action": props.get("Action", "events:PutEvents"),
        "Resource": f"arn:aws:events:{ctx.region}:{ctx.account}:event-bus/{bus}",
        **({"Condition": {condition["Type"]: {condition["Key"]: condition["Value"]}}} if condition else {}),
    }


TYPES: tuple[EventBusPolicy, ...] = (EventBusPolicy(),)


def install() -> None:
    """Let CloudFormation provision this type."""
    for resource in TYPES:
        seam.add_resource_type(resource.type_name, resource)
