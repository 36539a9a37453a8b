"""What a DeploymentConfig asks for: checked when it is given, then planned as steps of traffic and baking.

Pure functions. Source: developer guide, pages deployment-guardrails-blue-green-{all-at-once,canary,linear},
deployment-guardrails-rolling and deployment-guardrails-exclusions; API reference, DeploymentConfig.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from local_aws.core.api import ValidationException

MAX_BATCH = 0.5
MIN_LINEAR_STEP = 0.1
MIN_ROLLING_BATCH = 0.05


@dataclass(frozen=True)
class Size:
    """A part of a variant's capacity, as CapacitySize: a number of instances or a percentage."""

    kind: str
    value: int

    @classmethod
    def of(cls, capacity: dict[str, Any]) -> Size:
        return cls(capacity["Type"], capacity["Value"])

    def instances(self, count: int) -> int:
        """How many of `count` instances this is, at least one and at most all."""
        part = self.value if self.kind == "INSTANCE_COUNT" else math.ceil(count * self.value / 100)
        return max(1, min(count, part))

    def share(self, count: int) -> float:
        """The part of the traffic, 0 to 1."""
        return min(1.0, self.value / count if self.kind == "INSTANCE_COUNT" else self.value / 100)


@dataclass(frozen=True)
class Step:
    """Traffic on the new fleet (`size`, None for all of it), then `seconds` of baking named by
    `parameter`."""

    size: Size | None
    seconds: int
    parameter: str

    def share(self, count: int) -> float:
        return self.size.share(count) if self.size else 1.0

    def activating(self, count: int) -> str:
        return f"Activating traffic on {self._capacity(count)}."

    def baking(self, count: int) -> str:
        capacity = self._capacity(count)
        return f"Baking for {self.seconds} seconds ({self.parameter}) with traffic enabled on {capacity}."

    def _capacity(self, count: int) -> str:
        if self.size is None:
            return f"full capacity of {count} instance(s)"
        return f"canary capacity of {self.size.instances(count)} instance(s)"


def check(config: dict[str, Any], counts: list[int]) -> None:
    """Refuse a DeploymentConfig that the documentation rules out; `counts` are the variants' instance counts.

    Errors: ValidationException. (The texts are ours: AWS does not document them.)"""
    policy = config.get("BlueGreenUpdatePolicy")
    rolling = config.get("RollingUpdatePolicy")
    if policy and rolling:
        raise ValidationException(
            "Only one update policy can be used in a DeploymentConfig: give BlueGreenUpdatePolicy or "
            "RollingUpdatePolicy, not both."
        )
    if rolling:
        _check_size("MaximumBatchSize", rolling["MaximumBatchSize"], MIN_ROLLING_BATCH, counts)
    if not policy:
        return
    routing = policy["TrafficRoutingConfiguration"]
    kind = routing["Type"]
    needed = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}.get(kind)
    if needed:
        if needed not in routing:
            raise ValidationException(f"{needed} is required with a TrafficRoutingConfiguration of type {kind}.")
        _check_size(needed, routing[needed], MIN_LINEAR_STEP if kind == "LINEAR" else 0.0, counts)
    timeout = policy.get("MaximumExecutionTimeoutInSeconds")
    waiting = sum(step.seconds for step in _steps(config, counts))
    if timeout is not None and timeout <= waiting:
        raise ValidationException(
            f"MaximumExecutionTimeoutInSeconds is {timeout}, but the waiting times add up to {waiting} "
            "seconds: give a larger timeout or shorter waits."
        )


def _check_size(member: str, capacity: dict[str, Any], least: float, counts: list[int]) -> None:
    size = Size.of(capacity)
    for count in counts:
        share = size.share(count)
        if not least <= share <= MAX_BATCH:
            raise ValidationException(
                f"{member} {size.kind} {size.value} is {share:.0%} of a variant's {count} instance(s): "
                f"it must be between {least:.0%} and {MAX_BATCH:.0%}."
            )


def plan(config: dict[str, Any], counts: dict[str, int], names_before: set[str]) -> list[Step]:
    """The steps of one update from variants `names_before` to variants `counts` (name to instance count).

    Other variant names than before, or a rolling update of several variants: all at once without baking."""
    if set(counts) != names_before or (config.get("RollingUpdatePolicy") and len(counts) > 1):
        return [Step(None, 0, "TerminationWaitInSeconds")]
    return _steps(config, list(counts.values()))


def _steps(config: dict[str, Any], counts: list[int]) -> list[Step]:
    rolling = config.get("RollingUpdatePolicy")
    if rolling:
        batches = _ramp(Size.of(rolling["MaximumBatchSize"]), rolling["WaitIntervalInSeconds"], counts)
        return [*batches, Step(None, rolling["WaitIntervalInSeconds"], "WaitIntervalInSeconds")]
    policy = config.get("BlueGreenUpdatePolicy", {})
    routing = policy.get("TrafficRoutingConfiguration", {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0})
    last = Step(None, policy.get("TerminationWaitInSeconds", 0), "TerminationWaitInSeconds")
    wait = routing["WaitIntervalInSeconds"]
    if routing["Type"] == "CANARY":
        return [Step(Size.of(routing["CanarySize"]), wait, "WaitIntervalInSeconds"), last]
    if routing["Type"] == "LINEAR":
        return [*_ramp(Size.of(routing["LinearStepSize"]), wait, counts), last]
    return [last]


def _ramp(size: Size, wait: int, counts: list[int]) -> list[Step]:
    """Growing parts of the capacity, without the last step that makes it whole."""
    number = max(math.ceil(1 / size.share(count) - 1e-9) for count in counts)
    return [Step(Size(size.kind, size.value * n), wait, "WaitIntervalInSeconds") for n in range(1, number)]


def alarm_names(config: dict[str, Any]) -> list[str]:
    alarms = config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    return [alarm["AlarmName"] for alarm in alarms if alarm.get("AlarmName")]


def timeout_seconds(config: dict[str, Any]) -> int | None:
    policy = config.get("BlueGreenUpdatePolicy") or config.get("RollingUpdatePolicy") or {}
    return policy.get("MaximumExecutionTimeoutInSeconds")
