"""The lineage group that each account has by itself; it is shared with no other account here."""

from __future__ import annotations

from typing import Any

from local_aws.core import listing, store
from local_aws.core.api import Context, ResourceNotFound, operation

Row = dict[str, Any]

_groups = store.table("lineage-groups")
_NAME = "sagemaker-default-lineage-group"


@operation("DescribeLineageGroup")
def describe_lineage_group(ctx: Context, params: Row) -> Row:
    row = _group(ctx)
    if params["LineageGroupName"] != row["LineageGroupName"]:
        raise ResourceNotFound(f"Lineage group {params['LineageGroupName']} does not exist.")
    return row


@operation("ListLineageGroups")
def list_lineage_groups(ctx: Context, params: Row) -> Row:
    return listing.page(
        [_group(ctx)],
        params,
        key="LineageGroupSummaries",
        sort={"Name": lambda row: row["LineageGroupName"], "CreationTime": lambda row: row["CreationTime"]},
        default_sort="CreationTime",
        default_order="Descending",
        filters={
            "CreatedAfter": lambda row, time: row["CreationTime"] >= time,
            "CreatedBefore": lambda row, time: row["CreationTime"] <= time,
        },
    )


@operation("GetLineageGroupPolicy")
def get_lineage_group_policy(ctx: Context, params: Row) -> Row:
    """There is none: a group gets one when it is shared through Resource Access Manager."""
    name = params["LineageGroupName"].rpartition("/")[2]
    describe_lineage_group(ctx, {"LineageGroupName": name})
    raise ResourceNotFound(f"Lineage group {name} has no resource policy.")


def _group(ctx: Context) -> Row:
    with store.lock:
        key = ctx.account, ctx.region, _NAME
        if key not in _groups:
            now = store.now()
            _groups[key] = {
                "LineageGroupName": _NAME,
                "LineageGroupArn": ctx.arn(f"lineage-group/{_NAME}"),
                "DisplayName": _NAME,
                "CreationTime": now,
                "LastModifiedTime": now,
            }
        return _groups[key]
