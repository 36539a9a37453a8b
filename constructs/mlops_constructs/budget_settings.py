"""How much may be spent in a month, and when somebody is told that it will be."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from mlops_constructs.frozen import FrozenModel, refuse

_MOST = 5
"""Ten notifications a budget (user guide: Budgets quotas), two for each percentage."""

Dollars = Annotated[int, Field(ge=0, le=1_000_000_000)]
NotifyPercent = Annotated[int, Field(ge=1, le=1000)]


class ModelBudgetSettings(FrozenModel):
    """What one model may cost in an environment; 0 for no budget."""

    monthly_usd: Dollars


class BudgetSettings(FrozenModel):
    """What an environment may cost, and at which percentages of a budget, its models' too, its topic is told."""

    monthly_usd: Dollars
    notify_percent: Annotated[tuple[NotifyPercent, ...], Field(strict=False, min_length=1, max_length=_MOST)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.notify_percent)) < len(self.notify_percent):
            refuse("notify_percent", "a list of different percentages")
        return self
