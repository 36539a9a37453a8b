"""Feature groups: CreateFeatureGroup, DescribeFeatureGroup, UpdateFeatureGroup, ListFeatureGroups, DeleteFeatureGroup.

A group is Created, or CreateFailed with its reason, when CreateFeatureGroup answers. Deleting one leaves what it wrote
to S3 and its Glue table, as on AWS. Source: API reference of these operations.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws.core import listing, store, tags
from local_aws.core.api import Context, ResourceInUse, ValidationException, operation
from local_aws.featurestore import catalog, definitions, offline, online
from local_aws.featurestore.group import change, find, key, table

Row = dict[str, Any]

_KIND = "feature-group"


@operation("CreateFeatureGroup")
def create_feature_group(ctx: Context, params: Row) -> Row:
    definitions.check_new(params)
    name = params["FeatureGroupName"]
    arn = ctx.arn(f"{_KIND}/{name.lower()}")
    with store.lock:
        if key(ctx, name) in table:
            raise ResourceInUse(
                f"Resource Already Exists: FeatureGroup with name {name} already exists. Choose a different name.\n"
                f"Info: Feature Group '{name}' already exists."
            )
        now = store.now()
        row = {member: value for member, value in params.items() if member != "Tags"}
        row |= {
            "FeatureGroupArn": arn,
            "CreationTime": now,
            "LastModifiedTime": now,
            "FeatureGroupStatus": "Creating",
            "NextToken": "",
            "_Metadata": {},
        }
        row["ThroughputConfig"] = params.get("ThroughputConfig") or {"ThroughputMode": "OnDemand"}
        if config := params.get("OfflineStoreConfig"):
            row["OfflineStoreConfig"] = catalog.resolved(ctx, name, now, config)
            row["OfflineStoreStatus"] = {"Status": "Active"}
        table[key(ctx, name)] = row
        tags.set(arn, params.get("Tags"))
    _provision(ctx, name)
    return {"FeatureGroupArn": arn}


def finish_creations() -> None:
    """Provide the stores of the groups that were Creating when the server ended."""
    for account, region, name in table:
        if table[account, region, name]["FeatureGroupStatus"] == "Creating":
            _provision(Context(account, region), name)


def _provision(ctx: Context, name: str) -> None:
    reason = None
    try:
        catalog.create(ctx, find(ctx, name))
    except (BotoCoreError, ClientError) as error:
        reason = f"The FeatureGroup could not be created in the OfflineStore: {error}"
    change(ctx, name, FeatureGroupStatus="CreateFailed" if reason else "Created", FailureReason=reason)


@operation("DescribeFeatureGroup")
def describe_feature_group(ctx: Context, params: Row) -> Row:
    return find(ctx, params["FeatureGroupName"])


@operation("ListFeatureGroups")
def list_feature_groups(ctx: Context, params: Row) -> Row:
    def offline_status(row: Row) -> str | None:
        return (row.get("OfflineStoreStatus") or {}).get("Status")

    return listing.page(
        table.rows(ctx.account, ctx.region),
        params,
        key="FeatureGroupSummaries",
        sort={
            "Name": lambda row: row["FeatureGroupName"],
            "FeatureGroupStatus": lambda row: row["FeatureGroupStatus"],
            "OfflineStoreStatus": offline_status,
            "CreationTime": lambda row: row["CreationTime"],
        },
        default_sort="CreationTime",
        default_order="Ascending",
        filters={
            "FeatureGroupStatusEquals": lambda row, status: row["FeatureGroupStatus"] == status,
            "OfflineStoreStatusEquals": lambda row, status: offline_status(row) == status,
        },
    )


@operation("UpdateFeatureGroup")
def update_feature_group(ctx: Context, params: Row) -> Row:
    with store.lock:
        row = find(ctx, params["FeatureGroupName"])
        name = row["FeatureGroupName"]
        given = [each for each in ("FeatureAdditions", "OnlineStoreConfig", "ThroughputConfig") if each in params]
        if len(given) != 1:
            raise ValidationException(
                "Validation Error: Use one of FeatureAdditions, OnlineStoreConfig and ThroughputConfig at a time; "
                f"found {given}."
            )
        if row["FeatureGroupStatus"] != "Created":
            raise ValidationException(
                f"Validation Error: FeatureGroup {name} is {row['FeatureGroupStatus']} and cannot be updated."
            )
        changes = _changes(row, params)
        changes |= {"LastModifiedTime": store.now(), "LastUpdateStatus": {"Status": "Successful"}}
        row = change(ctx, name, **changes)
    if "FeatureAdditions" in params:
        try:
            catalog.update(ctx, row)
        except (BotoCoreError, ClientError) as error:
            change(ctx, name, LastUpdateStatus={"Status": "Failed", "FailureReason": str(error)})
    return {"FeatureGroupArn": row["FeatureGroupArn"]}


def _changes(row: Row, params: Row) -> Row:
    if additions := params.get("FeatureAdditions"):
        definitions.check_additions(row["FeatureDefinitions"], additions)
        return {"FeatureDefinitions": [*row["FeatureDefinitions"], *additions]}
    if "ThroughputConfig" in params:
        return {"ThroughputConfig": {**row["ThroughputConfig"], **params["ThroughputConfig"]}}
    config = row.get("OnlineStoreConfig") or {}
    if not config.get("EnableOnlineStore"):
        raise ValidationException(f"Validation Error: FeatureGroup {row['FeatureGroupName']} has no online store.")
    asked = params["OnlineStoreConfig"]
    before, after = config.get("StorageType", "Standard"), asked.get("StorageType")
    if after and (before, after) != ("Standard", "Standard_V2") and before != after:
        raise ValidationException(f"Validation Error: StorageType {before} cannot become {after}.")
    merged = {**config, **({"StorageType": after} if after else {})}
    if "TtlDuration" in asked:
        definitions.check_ttl(asked["TtlDuration"], online=True)
        merged.pop("TtlDuration", None)
        # Members that are null remove the duration.
        merged |= {"TtlDuration": asked["TtlDuration"]} if definitions.seconds(asked["TtlDuration"]) else {}
    return {"OnlineStoreConfig": merged}


@operation("DeleteFeatureGroup")
def delete_feature_group(ctx: Context, params: Row) -> Row:
    place = key(ctx, params["FeatureGroupName"])
    find(ctx, params["FeatureGroupName"])
    offline.flush(place)  # what was put before belongs to the data that stays
    with store.lock:
        row = find(ctx, params["FeatureGroupName"])
        del table[place]
        online.forget(place)
        offline.forget(place)
        tags.remove(row["FeatureGroupArn"])
    return {}
