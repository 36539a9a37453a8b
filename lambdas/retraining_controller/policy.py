"""What the configuration lets the controller do: the function's environment variable POLICY, a JSON object."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import timedelta

from shared.environment import ConfigurationError


@dataclass(frozen=True)
class Parameters:
    """How the training pipeline calls where its data lie, and first and last day of training and of test data."""

    data: str
    train_from: str
    train_to: str
    test_from: str
    test_to: str


@dataclass(frozen=True)
class Policy:
    """Settings of config/, [model_defaults.retraining]; `parameters` are its data_parameter and its window."""

    on_degradation: bool
    on_new_data: bool
    cooldown_hours: int
    max_per_month: int
    train_months: int
    test_months: int
    label_maturity_months: int
    parameters: Parameters

    @property
    def cooldown(self) -> timedelta:
        return timedelta(hours=self.cooldown_hours)

    @classmethod
    def read(cls, text: str) -> Policy:
        """Raises ConfigurationError naming what is missing or unknown."""
        try:
            values = json.loads(text)
            parameters = Parameters(**values["parameters"])
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(f"POLICY: {error}") from None
        if wrong := {field.name for field in fields(cls)} ^ set(values):
            raise ConfigurationError(f"POLICY: {', '.join(sorted(wrong))} missing or unknown")
        return cls(**values | {"parameters": parameters})
