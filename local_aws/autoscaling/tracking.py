"""Target tracking: how many instances keep the requests that each gets a minute near the target value.

Two alarms, as AWS makes them: three minutes above the target, or fifteen below nine tenths of it. A variant
without traffic counts as one with 0 requests. Which of the datapoints AWS computes the new count from is not
documented; here it is the newest one to scale out, and the highest one to scale in. Sources: developer guide,
endpoint-auto-scaling-add-code-define; user guide, target-tracking-scaling-policy-overview.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from local_aws.autoscaling.resource import Variant

PERIOD = 60
OUT_PERIODS = 3
IN_PERIODS = 15
IN_SHARE = 0.9
DEFAULT_COOLDOWN = 300
METRIC = "SageMakerVariantInvocationsPerInstance"


@dataclass(frozen=True)
class Bounds:
    """Fewest and most instances."""

    least: int
    most: int

    def nearest(self, count: int) -> int:
        return max(self.least, min(self.most, count))


def out_count(target: float, bounds: Bounds, basis: int, count: int, values: list[float]) -> int | None:
    """The larger count that is wanted; None if none is.

    `values` are requests an instance by minute, newest first. `basis` is the count that they belong to: during
    a cooldown the one before the last scale-out, whose added instances then count as part of what is wanted."""
    newest = values[:OUT_PERIODS]
    if len(newest) < OUT_PERIODS or any(value <= target for value in newest):
        return None
    wanted = bounds.nearest(_instances(target, basis, newest[0]))
    return wanted if wanted > count else None


def in_count(target: float, bounds: Bounds, count: int, values: list[float]) -> int | None:
    """The smaller count that is enough; None if there is none."""
    newest = values[:IN_PERIODS]
    if len(newest) < IN_PERIODS or any(value >= target * IN_SHARE for value in newest):
        return None
    wanted = bounds.nearest(_instances(target, count, max(newest)))
    return wanted if wanted < count else None


def _instances(target: float, count: int, value: float) -> int:
    return math.ceil(count * value / target)


def alarms(resource_id: str, target: float, policy_arn: str, names: tuple[str, str]) -> tuple[dict[str, Any], ...]:
    """PutMetricAlarm's parameters of the high and of the low alarm of a policy."""
    variant = Variant.of(resource_id)
    common = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "InvocationsPerInstance",
        "Dimensions": [
            {"Name": "EndpointName", "Value": variant.endpoint},
            {"Name": "VariantName", "Value": variant.name},
        ],
        "Statistic": "Sum",
        "Period": PERIOD,
        "AlarmActions": [policy_arn],
        "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy_arn}.",
    }
    # SageMaker sends zeros for a variant without traffic; here no datapoint stands for that.
    high = {
        "AlarmName": names[0],
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": target,
        "EvaluationPeriods": OUT_PERIODS,
        "TreatMissingData": "notBreaching",
    }
    low = {
        "AlarmName": names[1],
        "ComparisonOperator": "LessThanThreshold",
        "Threshold": target * IN_SHARE,
        "EvaluationPeriods": IN_PERIODS,
        "TreatMissingData": "breaching",
    }
    return {**common, **high}, {**common, **low}
