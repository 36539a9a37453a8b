"""DeploymentConfig: what is refused, and the steps of traffic that follow from it."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.core.api import ValidationException
from local_aws.sagemaker import guardrails
from local_aws.sagemaker.guardrails import Size


def blue_green(kind: str, wait: int = 10, termination: int = 5, **sizes: dict[str, Any]) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **sizes}
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": termination,
        }
    }


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def instances(value: int) -> dict[str, Any]:
    return {"Type": "INSTANCE_COUNT", "Value": value}


CANARY = blue_green("CANARY", CanarySize=percent(10))
LINEAR = blue_green("LINEAR", LinearStepSize=percent(30))
ROLLING = {"RollingUpdatePolicy": {"MaximumBatchSize": percent(50), "WaitIntervalInSeconds": 7}}


@pytest.mark.parametrize(
    ("config", "count", "expected"),
    [
        ({}, 1, [(1.0, 0)]),
        (blue_green("ALL_AT_ONCE"), 1, [(1.0, 5)]),
        (CANARY, 1, [(0.1, 10), (1.0, 5)]),
        (blue_green("CANARY", CanarySize=instances(1)), 4, [(0.25, 10), (1.0, 5)]),
        (LINEAR, 1, [(0.3, 10), (0.6, 10), (pytest.approx(0.9), 10), (1.0, 5)]),
        (blue_green("LINEAR", LinearStepSize=instances(1)), 3, [(1 / 3, 10), (2 / 3, 10), (1.0, 5)]),
        (ROLLING, 4, [(0.5, 7), (1.0, 7)]),
    ],
)
def test_traffic_moves_in_the_steps_of_the_policy(
    config: dict[str, Any], count: int, expected: list[tuple[float, int]]
) -> None:
    steps = guardrails.plan(config, {"champion": count}, {"champion"})
    assert [(step.share(count), step.seconds) for step in steps] == expected


@pytest.mark.parametrize("config", [CANARY, LINEAR, ROLLING])
def test_other_variant_names_than_before_mean_all_at_once_without_baking(config: dict[str, Any]) -> None:
    steps = guardrails.plan(config, {"champion": 1, "challenger": 1}, {"champion"})
    assert [(step.share(1), step.seconds) for step in steps] == [(1.0, 0)]


def test_a_rolling_update_of_several_variants_means_all_at_once_without_baking() -> None:
    counts = {"champion": 2, "challenger": 2}
    steps = guardrails.plan(ROLLING, counts, set(counts))
    assert [(step.share(2), step.seconds) for step in steps] == [(1.0, 0)]


@pytest.mark.parametrize(
    ("config", "counts", "reason"),
    [
        ({**CANARY, **ROLLING}, [2], "Only one update policy"),
        (blue_green("CANARY"), [2], "CanarySize is required"),
        (blue_green("LINEAR", CanarySize=percent(10)), [2], "LinearStepSize is required"),
        (blue_green("CANARY", CanarySize=percent(51)), [2], "between 0% and 50%"),
        (blue_green("CANARY", CanarySize=instances(2)), [4, 3], "67% of a variant's 3 instance"),
        (blue_green("LINEAR", LinearStepSize=percent(9)), [2], "between 10% and 50%"),
        ({"RollingUpdatePolicy": {"MaximumBatchSize": percent(60)}}, [2], "MaximumBatchSize"),
    ],
)
def test_a_configuration_against_the_documentation_is_refused(
    config: dict[str, Any], counts: list[int], reason: str
) -> None:
    with pytest.raises(ValidationException, match=reason):
        guardrails.check(config, counts)


def test_a_timeout_that_the_waits_alone_use_up_is_refused() -> None:
    config = blue_green("CANARY", wait=500, termination=100, CanarySize=percent(10))
    config["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 600
    with pytest.raises(ValidationException, match="waiting times add up to 600 seconds"):
        guardrails.check(config, [1])
    config["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 601
    guardrails.check(config, [1])


@pytest.mark.parametrize(
    ("size", "count", "expected"),
    [(Size("CAPACITY_PERCENT", 10), 1, 1), (Size("CAPACITY_PERCENT", 50), 3, 2), (Size("INSTANCE_COUNT", 9), 4, 4)],
)
def test_a_size_is_whole_instances(size: Size, count: int, expected: int) -> None:
    assert size.instances(count) == expected


def test_baking_is_described_as_in_the_deployment_event() -> None:
    canary, last = guardrails.plan(CANARY, {"champion": 3}, {"champion"})
    assert canary.baking(3) == (
        "Baking for 10 seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of 1 instance(s)."
    )
    assert last.baking(3).startswith("Baking for 5 seconds (TerminationWaitInSeconds) with traffic enabled on")
