"""Scaling policies, and how target tracking moves the count with an injected clock and metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from local_aws.autoscaling import tracking
from local_aws.core.api import AwsError, ValidationException

from .conftest import Call, CloudWatch, Endpoint

METRIC = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
CONFIG = {"TargetValue": 100.0, "PredefinedMetricSpecification": METRIC}
BUSY = [250.0] * 3
QUIET = [0.0] * 15
Later = Callable[..., None]


def put(call: Call, name: str = "requests", **config: Any) -> dict[str, Any]:
    return call(
        "PutScalingPolicy",
        PolicyName=name,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={**CONFIG, **config},
    )


@pytest.fixture
def tracked(call: Call) -> Call:
    """A target of 1 to 6 instances."""
    call("RegisterScalableTarget", MinCapacity=1, MaxCapacity=6)
    return call


def test_a_policy_has_the_two_alarms_of_aws(tracked: Call, cloudwatch: CloudWatch) -> None:
    answer = put(tracked)
    (policy,) = tracked("DescribeScalingPolicies", PolicyNames=["requests"])["ScalingPolicies"]
    assert policy["PolicyARN"] == answer["PolicyARN"]
    assert answer["PolicyARN"].endswith(":resource/sagemaker/endpoint/Loans/variant/champion:policyName/requests")
    assert policy["TargetTrackingScalingPolicyConfiguration"] == CONFIG
    high, low = (cloudwatch.alarms[alarm["AlarmName"]] for alarm in policy["Alarms"])
    assert high["AlarmName"].startswith("TargetTracking-endpoint/Loans/variant/champion-AlarmHigh-")
    assert (high["Threshold"], high["EvaluationPeriods"], high["Statistic"]) == (100.0, 3, "Sum")
    assert (low["Threshold"], low["EvaluationPeriods"], low["Period"]) == (90.0, 15, 60)
    assert high["AlarmActions"] == [answer["PolicyARN"]]


def test_putting_again_changes_the_policy_and_its_alarms(tracked: Call, cloudwatch: CloudWatch) -> None:
    assert put(tracked) == put(tracked, TargetValue=50.0)
    assert sorted(alarm["Threshold"] for alarm in cloudwatch.alarms.values()) == [45.0, 50.0]


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"PolicyType": "StepScaling"}, "PolicyType StepScaling is not emulated locally"),
        ({"PolicyType": None}, "PolicyType StepScaling is not emulated locally"),
        ({"TargetTrackingScalingPolicyConfiguration": None}, "Configuration must be given for a policy of type"),
        (
            {"PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}},
            "PredefinedMetricType ECSServiceAverageCPUUtilization is not emulated locally",
        ),
        ({"CustomizedMetricSpecification": {}}, "CustomizedMetricSpecification is not emulated locally"),
        ({"TargetValue": 0.0}, "TargetValue must be greater than 0"),
        ({"ScaleInCooldown": -1}, "ScaleInCooldown must not be negative; it is -1"),
    ],
)
def test_other_policies_are_refused_by_name(tracked: Call, params: dict[str, Any], told: str) -> None:
    given: dict[str, Any] = {
        "PolicyName": "p",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": dict(CONFIG),
    }
    for name, value in params.items():
        (given if name in given else given["TargetTrackingScalingPolicyConfiguration"])[name] = value
    with pytest.raises(ValidationException, match=told):
        tracked("PutScalingPolicy", **given)
    assert tracked("DescribeScalingPolicies")["ScalingPolicies"] == []


def test_a_metric_is_tracked_by_one_policy(tracked: Call) -> None:
    put(tracked)
    with pytest.raises(ValidationException, match="Only one TargetTrackingScaling policy for a given metric"):
        put(tracked, "second")


def test_a_deleted_policy_is_gone_with_its_alarms(tracked: Call, cloudwatch: CloudWatch) -> None:
    put(tracked)
    tracked("DeleteScalingPolicy", PolicyName="requests")
    assert cloudwatch.alarms == {}
    with pytest.raises(AwsError, match="No scaling policy found for service namespace: sagemaker") as caught:
        tracked("DeleteScalingPolicy", PolicyName="requests")
    assert caught.value.code == "ObjectNotFoundException"


def test_three_minutes_above_the_target_scale_out(tracked: Call, endpoint: Endpoint, later: Later) -> None:
    put(tracked)
    later([250.0, 250.0], minutes=2)
    assert endpoint.counts["champion"] == 1
    later(BUSY, minutes=1)
    assert endpoint.counts == {"champion": 3, "challenger": 1}
    (activity,) = tracked("DescribeScalingActivities")["ScalingActivities"]
    assert activity["Description"] == "Setting desired instance count to 3."
    assert activity["Cause"].startswith("monitor alarm TargetTracking-endpoint/Loans/variant/champion-AlarmHigh-")
    assert activity["Cause"].endswith(" in state ALARM triggered policy requests")
    assert activity["StatusMessage"] == (
        "Successfully set desired instance count to 3. Change successfully fulfilled by sagemaker."
    )


def test_a_cooldown_lets_only_a_larger_scale_out_through(tracked: Call, endpoint: Endpoint, later: Later) -> None:
    put(tracked, ScaleOutCooldown=120)
    later(BUSY, minutes=3)
    later(BUSY, seconds=60)  # of the count before: the three instances are already counted on
    assert endpoint.changes == [3]
    later([450.0] * 3, seconds=30)
    assert endpoint.changes == [3, 5]
    later(BUSY, seconds=121)  # the cooldown is over: these are requests of five instances
    assert endpoint.changes == [3, 5, 6]


def test_fifteen_quiet_minutes_scale_in(tracked: Call, endpoint: Endpoint, later: Later) -> None:
    endpoint.counts["champion"] = 6
    put(tracked, ScaleInCooldown=300)
    later([20.0] * 14, minutes=14)
    assert endpoint.counts["champion"] == 6
    later([20.0] * 14 + [45.0], minutes=1)
    assert endpoint.counts["champion"] == 3
    later(QUIET, minutes=4)
    assert endpoint.counts["champion"] == 3
    later(QUIET, minutes=1)
    assert endpoint.counts["champion"] == 1


def test_little_below_the_target_is_left_alone(tracked: Call, endpoint: Endpoint, later: Later) -> None:
    endpoint.counts["champion"] = 6
    put(tracked)
    later([*[20.0] * 14, 91.0], minutes=20)
    assert endpoint.changes == []


@pytest.mark.parametrize(
    ("config", "suspended", "moves"),
    [
        ({"DisableScaleIn": True}, {}, (True, False)),
        ({}, {"DynamicScalingInSuspended": True}, (True, False)),
        ({}, {"DynamicScalingOutSuspended": True}, (False, True)),
    ],
)
def test_a_direction_can_be_switched_off(
    tracked: Call,
    endpoint: Endpoint,
    later: Later,
    config: dict[str, Any],
    suspended: dict[str, bool],
    moves: tuple[bool, bool],
) -> None:
    tracked("RegisterScalableTarget", SuspendedState=suspended)
    put(tracked, **config)
    endpoint.counts["champion"] = 2
    later(BUSY, minutes=30)
    assert (endpoint.counts["champion"] > 2) is moves[0]
    endpoint.counts["champion"] = 2
    later(QUIET, minutes=30)
    assert (endpoint.counts["champion"] < 2) is moves[1]


def test_an_endpoint_that_moves_is_scaled_afterwards(tracked: Call, endpoint: Endpoint, later: Later) -> None:
    put(tracked)
    endpoint.status = "Updating"
    later(BUSY, minutes=3)
    assert endpoint.changes == []
    endpoint.status = "InService"
    endpoint.refusal = 'Cannot update in-progress endpoint "e".'  # it began to move after it was looked at
    later(BUSY, seconds=1)
    assert tracked("DescribeScalingActivities")["ScalingActivities"] == []
    endpoint.refusal = ""
    later(BUSY, seconds=1)
    assert endpoint.changes == [3]


def test_a_refused_change_is_a_failed_activity(tracked: Call, endpoint: Endpoint, later: Later) -> None:
    put(tracked)
    endpoint.refusal = "no such capacity"
    later(BUSY, minutes=3)
    (activity,) = tracked("DescribeScalingActivities")["ScalingActivities"]
    assert (activity["StatusCode"], activity["StatusMessage"]) == (
        "Failed",
        "Failed to set it from 1: no such capacity",
    )


def test_an_endpoint_that_is_gone_stops_nobody_else(
    tracked: Call, endpoint: Endpoint, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracked("RegisterScalableTarget", ResourceId="endpoint/Loans/variant/challenger", MinCapacity=1, MaxCapacity=1)
    put(tracked)
    del endpoint.counts["challenger"]
    later(BUSY, minutes=3)
    assert endpoint.changes == [3]


@pytest.mark.parametrize(
    ("values", "basis", "wanted"),
    [
        ([101.0, 101.0, 101.0], 1, 2),
        ([100.0, 200.0, 200.0], 1, None),
        ([200.0, 200.0], 1, None),
        ([1e6] * 3, 1, 6),
        ([100.1] * 3, 0, None),
    ],
)
def test_scaling_out_is_proportional_and_bounded(values: list[float], basis: int, wanted: int | None) -> None:
    assert tracking.out_count(100.0, tracking.Bounds(1, 6), basis, max(basis, 1), values) == wanted
