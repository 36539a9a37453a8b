"""What the retraining of a model can be told: what starts it, how often it may, which data it takes.

As in `settings`, no field has a default.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from mlops_constructs.frozen import FrozenModel, refuse
from mlops_constructs.schedules import Schedule

Hours = Annotated[int, Field(ge=0, le=8760)]
Months = Annotated[int, Field(ge=0, le=600)]
SomeMonths = Annotated[int, Field(ge=1, le=600)]
ParameterName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_-]{1,256}$", description="the name of a parameter that the training pipeline declares"),
]
EnvironmentName = Annotated[str, Field(min_length=1, description="the name of an environment")]


class WindowParameters(FrozenModel):
    """How the training pipeline calls the first and the last day of what it learns from, and of what it tests on."""

    train_from: ParameterName
    train_to: ParameterName
    test_from: ParameterName
    test_to: ParameterName

    @model_validator(mode="after")
    def _different(self) -> Self:
        seen: set[str] = set()
        for key, name in self.model_dump().items():
            if name in seen:
                refuse(key, f"another parameter: {name} is one of the others already")
            seen.add(name)
        return self


class RetrainingSettings(FrozenModel):
    """The retraining controller of a model."""

    enabled: bool
    on_degradation: bool
    degradation_in: Annotated[tuple[EnvironmentName, ...], Field(strict=False)]
    schedule: Schedule
    on_new_data: bool
    cooldown_hours: Hours
    max_per_month: Annotated[int, Field(ge=1, le=1000)]
    train_months: SomeMonths
    test_months: SomeMonths
    label_maturity_months: Months
    data_parameter: ParameterName
    window: WindowParameters

    @property
    def parameter_names(self) -> dict[str, str]:
        """Each parameter that the training pipeline must declare, by the setting that names it."""
        window = {f"window.{key}": name for key, name in self.window.model_dump().items()}
        return {"data_parameter": self.data_parameter, **window}

    @model_validator(mode="after")
    def _listens_once(self) -> Self:
        if len(set(self.degradation_in)) < len(self.degradation_in):
            refuse("degradation_in", "a list of different environments")
        return self
