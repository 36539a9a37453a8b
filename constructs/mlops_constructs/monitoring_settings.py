"""What the monitoring of a model can be told: how often, over which windows, and when somebody is called.

As in `settings`, no field has a default, and invalid combinations cannot exist.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlops_constructs.frozen import FrozenModel, refuse
from mlops_constructs.instance_types import ProcessingInstance
from mlops_constructs.settings import Percent

LONGEST_LOOK_HOURS = 168
"""How far an alarm can look back: seven days (API reference: PutMetricAlarm, EvaluationPeriods)."""


class Engine(StrEnum):
    """Who judges the windows: our own pipeline, or SageMaker Model Monitor, which takes no new customers."""

    PIPELINE = "pipeline"
    MODEL_MONITOR = "model-monitor"


class LabelSettings(FrozenModel):
    """When the outcome of a prediction counts as known."""

    matures_after_days: Annotated[int, Field(ge=0, le=3650)]
    missing_means: Annotated[str, Field(max_length=100)]


class MonitoringAlarmSettings(FrozenModel):
    """When the endpoint itself needs somebody; what the monitors find has thresholds of its own."""

    no_traffic_hours: Annotated[int, Field(ge=1, le=LONGEST_LOOK_HOURS)]
    utilisation_percent: Percent
    overhead_ms: Annotated[int, Field(ge=1, le=60_000)]
    minutes: Annotated[int, Field(ge=1, le=1440)]
    daily_instances: Annotated[float, Field(ge=0, le=10_000)]


class MonitoringSettings(FrozenModel):
    """The monitors of a model."""

    enabled: bool
    engine: Annotated[Engine, Field(strict=False)]
    window_hours: Literal[1, 2, 3, 4, 6, 8, 12, 24]
    delay_minutes: Annotated[int, Field(ge=0, le=1440)]
    processing_instance_type: ProcessingInstance
    instance_count: Annotated[int, Field(ge=1, le=100)]
    volume_gb: Annotated[int, Field(ge=1, le=16384)]
    max_runtime_seconds: Annotated[int, Field(ge=60, le=86_400)]
    min_rows: Annotated[int, Field(ge=1, le=1_000_000)]
    breaches: Annotated[int, Field(ge=1, le=100)]
    of: Annotated[int, Field(ge=1, le=100)]
    labels: LabelSettings
    alarms: MonitoringAlarmSettings

    @property
    def missed_after_hours(self) -> int:
        """Without a finished run for so long, one is missing: two windows, and the time that two runs may take."""
        return 2 * self.window_hours + -(-2 * self.max_runtime_seconds // 3600)

    @model_validator(mode="after")
    def _breaches_fit(self) -> Self:
        if self.breaches > self.of:
            refuse("breaches", f"at most of, which is {self.of}")
        return self
