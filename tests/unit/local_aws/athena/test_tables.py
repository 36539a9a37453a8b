"""Which objects belong to a table whose partitions are projected."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local_aws.athena.tables import NotEmulated, Table, projected
from tests.unit.local_aws.athena.conftest import record

BASE = "loans/endpoint"


def everything(_values: Any) -> bool:
    return True


def keys(table: Table) -> list[str]:
    return [file.key for file in table.files(everything)]


def test_objects_of_projected_partitions_belong_to_the_table_also_deeper_ones(table: Callable[..., Table]) -> None:
    inside = [f"{BASE}/challenger/2026/01/01/00/deeper/b.jsonl", f"{BASE}/champion/2026/11/21/12/a.jsonl"]
    assert keys(table(dict.fromkeys(inside, "x"))) == inside


@pytest.mark.parametrize(
    "key",
    [
        "other/endpoint/champion/2026/11/21/12/a",
        f"{BASE}/shadow/2026/11/21/12/a",
        f"{BASE}/champion/2026/11/21/a",
        f"{BASE}/champion/2026/11/21/24/a",
        f"{BASE}/champion/2025/11/21/12/a",
        f"{BASE}/champion/2027/01/01/00/a",
        f"{BASE}/champion/2026/11/21/12/_a",
        f"{BASE}/champion/2026/11/21/12/.a",
        f"{BASE}/champion/2026/11/21/12/_deeper/a",
        f"{BASE}/champion/2026/11/21/12/",
        f"{BASE}/champion/2026/11/21/12",
    ],
)
def test_other_values_hidden_files_and_folders_do_not(key: str, table: Callable[..., Table]) -> None:
    assert keys(table({key: "x"})) == []


def test_a_range_may_end_now(table: Callable[..., Table]) -> None:
    now = datetime.now(UTC)
    hours = [now + timedelta(hours=distance) for distance in (-3, -1, 0, 1, 2)]
    objects = {f"{BASE}/champion/{hour:%Y/%m/%d/%H}/a": "x" for hour in hours}
    for bounds, last in (("NOW-2HOURS,NOW", 0), ("NOW - 2 HOURS , NOW + 1 HOURS", 1)):
        found = keys(table(objects, record(**{"projection.hour.range": bounds})))
        assert found == [
            f"{BASE}/champion/{now + timedelta(hours=each):%Y/%m/%d/%H}/a" for each in (-1, 0, 1)[: 2 + last]
        ]


def test_partitions_that_the_query_drops_are_not_read(table: Callable[..., Table], read: list[str]) -> None:
    objects = {f"{BASE}/{variant}/2026/11/21/12/a": "x" for variant in ("champion", "challenger")}
    [file] = table(objects).files(lambda values: values == {"variant": "champion", "hour": "2026/11/21/12"})
    assert read == []
    assert (file.values, file.size, file.read()) == (("champion", "2026/11/21/12"), 1, "x")
    assert read == [f"{BASE}/champion/2026/11/21/12/a"]


def broken(**changed: Any) -> dict[str, Any]:
    return {**record(), "StorageDescriptor": {**record()["StorageDescriptor"], **changed}}


@pytest.mark.parametrize(
    ("glue", "says"),
    [
        (broken(SerdeInfo={"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"}), "org.openx"),
        (broken(Columns=[{"Name": "size", "Type": "int"}]), "size"),
        (record(**{"projection.variant.type": "integer"}), "integer"),
        (record(**{"projection.hour.range": "yesterday,NOW"}), "yesterday"),
    ],
)
def test_what_is_not_emulated_is_said(glue: dict[str, Any], says: str, table: Callable[..., Table]) -> None:
    with pytest.raises(NotEmulated, match=says):
        table({f"{BASE}/champion/2026/11/21/12/a": "x"}, glue).files(everything)


def test_only_a_table_with_projection_is_ours() -> None:
    assert projected(record())
    assert not projected(record(**{"projection.enabled": "false"}))
    assert not projected({"Name": "plain"})
