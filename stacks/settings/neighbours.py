"""Which other environments one has to do with, as their files say it."""

from collections.abc import Mapping
from typing import Any

from mlops_constructs.frozen import FrozenModel


class Neighbour(FrozenModel):
    """Another environment of the project. account, region: None where its file names none.

    Models, by their folders: takes (their versions come from there), gives (that one takes them from here), tests (of
    these, which it tests), degrades (their degradation there counts here), tells (their degradation here counts there).
    """

    environment: str
    account: str | None
    region: str | None
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    degrades: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()

    @property
    def related(self) -> bool:
        return bool(self.takes or self.gives or self.degrades or self.tells)


def neighbour(own: str, ours: Mapping[str, Any], name: str, theirs: Mapping[str, Any]) -> Neighbour:
    """What the environments `own` and `name` have to do with each other.

    ours, theirs: the merged tables of their files, which need not be valid: another environment's mistakes are its
    own, so what cannot be read in them counts for nothing.
    """
    here, there = _models(ours), _models(theirs)
    shared = [folder for folder in here if folder in there]
    gives = [each for each in shared if _taken_from(there[each]) == own]
    return Neighbour(
        environment=name,
        account=_text(theirs.get("account")),
        region=_text(theirs.get("region")),
        takes=tuple(each for each in here if _taken_from(here[each]) == name),
        gives=tuple(gives),
        tests=tuple(each for each in gives if _at(there[each], "release", "tests") is True),
        degrades=tuple(each for each in shared if _hears(here[each], name) and _watches(there[each])),
        tells=tuple(each for each in shared if _hears(there[each], own) and _watches(here[each])),
    )


def _models(values: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    models = values.get("models")
    return {name: each for name, each in models.items() if isinstance(each, dict)} if isinstance(models, dict) else {}


def _taken_from(model: Mapping[str, Any]) -> str:
    return _text(_at(model, "release", "takes_from")) or ""


def _hears(model: Mapping[str, Any], name: str) -> bool:
    """Whether a model is trained anew when it got worse in the environment `name`."""
    listens = _at(model, "retraining", "degradation_in")
    trains = model.get("enabled") is True and not _taken_from(model) and _at(model, "retraining", "enabled") is True
    return trains and isinstance(listens, list) and name in listens


def _watches(model: Mapping[str, Any]) -> bool:
    return model.get("enabled") is True and _at(model, "monitoring", "enabled") is True


def _at(table: Mapping[str, Any], section: str, key: str) -> Any:
    found = table.get(section)
    return found.get(key) if isinstance(found, dict) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
