"""What a feature group may look like: checks of CreateFeatureGroup and UpdateFeatureGroup, before anything is made.

Source: API reference, CreateFeatureGroup, UpdateFeatureGroup and FeatureDefinition. The rules are AWS'; where AWS does
not document its texts, they are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from local_aws.core.api import ValidationException

Row = dict[str, Any]

RESERVED = ("is_deleted", "write_time", "api_invocation_time")
PARTITIONS = ("year", "month", "day", "hour")
_MOST = 2500
_EVENT_TIMES = ("Fractional", "String")


def check_new(params: Row) -> None:
    """Raise ValidationException for what CreateFeatureGroup refuses beyond its shapes."""
    _check_features([], params["FeatureDefinitions"])
    types = {each["FeatureName"]: each["FeatureType"] for each in params["FeatureDefinitions"]}
    for member in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        if params[member] not in types:
            raise _invalid(f"{member} '{params[member]}' must be the name of one of the FeatureDefinitions.")
    if params["RecordIdentifierFeatureName"] == params["EventTimeFeatureName"]:
        raise _invalid("RecordIdentifierFeatureName and EventTimeFeatureName must be different features.")
    kind = types[params["EventTimeFeatureName"]]
    if kind not in _EVENT_TIMES:
        raise _invalid(
            f"The event time feature '{params['EventTimeFeatureName']}' has the type {kind}; "
            "supported types are [Fractional, String]."
        )
    _check_stores(params)


def check_additions(definitions: Sequence[Row], additions: Sequence[Row]) -> None:
    """Raise ValidationException if a group with `definitions` cannot have these features added."""
    _check_features(definitions, additions)


def seconds(ttl: Row | None) -> int | None:
    """The length of a TtlDuration; None where there is none, or its members are null."""
    if not ttl or ttl.get("Value") is None or ttl.get("Unit") is None:
        return None
    units = {"Seconds": 1, "Minutes": 60, "Hours": 3600, "Days": 86400, "Weeks": 604800}
    return int(ttl["Value"]) * units[ttl["Unit"]]


def _check_features(there: Sequence[Row], added: Sequence[Row]) -> None:
    if len(there) + len(added) > _MOST:
        raise _invalid(f"A feature group can have at most {_MOST} features; found {len(there) + len(added)}.")
    known = {each["FeatureName"].lower() for each in there}
    for each in added:
        name = each["FeatureName"]
        if name.lower() in RESERVED:
            raise _invalid(f"FeatureName '{name}' is reserved; it cannot be any of [{', '.join(RESERVED)}].")
        if name.lower() in known:  # the columns of the Glue table know no case
            raise _invalid(f"Duplicate feature name '{name}'; names must be unique within a feature group.")
        known.add(name.lower())
        if each.get("CollectionType"):
            raise _invalid(f"Feature '{name}': CollectionType {each['CollectionType']} is not emulated locally.")


def _check_stores(params: Row) -> None:
    online, offline = params.get("OnlineStoreConfig") or {}, params.get("OfflineStoreConfig")
    if not online.get("EnableOnlineStore") and not offline:
        raise _invalid("At least one of OnlineStoreConfig and OfflineStoreConfig must be included.")
    check_ttl(online.get("TtlDuration"), online=online.get("EnableOnlineStore", False))
    if offline is None:
        return
    if not params.get("RoleArn"):
        raise _invalid("RoleArn is required if an OfflineStoreConfig is provided.")
    if not offline["S3StorageConfig"]["S3Uri"].startswith("s3://"):
        raise _invalid(f"S3Uri {offline['S3StorageConfig']['S3Uri']} must start with s3://.")
    if offline.get("TableFormat") == "Iceberg":
        raise _invalid("TableFormat Iceberg is not emulated locally; use Glue.")
    if online.get("StorageType") == "InMemory":
        raise _invalid("A feature group whose online store has StorageType InMemory cannot have an offline store.")
    # The columns of a Glue table that its partition keys take.
    names = [each["FeatureName"] for each in params["FeatureDefinitions"]]
    creates = not offline.get("DisableGlueTableCreation", False)
    if creates and (taken := [name for name in names if name.lower() in PARTITIONS]):
        raise _invalid(f"FeatureName '{taken[0]}' is the name of a partition of the offline store.")


def check_ttl(ttl: Row | None, *, online: bool) -> None:
    """Raise ValidationException for a TtlDuration that is half given, or has no online store to work on."""
    if not ttl:
        return
    if (ttl.get("Unit") is None) != (ttl.get("Value") is None):
        raise _invalid("TtlDuration needs both Unit and Value.")
    if seconds(ttl) is not None and not online:
        raise _invalid("TtlDuration needs an online store.")


def _invalid(text: str) -> ValidationException:
    return ValidationException(f"Validation Error: {text}")
