"""One feature group: its row, and what reading and writing its records needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local_aws.core import store
from local_aws.core.api import Context, ResourceNotFound
from local_aws.featurestore import definitions

Row = dict[str, Any]

table = store.table("feature-groups")


@dataclass(frozen=True)
class Group:
    """What reading and writing records needs of a group."""

    key: store.Key
    name: str
    types: dict[str, str]
    identifier: str
    event_time: str
    online: bool
    offline: bool
    ttl: int | None
    """Seconds that a record lives in the online store; None: as long as it is not overwritten."""


def key(ctx: Context, name_or_arn: str) -> store.Key:
    """Names that differ in case only are one name, as their ARN is one."""
    return ctx.account, ctx.region, name_or_arn.rpartition("/")[2].lower()


def find(ctx: Context, name_or_arn: str) -> Row:
    """The group's row. Raises ResourceNotFound."""
    row = table.get(key(ctx, name_or_arn))
    if row is None:
        raise ResourceNotFound(missing(name_or_arn))
    return row


def missing(name_or_arn: str) -> str:
    """AWS' text for a group that is not there."""
    name = name_or_arn.rpartition("/")[2]
    return f"Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name {name}"


def for_records(ctx: Context, name_or_arn: str) -> Group:
    """What its records need. Raises ResourceNotFound."""
    row = find(ctx, name_or_arn)
    config = row.get("OnlineStoreConfig") or {}
    return Group(
        key=key(ctx, name_or_arn),
        name=row["FeatureGroupName"],
        types={each["FeatureName"]: each["FeatureType"] for each in row["FeatureDefinitions"]},
        identifier=row["RecordIdentifierFeatureName"],
        event_time=row["EventTimeFeatureName"],
        online=config.get("EnableOnlineStore", False),
        offline=row.get("OfflineStoreConfig") is not None,
        ttl=definitions.seconds(config.get("TtlDuration")),
    )


def change(ctx: Context, name_or_arn: str, **changes: Any) -> Row:
    """Replace members of a group's row; those that are None are taken away."""
    with store.lock:
        row = {**find(ctx, name_or_arn), **changes}
        row = {member: value for member, value in row.items() if value is not None}
        table[key(ctx, name_or_arn)] = row
    return row
