"""Values to start from, for an app that has no configuration files of its own."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from mlops_constructs.batch_settings import BatchSettings
from mlops_constructs.errors import ConstructError
from mlops_constructs.frozen import FrozenModel
from mlops_constructs.governance_settings import GovernanceSettings
from mlops_constructs.monitoring_settings import MonitoringSettings
from mlops_constructs.release_settings import ReleaseSettings
from mlops_constructs.retraining_settings import RetrainingSettings
from mlops_constructs.settings import ServingSettings, TrainingSettings

S = TypeVar("S", bound=FrozenModel)

SECTIONS: Mapping[type[FrozenModel], str] = {
    BatchSettings: "batch",
    GovernanceSettings: "governance",
    MonitoringSettings: "monitoring",
    ReleaseSettings: "release",
    RetrainingSettings: "retraining",
    ServingSettings: "serving",
    TrainingSettings: "training",
}
"""By class, the section of starting_values.toml."""


def starting(settings: type[S], **changes: Any) -> S:
    """`settings` as starting_values.toml has them, each with its meaning there, but for `changes`.

    A change of a table changes what it names: `starting(ServingSettings, autoscaling={"enabled": False})`. Raises
    ConstructError, one line for each value that cannot be.
    """
    if settings not in SECTIONS:
        known = ", ".join(sorted(each.__name__ for each in SECTIONS))
        raise ConstructError(f"{settings.__name__}: has no values to start from, as {known} have; state each value")
    section = SECTIONS[settings]
    try:
        return settings.model_validate(_changed(_values()[section], changes))
    except ValidationError as error:
        raise ConstructError("\n".join(_problem(section, each) for each in error.errors(include_url=False))) from None


@cache
def _values() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "starting_values.toml").read_text(encoding="utf-8"))


def _changed(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    deeper = {
        key: _changed(values[key], change)
        for key, change in changes.items()
        if isinstance(change, Mapping) and isinstance(values.get(key), Mapping)
    }
    return {**values, **changes, **deeper}


def _problem(section: str, problem: Any) -> str:
    """One line: key, value, what is allowed; of a rule over several values, the one that it blames."""
    key = ".".join([section, *(str(each) for each in problem["loc"])])
    match problem["type"]:
        case "missing":
            return f"{key}: missing; pass it to starting(…)"
        case "extra_forbidden":
            return f"{key}: unknown; see starting_values.toml for what [{section}] may hold"
        case "rule":
            return f"{key}.{problem['ctx']['key']}: must be {problem['ctx']['allowed']}"
        case "allowed" | "instance_type":
            return f"{key} = {problem['input']!r}: must be {problem['msg']}"
    return f"{key} = {problem['input']!r}: {problem['msg'][:1].lower()}{problem['msg'][1:]}"
