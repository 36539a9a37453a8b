"""What the configuration lets the controller do: the function's environment variable POLICY, a JSON object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar


class PolicyError(Exception):
    """POLICY is not what the project's construct writes."""


@dataclass(frozen=True)
class Experiment:
    """How a candidate is compared with the champion; settings of config/, [model_defaults.release.experiment]."""

    rule: Literal["planned", "open_ended"]
    allocation: Literal["fixed", "thompson"]
    error_rate: float
    power: float
    baseline: float
    effect: float
    discordance: float
    share_percent: int
    step_percent: int
    step_seconds: int
    look_seconds: int
    settle_seconds: int
    max_hours: int
    block_size: int
    inconclusive: Literal["keep", "promote"]
    max_positive_change: float
    """Guardrail: largest accepted change of the share of positive predictions, 0 to 1."""


@dataclass(frozen=True)
class Metric:
    """What counts as a success: SQL conditions over the response's fields and `outcome`."""

    fields: tuple[str, ...]
    success: str
    positive: str


@dataclass(frozen=True)
class Policy:
    """stages: before promotion, in their order; empty for a plain replacement.

    source: the environment whose registry is served from, "" for the own one. evidence: metadata keys that must
    read "passed" on a version before it is taken. second_person: a version must be in `allowed`.
    tests: the released version is tested, and the result noted as metadata under `evidence_key`.
    keep_versions: how many of the newest versions retirement leaves alone; 0 switches it off.
    """

    enabled: bool
    stages: tuple[Literal["shadow", "challenger"], ...]
    experiment: Experiment
    metric: Metric
    evidence: tuple[str, ...]
    second_person: bool
    tests: bool
    evidence_key: str
    keep_versions: int

    @classmethod
    def read(cls, text: str) -> Policy:
        """Raises PolicyError naming what is missing or unknown."""
        try:
            values = json.loads(text)
        except ValueError as error:
            raise PolicyError(f"POLICY: not JSON ({error})") from None
        nested = {"experiment": Experiment, "metric": Metric}
        values |= {name: _make(kind, values.get(name, {}), name) for name, kind in nested.items()}
        return _make(cls, values, "POLICY")


_T = TypeVar("_T")


def _make(kind: type[_T], values: Mapping[str, Any], place: str) -> _T:
    names = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    if wrong := names ^ set(values):
        raise PolicyError(f"{place}: {', '.join(sorted(wrong))} missing or unknown")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
