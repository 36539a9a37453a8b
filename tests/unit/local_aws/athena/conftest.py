"""A Glue table over a bucket that is a dictionary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from local_aws.athena.tables import Table

HOURS = {
    "projection.hour.type": "date",
    "projection.hour.format": "yyyy/MM/dd/HH",
    "projection.hour.range": "2026/01/01/00,2026/12/31/23",
    "projection.hour.interval": "1",
    "projection.hour.interval.unit": "HOURS",
}


def record(columns: tuple[str, ...] = ("line",), **parameters: str) -> dict[str, Any]:
    """Glue's record of a table with the partition columns variant and hour."""
    return {
        "Name": "captured",
        "PartitionKeys": [{"Name": "variant", "Type": "string"}, {"Name": "hour", "Type": "string"}],
        "Parameters": {
            "projection.enabled": "true",
            "projection.variant.type": "enum",
            "projection.variant.values": "champion,challenger",
            **HOURS,
            "storage.location.template": "s3://bucket/loans/endpoint/${variant}/${hour}",
            **parameters,
        },
        "StorageDescriptor": {
            "Columns": [{"Name": name, "Type": "string"} for name in columns],
            "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"},
        },
    }


@pytest.fixture
def read() -> list[str]:
    """The keys of the objects that were read."""
    return []


@pytest.fixture
def table(read: list[str]) -> Callable[..., Table]:
    def of(objects: Mapping[str, str], glue: dict[str, Any] | None = None) -> Table:
        def listing(bucket: str, prefix: str) -> dict[str, int]:
            assert bucket == "bucket"
            return {key: len(text) for key, text in objects.items() if key.startswith(prefix)}

        def fetch(_bucket: str, key: str) -> bytes:
            read.append(key)
            return objects[key].encode()

        return Table(glue or record(), listing, fetch)

    return of
