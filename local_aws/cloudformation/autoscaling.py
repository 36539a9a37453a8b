"""Application Auto Scaling's CloudFormation types, provisioned through its operations.

Source: template reference, AWS::ApplicationAutoScaling::*, "Return values", and the types' schemas.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from local_aws import seam
from local_aws.autoscaling.resource import ObjectNotFound
from local_aws.cloudformation import schemas
from local_aws.core import shapes
from local_aws.core.api import APPLICATION_AUTOSCALING, Context, call
from local_aws.seam import Physical, Properties
from local_aws.state import REGION

_TARGET = ("ServiceNamespace", "ResourceId", "ScalableDimension")


class AutoScalingType:
    """What both types share: they have no name of their own in their Ref, and no tags of their stack."""

    name = None
    taggable = False

    def __init__(self, type_name: str) -> None:
        self.type_name = type_name

    @property
    def create_only(self) -> Container[str]:
        schema = schemas.schema(self.type_name, REGION)
        return schema.create_only if schema else ()


class ScalableTarget(AutoScalingType):
    """A target with its scheduled actions. Ref and Id: resource ID, dimension and namespace, joined by |."""

    def create(self, ctx: Context, _physical_name: Callable[[int], str], props: Properties) -> Physical:
        return self._put(ctx, {}, props)

    def update(self, ctx: Context, _ref: str, old: Properties, new: Properties) -> Physical:
        return self._put(ctx, old, new)

    def delete(self, ctx: Context, ref: str, _props: Properties) -> None:
        _unless_gone(ctx, "DeregisterScalableTarget", _target_of(ref))

    def _put(self, ctx: Context, old: Properties, new: Properties) -> Physical:
        request = {key: value for key, value in new.items() if key != "ScheduledActions"}
        if isinstance(request.get("Tags"), list):  # a list in templates, a map in the operation
            request["Tags"] = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        _call(ctx, "RegisterScalableTarget", request)
        target = {member: new[member] for member in _TARGET}
        before, after = (
            {action["ScheduledActionName"]: action for action in props.get("ScheduledActions") or ()}
            for props in (old, new)
        )
        for name in before.keys() - after.keys():
            _unless_gone(ctx, "DeleteScheduledAction", {**target, "ScheduledActionName": name})
        for action in after.values():
            _call(ctx, "PutScheduledAction", {**target, **action})
        ref = "|".join(str(new[member]) for member in ("ResourceId", "ScalableDimension", "ServiceNamespace"))
        return ref, {"Id": ref}


class ScalingPolicy(AutoScalingType):
    """A policy of a target that is named by its Ref or by its three members. Ref: the policy's ARN."""

    def create(self, ctx: Context, _physical_name: Callable[[int], str], props: Properties) -> Physical:
        answer = _call(ctx, "PutScalingPolicy", self._request(props))
        return answer["PolicyARN"], {"Arn": answer["PolicyARN"]}

    def update(self, ctx: Context, _ref: str, _old: Properties, new: Properties) -> Physical:
        return self.create(ctx, lambda _limit: "", new)

    def delete(self, ctx: Context, _ref: str, props: Properties) -> None:
        request = {**self._request(props), "PolicyName": props["PolicyName"]}
        members = (*_TARGET, "PolicyName")
        _unless_gone(ctx, "DeleteScalingPolicy", {member: request[member] for member in members})

    def _request(self, props: Properties) -> Properties:
        request = {key: value for key, value in props.items() if key != "ScalingTargetId"}
        return {**request, **_target_of(props["ScalingTargetId"])} if "ScalingTargetId" in props else request


TYPES = (
    ScalableTarget("AWS::ApplicationAutoScaling::ScalableTarget"),
    ScalingPolicy("AWS::ApplicationAutoScaling::ScalingPolicy"),
)


def install() -> None:
    """Let CloudFormation provision these types, on worker threads: they call other services."""
    for resource in TYPES:
        seam.add_resource_type(resource.type_name, resource)
    names = {resource.type_name for resource in TYPES}
    seam.run_on_worker_threads(names.__contains__)


def _target_of(ref: str) -> Properties:
    resource_id, dimension, namespace = ref.split("|")
    return {"ServiceNamespace": namespace, "ResourceId": resource_id, "ScalableDimension": dimension}


def _call(ctx: Context, operation: str, params: Properties) -> dict[str, Any]:
    request = shapes.from_template(operation, params, APPLICATION_AUTOSCALING)
    return call(ctx, operation, request, APPLICATION_AUTOSCALING)


def _unless_gone(ctx: Context, operation: str, params: Properties) -> None:
    """Delete what may have gone with its endpoint or its target."""
    try:
        _call(ctx, operation, params)
    except ObjectNotFound:
        return
