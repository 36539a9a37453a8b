"""Registering and deregistering variants as scalable targets."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.autoscaling import targets
from local_aws.core.api import AwsError, Context, ValidationException

from .conftest import CHAMPION, TARGET, Call, CloudWatch, Endpoint


def test_a_registered_target_is_described_as_aws_describes_it(call: Call, ctx: Context) -> None:
    arn = call("RegisterScalableTarget", MinCapacity=1, MaxCapacity=4)["ScalableTargetARN"]
    assert arn.startswith("arn:aws:application-autoscaling:eu-west-1:111122223333:scalable-target/")
    (found,) = call("DescribeScalableTargets", ResourceIds=[CHAMPION])["ScalableTargets"]
    assert found.items() >= {**TARGET, "MinCapacity": 1, "MaxCapacity": 4, "ScalableTargetARN": arn}.items()
    assert found["RoleARN"].endswith("/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint")
    assert set(found["SuspendedState"].values()) == {False}
    assert targets.variants(ctx, "loans") == {"champion"}
    assert call("DescribeScalableTargets", ResourceIds=["endpoint/Loans/variant/other"])["ScalableTargets"] == []


@pytest.mark.parametrize(("count", "becomes"), [(1, 2), (3, 3), (9, 4)])
def test_registering_brings_the_count_into_the_range(call: Call, endpoint: Endpoint, count: int, becomes: int) -> None:
    endpoint.counts["champion"] = count
    call("RegisterScalableTarget", MinCapacity=2, MaxCapacity=4)
    assert endpoint.counts == {"champion": becomes, "challenger": 1}
    causes = [activity["Cause"] for activity in call("DescribeScalingActivities")["ScalingActivities"]]
    assert len(causes) == (becomes != count)
    if causes:
        assert causes == [f"m{'in' if count < 2 else 'ax'}imum capacity was set to {becomes}"]


def test_an_endpoint_that_moves_keeps_its_count(call: Call, endpoint: Endpoint) -> None:
    endpoint.status = "Updating"
    call("RegisterScalableTarget", MinCapacity=2, MaxCapacity=4)
    assert endpoint.changes == []


def test_registering_again_changes_what_is_given(call: Call) -> None:
    first = call("RegisterScalableTarget", MinCapacity=1, MaxCapacity=4)
    suspended = {"DynamicScalingInSuspended": True}
    assert call("RegisterScalableTarget", MaxCapacity=2, SuspendedState=suspended) == first
    (found,) = call("DescribeScalableTargets")["ScalableTargets"]
    assert (found["MinCapacity"], found["MaxCapacity"]) == (1, 2)
    assert found["SuspendedState"] == {
        "DynamicScalingInSuspended": True,
        "DynamicScalingOutSuspended": False,
        "ScheduledScalingSuspended": False,
    }


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"ServiceNamespace": "ecs"}, "ServiceNamespace ecs is not emulated locally"),
        (
            {"ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency"},
            "ScalableDimension sagemaker:variant:DesiredProvisionedConcurrency is not emulated locally",
        ),
        ({"ServiceNamespace": "sage"}, "Value 'sage' at 'serviceNamespace' failed to satisfy constraint"),
        ({"ResourceId": "table/loans"}, "Unsupported resource ID: table/loans"),
        ({"ResourceId": "endpoint/none/variant/champion"}, "Could not find endpoint"),
        ({"ResourceId": "endpoint/Loans/variant/shadow"}, "Could not find variant shadow of endpoint"),
        ({"MinCapacity": 5}, "Maximum capacity cannot be less than minimum capacity"),
        ({"MinCapacity": 0}, "Minimum capacity must be at least 1 for a real-time variant"),
        ({"MinCapacity": None}, "MinCapacity must be given"),
    ],
)
def test_what_cannot_be_scaled_is_refused_by_name(call: Call, params: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationException, match=told):
        call("RegisterScalableTarget", **{"MinCapacity": 1, "MaxCapacity": 4, **params})
    assert call("DescribeScalableTargets")["ScalableTargets"] == []


def test_a_new_target_takes_tags_and_a_changed_one_keeps_them(call: Call) -> None:
    arn = call("RegisterScalableTarget", MinCapacity=1, MaxCapacity=4, Tags={"team": "loans"})["ScalableTargetARN"]
    call("RegisterScalableTarget", MinCapacity=1, MaxCapacity=5, Tags={"team": "cards"})
    answer = targets.list_tags_for_resource(None, {"ResourceARN": arn})  # type: ignore[arg-type]
    assert answer == {"Tags": {"team": "loans"}}
    call("DeregisterScalableTarget")
    assert targets.list_tags_for_resource(None, {"ResourceARN": arn}) == {"Tags": {}}  # type: ignore[arg-type]


def test_operations_that_are_missing_say_whose_they_are(call: Call) -> None:
    with pytest.raises(AwsError, match="Application Auto Scaling GetPredictiveScalingForecast is not emulated"):
        call("GetPredictiveScalingForecast")


def test_deregistering_removes_policies_actions_and_alarms(call: Call, cloudwatch: CloudWatch) -> None:
    call("RegisterScalableTarget", MinCapacity=1, MaxCapacity=4)
    config = {
        "TargetValue": 100.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    }
    call(
        "PutScalingPolicy",
        PolicyName="p",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=config,
    )
    action = {"ScheduledActionName": "a", "Schedule": "rate(1 day)", "ScalableTargetAction": {"MinCapacity": 1}}
    call("PutScheduledAction", **action)
    assert len(cloudwatch.alarms) == 2
    call("DeregisterScalableTarget")
    for operation, member in (
        ("DescribeScalableTargets", "ScalableTargets"),
        ("DescribeScalingPolicies", "ScalingPolicies"),
        ("DescribeScheduledActions", "ScheduledActions"),
    ):
        assert call(operation)[member] == []
    assert cloudwatch.alarms == {}


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("DeregisterScalableTarget", {}),
        ("PutScalingPolicy", {"PolicyName": "p"}),
        ("PutScheduledAction", {"ScheduledActionName": "a"}),
    ],
)
def test_a_target_that_is_not_registered_is_not_found(call: Call, operation: str, params: dict[str, Any]) -> None:
    with pytest.raises(AwsError) as caught:
        call(operation, **params)
    assert caught.value.code == "ObjectNotFoundException"
    assert caught.value.message == (
        "No scalable target registered for service namespace: sagemaker, resource ID: "
        "endpoint/Loans/variant/champion, scalable dimension: sagemaker:variant:DesiredInstanceCount"
    )


def test_an_endpoint_that_goes_takes_its_targets_along(call: Call, ctx: Context) -> None:
    for name in ("champion", "challenger"):
        call("RegisterScalableTarget", ResourceId=f"endpoint/Loans/variant/{name}", MinCapacity=1, MaxCapacity=2)
    targets.forget(ctx, "another")
    assert targets.variants(ctx, "Loans") == {"champion", "challenger"}
    targets.forget(ctx, "loans")
    assert targets.variants(ctx, "Loans") == set()
