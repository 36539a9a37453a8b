"""Athena and what its queries read: workgroups, Glue tables, objects in S3, and ministack's own engine."""

from __future__ import annotations

import asyncio
from typing import Any

from local_aws.core.api import Context
from local_aws.seam.hosting import acting_in


def workgroup(ctx: Context, name: str) -> dict[str, Any] | None:
    """A workgroup's record, with State and Configuration; None where there is none."""
    from ministack.services import athena

    with acting_in(ctx):
        athena._ensure_default_workgroup()
        found = athena._workgroups.get(name)
    return None if found is None else dict(found)


def glue_table(ctx: Context, database: str, name: str) -> dict[str, Any] | None:
    """A table of the Glue data catalog; None where there is none."""
    from ministack.services import glue

    with acting_in(ctx):
        found = glue._tables.get(f"{database}/{name}")
    return None if found is None else dict(found)


def object_sizes(ctx: Context, bucket: str, prefix: str) -> dict[str, int]:
    """The current objects of a bucket below a prefix, with their sizes in bytes; empty where there is no bucket."""
    from ministack.services import s3

    with acting_in(ctx):
        found = s3._buckets.get(bucket)
    if found is None:
        return {}
    return {key: int(found["objects"][key]["size"]) for key in list(found["objects"]) if key.startswith(prefix)}


def object_bytes(ctx: Context, bucket: str, key: str) -> bytes:
    """The body of an object; empty where it was deleted."""
    from ministack.services import s3

    with acting_in(ctx):
        return s3._get_object_data(bucket, key) or b""


def run_statement(ctx: Context, statement: str, database: str, catalog: str) -> dict[str, Any]:
    """Run a statement as ministack does: `columns`, `column_types` and `rows`. Raises what its engine raises."""
    from ministack.services import athena

    with acting_in(ctx):
        if (ddl := athena._parse_ddl(statement)) is not None:
            return dict(athena._run_ddl(ddl, database))
        return dict(asyncio.run(athena._run_duckdb(statement, database, catalog)))
