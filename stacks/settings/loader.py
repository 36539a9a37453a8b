"""An environment's settings, or one line that says which file to open and what to write there."""

import difflib
import functools
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from mlops_constructs.errors import SettingRefusedError
from stacks.settings import across
from stacks.settings import delivery as delivering
from stacks.settings.errors import SettingsError
from stacks.settings.neighbours import Neighbour, neighbour
from stacks.settings.problems import describe, place
from stacks.settings.schema import EnvironmentSettings
from stacks.settings.sources import Layers, merge, shown

BASE = "base"

_NOT_IN_FILES = {
    "environment": "the file's name says it",
    "neighbours": "the files of the other environments say it",
}


def load(config: Path, environment: str) -> EnvironmentSettings:
    """Read `config/base.toml` and `config/<environment>.toml`; raises SettingsError with exactly one line."""
    known = environments(config)
    if environment not in known:
        nearest = difflib.get_close_matches(environment, known, n=1, cutoff=0.0)
        raise SettingsError(
            f'{shown(config / f"{environment}.toml")}: env = "{environment}": no such environment; '
            f"use {', '.join(known)} (nearest: {', '.join(nearest)})"
        )
    _check_names(config, environment, known)
    settings = _validate(config, environment)
    settings = settings.model_copy(update={"neighbours": _neighbours(config, environment, known)})
    # Each model asks for the same few environments.
    once = functools.cache(partial(_validate, config))
    try:
        across.check(settings, others=[each for each in known if each != environment], load=once)
        across.check_retirement(settings, takers=_takers(settings.neighbours))
    except SettingRefusedError as error:
        raise blame(config, environment, error) from None
    return settings


def _check_names(config: Path, environment: str, known: list[str]) -> None:
    """Rights go by the beginning of names: those of `dev` would reach what belongs to `dev-2`."""
    for other in known:
        short, long = sorted((environment, other), key=len)
        if long.startswith(f"{short}-"):
            raise SettingsError(
                f"{shown(config / f'{long}.toml')}: its name begins like {short}'s, whose roles would have rights on "
                "it: rename one of the files"
            )


def _validate(config: Path, environment: str) -> EnvironmentSettings:
    """The settings of one environment by themselves; what they say about others is not looked at."""
    layers = _layers(config, environment)
    for key, why in _NOT_IN_FILES.items():
        if (key,) in layers.origins:
            raise SettingsError(f"{place((key,), layers)}: unknown key; {why}")
    if ("delivery",) in layers.origins:
        raise SettingsError(f"{place(('delivery',), layers)}: unknown key; it has a file of its own, delivery.toml")
    found = {"environment": environment, "delivery": delivering.delivered(config, environment)}
    try:
        return EnvironmentSettings.model_validate({**layers.values, **found})
    except ValidationError as error:
        raise SettingsError(describe(error, layers, base=shown(config / f"{BASE}.toml"))) from None


def blame(config: Path, environment: str, refused: SettingRefusedError) -> SettingsError:
    """The same line for a setting that turned out wrong where it was used."""
    layers = _layers(config, environment)
    return SettingsError(place(tuple(refused.key.split(".")), layers) + f": must be {refused.allowed}")


def _takers(neighbours: tuple[Neighbour, ...]) -> dict[str, str]:
    """Which models another environment takes from this one, and which one does."""
    return {folder: each.environment for each in neighbours for folder in each.gives}


def _neighbours(config: Path, environment: str, known: list[str]) -> tuple[Neighbour, ...]:
    """The other environments of the project that this one has to do with, by their names."""
    ours = _layers(config, environment).values
    others = {name: _layers(config, name).values for name in known if name != environment}
    found = [neighbour(environment, ours, *other) for other in sorted(others.items())]
    return tuple(each for each in found if each.related)


def _layers(config: Path, environment: str) -> Layers:
    return merge([config / f"{BASE}.toml", config / f"{environment}.toml"])


def environments(config: Path) -> list[str]:
    """The environments that have a file."""
    return sorted(path.stem for path in config.glob("*.toml") if path.stem not in (BASE, delivering.DELIVERY))


def load_delivery(config: Path) -> delivering.Delivery:
    """Read `config/delivery.toml` and the environments that it names; raises SettingsError with exactly one line."""
    return delivering.load_delivery(config, known=environments(config), load=partial(load, config))
