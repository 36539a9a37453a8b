"""Athena: queries on DuckDB over Glue tables of projected text or of Parquet; the rest is ministack's."""

from __future__ import annotations


def install() -> None:
    """Declare our operations and route Athena's requests: ours first, what they lack to ministack."""
    from local_aws.athena import service

    service.install()
