"""What the release of a model can be told: the way to champion, and what a candidate must show on it.

As in `settings`, no field has a default, and invalid combinations cannot exist.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlops_constructs.frozen import FrozenModel, refuse
from mlops_constructs.sql_condition import WORDS, ConditionError, names_in

OUTCOME = "outcome"
"""What a metric's conditions call the truth that arrived for a prediction."""
VERSION = "model_version"
"""The field of every response that names the version; the project reads it by itself."""

Share = Annotated[float, Field(gt=0, lt=1)]
Seconds = Annotated[int, Field(ge=0, le=2_592_000)]
EnvironmentName = Annotated[str, Field(min_length=1, description="the name of an environment")]
FieldName = Annotated[
    str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=64, description="the name of a field of the response")
]
Condition = Annotated[str, Field(max_length=300, description="an SQL condition of at most 300 characters")]

Stage = Literal["shadow", "challenger"]
_STRATEGIES = (("replace",), ("shadow",), ("challenger",), ("shadow", "challenger"))


class ExperimentSettings(FrozenModel):
    """How a candidate is compared with the champion (lambdas/release_controller/policy.py: Experiment)."""

    rule: Literal["planned", "open_ended"]
    allocation: Literal["fixed", "thompson"]
    error_rate: Annotated[float, Field(gt=0, le=0.2)]
    power: Annotated[float, Field(ge=0.5, lt=1)]
    baseline: Share
    effect: Share
    discordance: Share
    share_percent: Annotated[int, Field(ge=1, le=50)]
    step_percent: Annotated[int, Field(ge=1, le=50)]
    step_seconds: Seconds
    look_seconds: Annotated[int, Field(ge=1, le=604_800)]
    settle_seconds: Seconds
    max_hours: Annotated[int, Field(ge=1, le=8760)]
    block_size: Annotated[int, Field(ge=2, le=1_000_000)]
    inconclusive: Literal["keep", "promote"]
    max_positive_change: Annotated[float, Field(gt=0, le=1)]

    @model_validator(mode="after")
    def _bandits_have_no_horizon(self) -> Self:
        if self.allocation == "thompson" and self.rule != "open_ended":
            refuse("allocation", 'fixed, unless rule is "open_ended": a planned horizon needs the planned shares')
        return self

    @model_validator(mode="after")
    def _steps_lead_to_the_share(self) -> Self:
        if self.step_percent > self.share_percent:
            refuse("step_percent", f"at most share_percent, which is {self.share_percent}")
        return self

    @model_validator(mode="after")
    def _time_is_left(self) -> Self:
        limit = self.max_hours * 3600
        for key in ("settle_seconds", "look_seconds"):
            if getattr(self, key) >= limit:
                refuse(key, f"below {limit}, the {self.max_hours} hours of max_hours")
        return self

    @model_validator(mode="after")
    def _effect_can_exist(self) -> Self:
        """The better model's success rate stays below 1, the worse one's above 0; only discordant pairs differ."""
        room = min(self.baseline, 1 - self.baseline)
        if self.effect >= room:
            refuse("effect", f"below {room:g}, or baseline {self.baseline:g} could not change by it either way")
        if self.discordance <= self.effect:
            refuse("discordance", f"above effect, which is {self.effect:g}: only pairs that differ make a difference")
        return self


class MetricSettings(FrozenModel):
    """What counts as a success, as SQL over the fields of the response and the outcome."""

    fields: Annotated[tuple[FieldName, ...], Field(strict=False, min_length=1)]
    success: Condition
    positive: Condition

    @model_validator(mode="after")
    def _fields_can_be_columns(self) -> Self:
        seen: set[str] = set()
        for position, name in enumerate(field.lower() for field in self.fields):
            if name in (*WORDS, OUTCOME, VERSION):
                refuse(f"fields.{position}", f"another field: {name} means something else in a condition")
            if name in seen:
                refuse(f"fields.{position}", "there once; SQL does not tell upper from lower case")
            seen.add(name)
        return self

    @model_validator(mode="after")
    def _conditions_are_conditions(self) -> Self:
        answered = self._used("success", (*self.fields, OUTCOME))
        if OUTCOME not in answered or len(answered) == 1:
            refuse("success", f"a condition that compares a field with {OUTCOME}")
        if not self._used("positive", self.fields):
            refuse("positive", "a condition on a field")
        return self

    def _used(self, key: str, names: tuple[str, ...]) -> frozenset[str]:
        try:
            return names_in(getattr(self, key), names)
        except ConditionError as error:
            refuse(key, f"an SQL condition over {', '.join(names)}: {error}")


class ReleaseTestSettings(FrozenModel):
    """What a released version is tested with, and what it may take at most."""

    requests: Annotated[int, Field(ge=1, le=100_000)]
    concurrency: Annotated[int, Field(ge=1, le=100)]
    max_error_percent: Annotated[float, Field(ge=0, le=100)]
    max_p95_ms: Annotated[int, Field(ge=1, le=60_000)]

    @model_validator(mode="after")
    def _enough_requests(self) -> Self:
        if self.concurrency > self.requests:
            refuse("concurrency", f"at most requests, which is {self.requests}")
        return self


class ReleaseSettings(FrozenModel):
    """The release controller of a model."""

    schedule_minutes: Annotated[int, Field(ge=1, le=1440)]
    reserved_concurrency: Literal[0, 1]
    strategy: Annotated[tuple[Literal["replace", "shadow", "challenger"], ...], Field(strict=False)]
    takes_from: str
    requires: Annotated[tuple[EnvironmentName, ...], Field(strict=False)]
    second_person: bool
    tests: bool
    keep_versions: Annotated[int, Field(ge=0, le=10_000)]
    experiment: ExperimentSettings
    metric: MetricSettings
    test: ReleaseTestSettings

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What a candidate goes through before promotion, in order; nothing where it replaces the champion."""
        return tuple(stage for stage in self.strategy if stage != "replace")

    @property
    def retires(self) -> bool:
        """Whether old versions are archived and removed."""
        return self.keep_versions > 0

    @model_validator(mode="after")
    def _strategy_is_a_way(self) -> Self:
        if self.strategy not in _STRATEGIES:
            ways = [str(list(way)).replace("'", '"') for way in _STRATEGIES]
            refuse("strategy", f"{', '.join(ways[:-1])} or {ways[-1]}")
        return self

    @model_validator(mode="after")
    def _required_once(self) -> Self:
        if len(set(self.requires)) < len(self.requires):
            refuse("requires", "a list of different environments")
        return self

    @model_validator(mode="after")
    def _retires_its_own_only(self) -> Self:
        if self.takes_from and self.retires:
            refuse("keep_versions", f"0, since the versions are those of {self.takes_from} (takes_from)")
        return self
