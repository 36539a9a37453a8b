"""The feature groups of an environment: what the configuration says of them, and what AWS does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from features.group import FeatureGroup
from mlops import aws, target
from mlops.errors import UsageError
from mlops_constructs.feature_settings import FeatureGroupSettings
from mlops_constructs.naming import EnvironmentNames
from stacks.settings import load

NOT_DEPLOYED = "not deployed"


@dataclass(frozen=True)
class Declared:
    """A feature group of an environment's configuration, and the models that use it."""

    group: FeatureGroup
    settings: FeatureGroupSettings
    models: Sequence[str]

    @property
    def stores(self) -> list[str]:
        return [name for name in ("online", "offline") if getattr(self.settings, name)]

    def facts(self) -> dict[str, Any]:
        """What the configuration says, as JSON has it."""
        return {
            "group": self.group.name,
            "name": self.group.physical,
            "description": self.settings.description,
            "stores": self.stores,
            "models": list(self.models),
            "record_identifier": self.group.record_identifier,
            "event_time": self.group.event_time,
            "event_time_type": self.group.event_time_type,
            "features": dict(self.group.features),
            "ttl_days": self.settings.ttl_days,
        }


def declared(env: str, model: str | None) -> tuple[dict[str, Declared], aws.Clients]:
    """The groups of the configuration, or those that the named model uses, and the environment's clients."""
    targets = target.find_all(env, model)
    settings = load(target.CONFIG, env)
    names = EnvironmentNames(settings.project, env)
    found = {}
    for name, each in settings.feature_groups.items():
        models = [about.names.public for about in targets if name in about.settings.features.groups]
        if models or not model:
            found[name] = Declared(group_of(names, name, each), each, models)
    return found, targets[0].clients


def group_of(names: EnvironmentNames, name: str, settings: FeatureGroupSettings) -> FeatureGroup:
    """A group of the configuration as the code of features knows it."""
    return FeatureGroup(
        name=name,
        physical=names.feature_group(name),
        record_identifier=settings.record_identifier,
        event_time=settings.event_time,
        event_time_type=str(settings.event_time_type),
        features={feature: str(kind) for feature, kind in settings.features.items()},
    )


def find(env: str, model: str | None, group: str) -> tuple[Declared, aws.Clients]:
    """The group of that name, with hyphens or underscores; raises UsageError naming those that there are."""
    found, clients = declared(env, model)
    name = group.replace("-", "_")
    if name not in found:
        raise UsageError(
            f"feature group {group!r}: not in config/{env}.toml; "
            f"use {', '.join(found) or 'another environment: it has none'}"
        )
    return found[name], clients


def described(clients: aws.Clients, group: FeatureGroup) -> dict[str, Any] | None:
    """What AWS says of it, with all of its features; None if it is not there."""
    sagemaker, request = clients("sagemaker"), {"FeatureGroupName": group.physical}
    definitions: list[dict[str, Any]] = []
    while True:
        try:
            answer: dict[str, Any] = sagemaker.describe_feature_group(**request)
        except ClientError as error:
            if aws.is_missing(error, "ResourceNotFound"):
                return None
            raise
        definitions += answer["FeatureDefinitions"]
        if not answer.get("NextToken"):
            return {**answer, "FeatureDefinitions": definitions}
        request["NextToken"] = answer["NextToken"]


def status(found: Mapping[str, Any] | None) -> str:
    """In a word, with the reason of a failure; found: as `described`."""
    if found is None:
        return NOT_DEPLOYED
    reason = found.get("FailureReason")
    return f"{found['FeatureGroupStatus']}: {reason}" if reason else str(found["FeatureGroupStatus"])


def stores(found: Mapping[str, Any] | None) -> dict[str, Any]:
    """Where the stores are, as far as AWS says so."""
    if not found:
        return {}
    offline = found.get("OfflineStoreConfig", {})
    catalog = offline.get("DataCatalogConfig", {})
    told = {
        "online_bytes": found.get("OnlineStoreTotalSizeBytes"),
        "offline_uri": offline.get("S3StorageConfig", {}).get("ResolvedOutputS3Uri"),
        "offline_table": f"{catalog['Database']}.{catalog['TableName']}" if catalog else None,
        "offline_status": found.get("OfflineStoreStatus", {}).get("Status"),
    }
    return {name: value for name, value in told.items() if value is not None}
