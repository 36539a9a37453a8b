"""Rules between environments: where versions come from, whose tests they have passed, who else needs them."""

import difflib
from collections.abc import Callable, Mapping, Sequence

from mlops_constructs.errors import SettingRefusedError
from stacks.settings.schema import EnvironmentSettings, ModelSettings

Load = Callable[[str], EnvironmentSettings]


def check(settings: EnvironmentSettings, *, others: Sequence[str], load: Load) -> None:
    """Raises SettingRefusedError if a model takes versions, asks for tests, or hears of degradation, from where there
    are none.

    others: the other environments that have a file; load: their settings by name.
    """
    for folder, model in settings.models.items():
        release, key = model.release, f"models.{folder}.release"
        if release.takes_from:
            _exists(f"{key}.takes_from", release.takes_from, others)
            _can_be_taken_from(settings, load(release.takes_from), folder)
        for position, name in enumerate(release.requires):
            _exists(f"{key}.requires.{position}", name, others)
            _has_tested(settings, load(name), folder, f"{key}.requires.{position}")
        for position, name in enumerate(model.retraining.degradation_in):
            place = f"models.{folder}.retraining.degradation_in.{position}"
            _exists(place, name, others)
            _is_watched(settings, load(name), folder, place)


def check_retirement(settings: EnvironmentSettings, *, takers: Mapping[str, str]) -> None:
    """Raises SettingRefusedError if versions would be removed that another environment may serve.

    takers: for a model, an environment that takes its versions from this one.
    """
    for folder, taker in takers.items():
        model = settings.models.get(folder)
        if model and model.release.retires:
            raise SettingRefusedError(
                f"models.{folder}.release.keep_versions",
                model.release.keep_versions,
                f"0, since {taker} takes its versions from here and may serve any of them",
            )


def _exists(key: str, name: str, others: Sequence[str]) -> None:
    if name not in others:
        nearest = difflib.get_close_matches(name, others, n=1, cutoff=0.0)
        hint = f" (nearest: {nearest[0]})" if nearest else ""
        raise SettingRefusedError(key, name, f"another environment that has a file: {', '.join(others)}{hint}")


def _can_be_taken_from(settings: EnvironmentSettings, source: EnvironmentSettings, folder: str) -> None:
    key = f"models.{folder}.release.takes_from"

    def refuse(allowed: str) -> None:
        raise SettingRefusedError(key, source.environment, allowed)

    if why := _barrier(settings, source):
        refuse(why)
    theirs, ours = source.models.get(folder), settings.models[folder]
    if theirs is None:
        refuse(f"an environment that has the model {folder}")
    elif theirs.release.takes_from:
        refuse(f"an environment with versions of its own: {source.environment} takes them from elsewhere too")
    elif _image(source, theirs) != _image(settings, ours):
        refuse("an environment with the same framework and image: a version brings the image it was trained in")
    _has_its_features(settings, source, folder)


def _has_its_features(settings: EnvironmentSettings, source: EnvironmentSettings, folder: str) -> None:
    """A version reads here what it learned from there; a group may have more features here, but no others."""
    ours, theirs = settings.used_groups(folder), source.used_groups(folder)
    if set(ours) != set(theirs):
        raise SettingRefusedError(
            f"models.{folder}.features.groups",
            list(ours),
            f"as in {source.environment}, where the versions come from: {', '.join(theirs) or 'none'}",
        )
    for name, group in theirs.items():
        for feature, kind in group.types.items():
            if ours[name].types.get(feature) != kind:
                raise SettingRefusedError(
                    f"feature_groups.{name}",
                    name,
                    f"as in {source.environment}, where {folder} comes from: {feature} is {kind} there",
                )


def _has_tested(settings: EnvironmentSettings, tester: EnvironmentSettings, folder: str, key: str) -> None:
    theirs = tester.models.get(folder)
    if theirs is None or not theirs.release.tests:
        raise SettingRefusedError(key, tester.environment, "an environment whose release.tests is true")
    if _registry(tester, folder) != _registry(settings, folder):
        raise SettingRefusedError(
            key, tester.environment, f"an environment that serves the versions of {_registry(settings, folder)} too"
        )


def _is_watched(settings: EnvironmentSettings, watcher: EnvironmentSettings, folder: str, key: str) -> None:
    theirs = watcher.models.get(folder)
    if theirs is None:
        return  # a default for models that are there, which this one is not yet
    if not theirs.watches:
        raise SettingRefusedError(key, watcher.environment, "an environment whose monitoring.enabled is true")
    if why := _barrier(settings, watcher):
        raise SettingRefusedError(key, watcher.environment, why)
    if theirs.release.takes_from != settings.environment:
        raise SettingRefusedError(
            key, watcher.environment, f"an environment that takes its versions from {settings.environment}"
        )


def _barrier(settings: EnvironmentSettings, other: EnvironmentSettings) -> str | None:
    """What the other environment would have to be for a model to go from one to the other, None if it is that."""
    if other.project != settings.project:
        return "an environment with the same project: what belongs to a model is found by names that begin with it"
    if (other.account is None) != (settings.account is None):
        unset = settings if settings.account is None else other
        return (
            "an environment whose account is known, as one's own: set account and region in "
            f"config/{unset.environment}.toml too, or in neither"
        )
    if other.region != settings.region:
        return "an environment with the same region: SageMaker serves a model from data in the endpoint's own region"
    return None


def _image(settings: EnvironmentSettings, model: ModelSettings) -> tuple[str, str | None]:
    return model.framework, settings.images.get(model.framework)


def _registry(settings: EnvironmentSettings, folder: str) -> str:
    return settings.models[folder].release.takes_from or settings.environment
