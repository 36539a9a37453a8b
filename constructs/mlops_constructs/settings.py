"""What the constructs can be told, as frozen sections whose invalid combinations cannot exist.

No field has a default: an application states every value once, in its configuration. Limits come from the API
reference of the resource that the value ends up in.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from mlops_constructs.frozen import Frozen, FrozenModel, refuse
from mlops_constructs.instance_types import ProcessingInstance, ServingInstance, TrainingInstance
from mlops_constructs.schedules import Cron, CronOrNever, TimeZone

Prefix = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$",
        max_length=200,
        description="the prefix of S3 keys, letters, digits and _ . - in parts separated by /",
    ),
]
Percent = Annotated[float, Field(gt=0, le=100)]
Default = StrictBool | StrictInt | StrictFloat | StrictStr

METRIC_PERIOD_SECONDS = 60
"""SageMaker publishes endpoint metrics once a minute; an alarm cannot look more closely."""


BIAS_METRICS = (
    *("CI", "DPL", "KL", "JS", "LP", "TVD", "KS", "CDDL"),
    *("AD", "CDDPL", "DAR", "DCAcc", "DCR", "DI", "DPPL", "DRR", "GE", "RD", "SD", "TE"),
)
"""Clarify's names, before and after training (developer guide: bias metrics), as pipeline_code/monitoring has them."""

Bounds = Annotated[
    tuple[
        Annotated[float, Field(allow_inf_nan=False)],
        Annotated[float, Field(allow_inf_nan=False)],
    ],
    Field(strict=False, description="a list of two numbers, the lowest and the highest that is allowed"),
]


class LimitSettings(FrozenModel):
    """What a version must keep to be registered, beside being good: shares of attribution from 0 to 1."""

    max_attribution_share: Annotated[float, Field(gt=0, le=1)]
    bias: Annotated[Mapping[str, Bounds], Frozen]

    @model_validator(mode="after")
    def _metrics_exist(self) -> Self:
        for name, (lowest, highest) in self.bias.items():
            if name not in BIAS_METRICS:
                refuse(f"bias.{name}", f"for a metric of Clarify: {', '.join(BIAS_METRICS)}")
            if lowest > highest:
                refuse(f"bias.{name}", "a list of two numbers, the lowest first")
        return self


class TrainingSettings(FrozenModel):
    """How a model's pipeline trains, and what a model must reach to be registered."""

    data_prefix: Prefix
    processing_instance_type: ProcessingInstance
    training_instance_type: TrainingInstance
    volume_gb: Annotated[int, Field(ge=1, le=16384)]
    max_runtime_seconds: Annotated[int, Field(ge=60, le=432000)]
    spot: bool
    spot_wait_seconds: Annotated[int, Field(ge=0, le=432000)]
    min_auc: Annotated[float, Field(ge=0.5, lt=1)]
    limits: LimitSettings
    tuning_jobs: Annotated[int, Field(ge=1, le=750)]
    tuning_parallel_jobs: Annotated[int, Field(ge=1, le=100)]
    parameters: Annotated[Mapping[str, Default], Frozen]

    @model_validator(mode="after")
    def _parallel_within_jobs(self) -> Self:
        if self.tuning_parallel_jobs > self.tuning_jobs:
            refuse("tuning_parallel_jobs", f"at most tuning_jobs, which is {self.tuning_jobs}")
        return self


class Strategy(StrEnum):
    """How traffic moves to a new fleet."""

    CANARY = "canary"
    LINEAR = "linear"
    ALL_AT_ONCE = "all_at_once"


class DeploymentSettings(FrozenModel):
    """A blue/green update of an endpoint (API reference: BlueGreenUpdatePolicy)."""

    strategy: Annotated[Strategy, Field(strict=False)]
    canary_percent: Annotated[int, Field(ge=1, le=50)]
    linear_step_percent: Annotated[int, Field(ge=10, le=50)]
    bake_seconds: Annotated[int, Field(ge=0, le=3600)]
    termination_wait_seconds: Annotated[int, Field(ge=0, le=3600)]
    max_timeout_seconds: Annotated[int, Field(ge=600, le=28800)]

    @property
    def steps(self) -> int:
        """How often traffic moves before the new fleet has all of it."""
        match self.strategy:
            case Strategy.CANARY:
                return 2
            case Strategy.LINEAR:
                return -(-100 // self.linear_step_percent)
            case Strategy.ALL_AT_ONCE:
                return 1

    @model_validator(mode="after")
    def _fits_into_timeout(self) -> Self:
        needed = self.steps * self.bake_seconds + self.termination_wait_seconds
        if needed >= self.max_timeout_seconds:
            refuse(
                "max_timeout_seconds",
                f"more than the {needed} s that {self.steps} baking periods and the termination wait take",
            )
        return self


class AlarmSettings(FrozenModel):
    """When the new fleet counts as sick: rolls a deployment back, and notifies at any other time."""

    error_percent: Percent
    client_error_percent: Percent
    latency_ms: Annotated[int, Field(ge=1, le=60000)]
    periods: Annotated[int, Field(ge=1, le=60)]

    @property
    def window_seconds(self) -> int:
        return self.periods * METRIC_PERIOD_SECONDS


class OffHoursSettings(FrozenModel):
    """Other bounds of a variant's instances while few requests come."""

    enabled: bool
    down_cron: Cron
    up_cron: Cron
    timezone: TimeZone
    min_instances: Annotated[int, Field(ge=1, le=1000)]
    max_instances: Annotated[int, Field(ge=1, le=1000)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_instances < self.min_instances:
            refuse("max_instances", f"at least min_instances, which is {self.min_instances}")
        if self.up_cron == self.down_cron:
            refuse("up_cron", f"another time than down_cron, which is {self.down_cron}")
        return self


class AutoscalingSettings(FrozenModel):
    """Target tracking on invocations per instance and minute."""

    enabled: bool
    min_instances: Annotated[int, Field(ge=1, le=1000)]
    max_instances: Annotated[int, Field(ge=1, le=1000)]
    target_invocations: Annotated[int, Field(ge=1)]
    scale_in_cooldown_seconds: Annotated[int, Field(ge=0, le=86400)]
    scale_out_cooldown_seconds: Annotated[int, Field(ge=0, le=86400)]
    off_hours: OffHoursSettings

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_instances < self.min_instances:
            refuse("max_instances", f"at least min_instances, which is {self.min_instances}")
        return self


class ChallengerSettings(FrozenModel):
    """The second fleet while a version is tried, beside the champion or in its shadow."""

    instance_count: Annotated[int, Field(ge=1, le=1000)]


class Assignment(StrEnum):
    """Who draws the variant that answers a request, while there is a challenger."""

    RANDOM = "random"
    STICKY = "sticky"


class StopSettings(FrozenModel):
    """When nobody uses an endpoint, so that it need not be there."""

    enabled: bool
    down_cron: CronOrNever
    up_cron: CronOrNever
    timezone: TimeZone

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.down_cron and self.up_cron == self.down_cron:
            refuse("up_cron", f"another time than down_cron, which is {self.down_cron}")
        return self


class ServingSettings(FrozenModel):
    """A model's endpoint."""

    instance_type: ServingInstance
    instance_count: Annotated[int, Field(ge=1, le=1000)]
    challenger: ChallengerSettings
    capture_percentage: Annotated[int, Field(ge=0, le=100)]
    assignment: Annotated[Assignment, Field(strict=False)]
    deployment: DeploymentSettings
    alarms: AlarmSettings
    autoscaling: AutoscalingSettings
    stop: StopSettings

    @model_validator(mode="after")
    def _scalable(self) -> Self:
        scaling = self.autoscaling
        if not scaling.enabled:
            return self
        if not scaling.min_instances <= self.instance_count <= scaling.max_instances:
            refuse(
                "instance_count",
                f"between autoscaling.min_instances {scaling.min_instances} and "
                f"autoscaling.max_instances {scaling.max_instances}",
            )
        if self.challenger.instance_count > scaling.max_instances:
            refuse("challenger.instance_count", f"at most autoscaling.max_instances, which is {scaling.max_instances}")
        if self.instance_type.startswith("ml.t2."):
            refuse("instance_type", "not a burstable ml.t2 type while autoscaling.enabled is true")
        return self
