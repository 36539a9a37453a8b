"""The CloudFormation types AWS::ApplicationAutoScaling::ScalableTarget and ScalingPolicy."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.cloudformation.autoscaling import TYPES
from local_aws.core.api import Context, ValidationException

from .conftest import CHAMPION, TARGET, Call, CloudWatch, Endpoint

REF = f"{CHAMPION}|sagemaker:variant:DesiredInstanceCount|sagemaker"
NIGHT = {
    "ScheduledActionName": "night",
    "Schedule": "cron(0 19 * * ? *)",
    "StartTime": "2026-11-20T00:00:00Z",
    "ScalableTargetAction": {"MinCapacity": "1", "MaxCapacity": "1"},
}
DAY = {"ScheduledActionName": "day", "Schedule": "cron(0 7 * * ? *)", "ScalableTargetAction": {"MinCapacity": 2}}
PROPERTIES = {**TARGET, "MinCapacity": "2", "MaxCapacity": 4, "ScheduledActions": [NIGHT, DAY]}
POLICY = {
    "PolicyName": "requests",
    "PolicyType": "TargetTrackingScaling",
    "TargetTrackingScalingPolicyConfiguration": {
        "TargetValue": "100",
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    },
}
target, policy = TYPES


def no_name(_limit: int) -> str:
    raise AssertionError("neither type takes a generated name")


def actions(call: Call) -> dict[str, str]:
    found = call("DescribeScheduledActions")["ScheduledActions"]
    return {action["ScheduledActionName"]: action["Schedule"] for action in found}


def test_a_target_is_registered_with_its_actions(ctx: Context, call: Call, endpoint: Endpoint) -> None:
    ref, attributes = target.create(ctx, no_name, PROPERTIES)
    assert ref == attributes["Id"] == REF
    assert endpoint.counts["champion"] == 2
    assert actions(call) == {"night": NIGHT["Schedule"], "day": DAY["Schedule"]}


def test_an_update_changes_bounds_and_removes_actions(ctx: Context, call: Call) -> None:
    ref, _ = target.create(ctx, no_name, PROPERTIES)
    new = {**PROPERTIES, "MaxCapacity": 8, "ScheduledActions": [{**DAY, "Schedule": "rate(1 day)"}]}
    assert target.update(ctx, ref, PROPERTIES, new)[0] == ref
    (found,) = call("DescribeScalableTargets")["ScalableTargets"]
    assert (found["MinCapacity"], found["MaxCapacity"]) == (2, 8)
    assert actions(call) == {"day": "rate(1 day)"}


@pytest.mark.parametrize("place", [{"ScalingTargetId": REF}, TARGET])
def test_a_policy_belongs_to_its_target(
    ctx: Context, call: Call, cloudwatch: CloudWatch, place: dict[str, Any]
) -> None:
    target.create(ctx, no_name, PROPERTIES)
    properties = {**POLICY, **place}
    ref, attributes = policy.create(ctx, no_name, properties)
    assert ref == attributes["Arn"]
    config = {**POLICY["TargetTrackingScalingPolicyConfiguration"], "TargetValue": 50}  # type: ignore[dict-item]
    changed = {**properties, "TargetTrackingScalingPolicyConfiguration": config}
    assert policy.update(ctx, ref, properties, changed)[0] == ref
    (found,) = call("DescribeScalingPolicies")["ScalingPolicies"]
    assert (found["PolicyARN"], found["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]) == (ref, 50.0)
    policy.delete(ctx, ref, changed)
    assert (call("DescribeScalingPolicies")["ScalingPolicies"], cloudwatch.alarms) == ([], {})


def test_deleting_what_went_with_the_endpoint_is_no_error(ctx: Context, call: Call) -> None:
    ref, _ = target.create(ctx, no_name, PROPERTIES)
    policy_ref, _ = policy.create(ctx, no_name, {**POLICY, "ScalingTargetId": ref})
    call("DeregisterScalableTarget")
    policy.delete(ctx, policy_ref, {**POLICY, "ScalingTargetId": ref})
    target.delete(ctx, ref, PROPERTIES)


def test_a_wrong_property_fails_the_resource(ctx: Context, call: Call) -> None:
    with pytest.raises(ValidationException, match='Unknown parameter in input: "MaximumCapacity"'):
        target.create(ctx, no_name, {**TARGET, "MinCapacity": 1, "MaximumCapacity": 4})


def test_what_names_a_resource_replaces_it() -> None:
    assert "ResourceId" in target.create_only
    assert "MaxCapacity" not in target.create_only
    assert "PolicyName" in policy.create_only
