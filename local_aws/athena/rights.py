"""What Athena asks of Glue and S3 in the name of who runs a query.

Source: Athena user guide, fine-grained access to databases and tables (the default database, the catalog); access to
workgroups and tables (query results); partition projection (no partitions are asked for).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local_aws import permissions
from local_aws.core.api import Context
from local_aws.seam import Needed

_PARTITIONS = ("GetPartitions", "GetPartition", "BatchGetPartition")


def check_table(ctx: Context, role: str | None, database: str, record: dict[str, Any], *, projected: bool) -> None:
    """Whether `role` may see a table, Glue's record of it, in the catalog.

    Errors: AwsError AccessDeniedException."""
    permissions.require(role, ctx, _catalog(ctx, database, str(record["Name"]), projected))


def check_listing(ctx: Context, role: str | None, bucket: str, prefix: str) -> None:
    """Whether `role` may list what is below a prefix."""
    permissions.require(role, ctx, [("s3:ListBucket", f"arn:aws:s3:::{bucket}", {"s3:prefix": prefix})])


def check_object(ctx: Context, role: str | None, bucket: str, key: str) -> None:
    """Whether `role` may read an object of a table, or a query's result."""
    permissions.require(role, ctx, [("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}", {})])


def check_results(ctx: Context, role: str | None, bucket: str) -> None:
    """Whether `role` may see where the bucket for the results is, before they are written."""
    permissions.require(role, ctx, [("s3:GetBucketLocation", f"arn:aws:s3:::{bucket}", {})])


def _catalog(ctx: Context, database: str, table: str, projected: bool) -> Iterator[Needed]:
    def arn(rest: str) -> str:
        return f"arn:aws:glue:{ctx.region}:{ctx.account}:{rest}"

    for each in ("default", database):
        yield from (("glue:GetDatabase", found, {}) for found in (arn("catalog"), arn(f"database/{each}")))
    for action in ("GetTable", *(() if projected else _PARTITIONS)):
        for found in (arn("catalog"), arn(f"database/{database}"), arn(f"table/{database}/{table}")):
            yield f"glue:{action}", found, {}
