"""Scalable targets: RegisterScalableTarget, DescribeScalableTargets, DeregisterScalableTarget.

Source: API reference of the operations; the texts of errors are AWS's where they are known.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from local_aws.autoscaling import activities, resource
from local_aws.autoscaling.resource import DIMENSION, NAMESPACE, ObjectNotFound, Variant
from local_aws.core import store, tags
from local_aws.core.api import APPLICATION_AUTOSCALING, Context, ValidationException, operation
from local_aws.core.listing import page

Row = dict[str, Any]
Filters = dict[str, Callable[[Row, Any], bool]]
PAGE = 50
targets = store.table("scalable_targets")
_suspended = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
_also_forgotten: list[Callable[[Context, str], None]] = []


def key(ctx: Context, resource_id: str) -> store.Key:
    return ctx.account, ctx.region, resource_id


def find(ctx: Context, params: Row) -> Row:
    """The registered target that a request names.

    Errors: ObjectNotFound."""
    resource.check(params)
    row = targets.get(key(ctx, params["ResourceId"]))
    if row is None:
        raise ObjectNotFound(f"No scalable target registered for {described(params)}")
    return row


def described(params: Row) -> str:
    """A target in the words of AWS's messages."""
    return (
        f"service namespace: {params['ServiceNamespace']}, resource ID: {params['ResourceId']}, "
        f"scalable dimension: {params['ScalableDimension']}"
    )


def described_page(rows: list[Row], params: Row, key: str, filters: Filters) -> Row:
    """The answer of a Describe operation: the oldest first."""
    return page(
        rows,
        params,
        key=key,
        sort={"CreationTime": lambda row: row["CreationTime"]},
        default_sort="CreationTime",
        default_order="Ascending",
        filters=filters,
        max_results=PAGE,
    )


def change(ctx: Context, resource_id: str, changes: Row) -> None:
    """Replace a target's row, unless it was deregistered in the meantime."""
    with store.lock:
        row = targets.get(key(ctx, resource_id))
        if row is not None:
            targets[key(ctx, resource_id)] = {**row, **changes}


def variants(ctx: Context, endpoint: str) -> set[str]:
    """The names of an endpoint's variants that are registered."""
    rows = targets.rows(ctx.account, ctx.region)
    found = [Variant.of(row["ResourceId"]) for row in rows]
    return {variant.name for variant in found if variant.endpoint.lower() == endpoint.lower()}


def also_forget(function: Callable[[Context, str], None]) -> None:
    """Call `function(ctx, resource ID)` when a target is deregistered: what belongs to it goes with it."""
    _also_forgotten.append(function)


def forget(ctx: Context, endpoint: str) -> None:
    """Deregister an endpoint's variants, as its deletion does (developer guide, endpoint-delete-with-scaling)."""
    for row in targets.rows(ctx.account, ctx.region):
        if Variant.of(row["ResourceId"]).endpoint.lower() == endpoint.lower():
            _remove(ctx, row["ResourceId"])


@operation("RegisterScalableTarget", APPLICATION_AUTOSCALING)
def register_scalable_target(ctx: Context, params: Row) -> Row:
    """Register or change a target; a count outside of the range is brought into it at once."""
    resource.check(params)
    resource_id = params["ResourceId"]
    resource.capacity(ctx, Variant.of(resource_id))  # it must exist
    with store.lock:
        row = {**(targets.get(key(ctx, resource_id)) or _new(ctx, resource_id)), **_changes(params)}
        if missing := [name for name in ("MinCapacity", "MaxCapacity") if name not in row]:
            raise ValidationException(f"{' and '.join(missing)} must be given to register a scalable target.")
        check_range(row)
        if key(ctx, resource_id) not in targets:
            # Only a new target takes tags (API reference); later ones would be TagResource's.
            given = params.get("Tags", {})
            tags.set(row["ScalableTargetARN"], [{"Key": name, "Value": value} for name, value in given.items()])
        targets[key(ctx, resource_id)] = row
    activities.keep_in_range(ctx, row)
    return {"ScalableTargetARN": row["ScalableTargetARN"]}


@operation("DescribeScalableTargets", APPLICATION_AUTOSCALING)
def describe_scalable_targets(ctx: Context, params: Row) -> Row:
    resource.check(params)
    filters: Filters = {"ResourceIds": lambda row, ids: not ids or row["ResourceId"] in ids}
    return described_page(targets.rows(ctx.account, ctx.region), params, "ScalableTargets", filters)


@operation("ListTagsForResource", APPLICATION_AUTOSCALING)
def list_tags_for_resource(_ctx: Context, params: Row) -> Row:
    return {"Tags": {tag["Key"]: tag["Value"] for tag in tags.get(params["ResourceARN"])}}


@operation("DeregisterScalableTarget", APPLICATION_AUTOSCALING)
def deregister_scalable_target(ctx: Context, params: Row) -> Row:
    find(ctx, params)
    _remove(ctx, params["ResourceId"])
    return {}


def check_range(row: Row) -> None:
    """Errors: ValidationException for bounds that no count lies between, or that end the variant."""
    if row["MinCapacity"] > row["MaxCapacity"]:
        raise ValidationException("Maximum capacity cannot be less than minimum capacity")
    if row["MinCapacity"] < 1:
        raise ValidationException(
            f"Minimum capacity must be at least 1 for a real-time variant; it is {row['MinCapacity']}."
        )


def _new(ctx: Context, resource_id: str) -> Row:
    role = "sagemaker.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    name = uuid.uuid4().hex
    return {
        "ServiceNamespace": NAMESPACE,
        "ResourceId": resource_id,
        "ScalableDimension": DIMENSION,
        "RoleARN": f"arn:aws:iam::{ctx.account}:role/aws-service-role/{role}",
        "CreationTime": store.now(),
        "SuspendedState": dict.fromkeys(_suspended, False),
        "ScalableTargetARN": f"arn:aws:application-autoscaling:{ctx.region}:{ctx.account}:scalable-target/{name}",
    }


def _changes(params: Row) -> Row:
    # A service-linked role is used whatever role is given, as on AWS.
    given: Row = {name: params[name] for name in ("MinCapacity", "MaxCapacity") if name in params}
    if "SuspendedState" in params:
        given["SuspendedState"] = {**dict.fromkeys(_suspended, False), **params["SuspendedState"]}
    return given


def _remove(ctx: Context, resource_id: str) -> None:
    row = targets.pop(key(ctx, resource_id), None)
    if row is not None:
        tags.remove(row["ScalableTargetARN"])
    for forgotten in _also_forgotten:
        forgotten(ctx, resource_id)
