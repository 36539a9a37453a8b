"""An environment's settings, or one line that says which file to open and what to write there."""

import difflib
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from mlops_constructs.errors import SettingRefusedError
from stacks.settings import across
from stacks.settings.errors import SettingsError
from stacks.settings.problems import describe, place
from stacks.settings.schema import EnvironmentSettings
from stacks.settings.sources import Layers, merge, shown

BASE = "base"


def load(config: Path, environment: str) -> EnvironmentSettings:
    """Read `config/base.toml` and `config/<environment>.toml`; raises SettingsError with exactly one line."""
    known = environments(config)
    if environment not in known:
        nearest = difflib.get_close_matches(environment, known, n=1, cutoff=0.0)
        raise SettingsError(
            f'{shown(config / f"{environment}.toml")}: env = "{environment}": no such environment; '
            f"use {', '.join(known)} (nearest: {', '.join(nearest)})"
        )
    settings = _validate(config, environment)
    try:
        across.check(settings, others=[each for each in known if each != environment], load=partial(_validate, config))
        across.check_retirement(settings, takers=_takers(config, environment, known))
    except SettingRefusedError as error:
        raise blame(config, environment, error) from None
    return settings


def _validate(config: Path, environment: str) -> EnvironmentSettings:
    """The settings of one environment by themselves; what they say about others is not looked at."""
    layers = _layers(config, environment)
    if ("environment",) in layers.origins:
        raise SettingsError(f"{place(('environment',), layers)}: unknown key; the file's name says it")
    try:
        return EnvironmentSettings.model_validate({**layers.values, "environment": environment})
    except ValidationError as error:
        raise SettingsError(describe(error, layers, base=shown(config / f"{BASE}.toml"))) from None


def blame(config: Path, environment: str, refused: SettingRefusedError) -> SettingsError:
    """The same line for a setting that turned out wrong where it was used."""
    layers = _layers(config, environment)
    return SettingsError(place(tuple(refused.key.split(".")), layers) + f": must be {refused.allowed}")


def _takers(config: Path, environment: str, known: list[str]) -> dict[str, str]:
    """Which models another environment takes from this one, as far as its file can be read, and which one does."""
    takers = {}
    for other in known:
        models = _layers(config, other).values.get("models", {}) if other != environment else {}
        for folder, model in models.items():
            release = model.get("release") if isinstance(model, dict) else None
            if isinstance(release, dict) and release.get("takes_from") == environment:
                takers[folder] = other
    return takers


def _layers(config: Path, environment: str) -> Layers:
    return merge([config / f"{BASE}.toml", config / f"{environment}.toml"])


def environments(config: Path) -> list[str]:
    """The environments that have a file."""
    return sorted(path.stem for path in config.glob("*.toml") if path.stem != BASE)
