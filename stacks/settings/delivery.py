"""Settings of the pipeline that delivers commits: config/delivery.toml, and what it says about the environments."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from mlops_constructs.delivery_settings import (
    BuildSettings,
    CodeCommitSource,
    ConnectionSource,
    S3Source,
    Source,
    StageSettings,
)
from mlops_constructs.errors import SettingRefusedError
from mlops_constructs.frozen import Frozen, FrozenModel, refuse
from stacks.settings.errors import SettingsError
from stacks.settings.problems import describe, place
from stacks.settings.schema import (
    Account,
    Delivered,
    EnvironmentSettings,
    LogRetentionDays,
    NotificationSettings,
    PolicyName,
    Qualifier,
    Region,
    account_with_region,
)
from stacks.settings.sources import Layers, merge, shown

DELIVERY = "delivery"
"""What the file is called, and the word for it on the command line; no environment has this name."""


class DeliverySettings(FrozenModel):
    """One pipeline for all environments of `order`; `source` is one of its kinds."""

    account: Account | None = None
    region: Region | None = None
    retain: bool
    log_retention_days: LogRetentionDays
    qualifier: Qualifier
    permissions_boundary: PolicyName
    execution_mode: Literal["superseded", "queued"]
    order: Annotated[tuple[str, ...], Field(strict=False, min_length=1, description="a list of environments")]
    notifications: NotificationSettings
    source: Source
    build: BuildSettings
    stages: Annotated[Mapping[str, StageSettings], Frozen]

    _account_with_region = model_validator(mode="after")(account_with_region)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for position, name in enumerate(self.order):
            if name in self.order[:position]:
                refuse(f"order.{position}", "another environment: each is delivered to once")
        for name in self.stages:
            if name not in self.order:
                refuse(f"stages.{name}", f"of an environment in order: {', '.join(self.order)}")
        return self


class _FromConnection(DeliverySettings):
    source: ConnectionSource


class _FromCodeCommit(DeliverySettings):
    source: CodeCommitSource


class _FromS3(DeliverySettings):
    source: S3Source


_KINDS: Mapping[str, type[DeliverySettings]] = {
    "connection": _FromConnection,
    "codecommit": _FromCodeCommit,
    "s3": _FromS3,
}


@dataclass(frozen=True)
class Delivery:
    """The pipeline's settings, and those of the environments that it delivers to, in its order."""

    settings: DeliverySettings
    environments: Mapping[str, EnvironmentSettings]

    @property
    def project(self) -> str:
        """Of all of them."""
        return self.environments[self.settings.order[0]].project

    @property
    def packs(self) -> tuple[str, ...]:
        """Rules that any of the environments must follow: what may change it follows them too."""
        return tuple(sorted({pack for each in self.environments.values() for pack in each.compliance.packs}))

    def is_here(self, environment: str) -> bool:
        """Whether an environment is in the pipeline's own account and region."""
        settings = self.environments[environment]
        return (settings.account, settings.region) == (self.settings.account, self.settings.region)


def load_delivery(config: Path, *, known: list[str], load: Callable[[str], EnvironmentSettings]) -> Delivery:
    """Read config/delivery.toml; raises SettingsError with exactly one line.

    known: the environments that have a file; load: their settings by name.
    """
    settings = _read(config)
    try:
        for position, name in enumerate(settings.order):
            _exists(f"order.{position}", name, known)
        delivery = Delivery(settings, {name: load(name) for name in settings.order})
        for position, name in enumerate(settings.order):
            _agrees(delivery, f"order.{position}", name)
            _is_bootstrapped_alike(delivery, name)
            _comes_after_its_sources(delivery, f"order.{position}", name)
            _has_something_to_train(delivery, name)
    except SettingRefusedError as error:
        place_of = place(tuple(error.key.split(".")), _layers(config))
        raise SettingsError(f"{place_of}: must be {error.allowed}") from None
    return delivery


def delivered(config: Path, environment: str) -> Delivered | None:
    """By which account's pipeline an environment is delivered to; None if by none."""
    if not _file(config).exists():
        return None
    settings = _read(config)
    if environment not in settings.order:
        return None
    return Delivered(account=settings.account, region=settings.region, source=settings.source)


def _read(config: Path) -> DeliverySettings:
    if not _file(config).exists():
        raise SettingsError(f"{shown(_file(config))}: not there: nothing says what the pipeline delivers, and where to")
    layers = _layers(config)
    schema = _schema(layers, shown(_file(config)))
    try:
        return schema.model_validate(layers.values)
    except ValidationError as error:
        raise SettingsError(describe(error, layers, base=shown(_file(config)), settings=schema)) from None


def _schema(layers: Layers, file: str) -> type[DeliverySettings]:
    """With the keys of the source's kind, so that a mistake in one of them is called one."""
    source = layers.values.get("source")
    if not isinstance(source, dict):
        return _FromConnection
    allowed = "one of " + ", ".join(f'"{kind}"' for kind in _KINDS)
    if "kind" not in source:
        raise SettingsError(f"{file}: source.kind: missing; must be {allowed}")
    if not isinstance(source["kind"], str) or source["kind"] not in _KINDS:
        raise SettingsError(f"{place(('source', 'kind'), layers)}: must be {allowed}")
    return _KINDS[source["kind"]]


def _layers(config: Path) -> Layers:
    return merge([_file(config)], many="stages", defaults="stage_defaults", named="order")


def _file(config: Path) -> Path:
    return config / f"{DELIVERY}.toml"


def _exists(key: str, name: str, known: list[str]) -> None:
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
        raise SettingRefusedError(
            key, name, f"an environment that has a file: {', '.join(known)} (nearest: {', '.join(nearest)})"
        )


def _agrees(delivery: Delivery, key: str, name: str) -> None:
    """Where one has no account of its own, nobody can tell before a deployment whether it is the pipeline's."""
    settings = delivery.environments[name]
    if settings.project != delivery.project:
        raise SettingRefusedError(key, name, f"an environment of the project {delivery.project}: it is of another one")
    if (settings.account is None) != (delivery.settings.account is None):
        without, given = (name, DELIVERY) if settings.account is None else (DELIVERY, name)
        raise SettingRefusedError(
            key, name, f"one whose account is set where the pipeline's is: config/{given}.toml has one, {without} none"
        )


def _is_bootstrapped_alike(delivery: Delivery, name: str) -> None:
    """One bootstrap has one policy for CloudFormation, which asks for the boundary of all roles, or of none."""
    ours, theirs = delivery.settings, delivery.environments[name].deployment
    shared = delivery.is_here(name) and ours.qualifier == theirs.qualifier
    if shared and ours.permissions_boundary != theirs.permissions_boundary:
        raise SettingRefusedError(
            "permissions_boundary",
            ours.permissions_boundary,
            f'"{theirs.permissions_boundary}", as in {name}, which has the same bootstrap; or give one of them '
            "another qualifier",
        )


def _comes_after_its_sources(delivery: Delivery, key: str, name: str) -> None:
    order = delivery.settings.order
    for folder, model in delivery.environments[name].models.items():
        for before in (model.release.takes_from, *model.release.requires):
            if before in order[order.index(name) :]:
                raise SettingRefusedError(
                    key, name, f"after {before}: {folder} takes its versions from there, or asks for its tests"
                )


def _has_something_to_train(delivery: Delivery, name: str) -> None:
    if delivery.settings.stages[name].train and not any(
        each.trains for each in delivery.environments[name].models.values()
    ):
        raise SettingRefusedError(f"stages.{name}.train", True, f"false: no model is trained in {name}")
