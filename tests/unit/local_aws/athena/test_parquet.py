"""Tables of Parquet files in Hive's folders, as Feature Store's are."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import duckdb
import pytest

from local_aws.athena.engine import Answer, Query, QueryCancelled
from local_aws.athena.tables import NotEmulated, Table, is_parquet
from local_aws.featurestore.parquet import Writer
from tests.unit.local_aws.athena.conftest import record

TYPES = {"Bank": "VARCHAR", "approvals": "BIGINT", "share": "DOUBLE", "seen": "TIMESTAMP_MS", "deleted": "BOOLEAN"}
GLUE = {"bank": "string", "approvals": "bigint", "share": "double", "seen": "timestamp", "deleted": "boolean"}
NOON = "2026-11-21 12:00:00.5"


def glue(types: Mapping[str, str] = GLUE, keys: tuple[str, ...] = ("year", "hour"), **changes: Any) -> dict[str, Any]:
    return {
        "Name": "history",
        "PartitionKeys": [{"Name": key, "Type": "string"} for key in keys],
        "StorageDescriptor": {
            "Columns": [{"Name": name, "Type": kind} for name, kind in types.items()],
            "Location": "s3://bucket/store/data",
            "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
        },
        **changes,
    }


def file(*rows: tuple[Any, ...], types: Mapping[str, str] = TYPES) -> bytes:
    with Writer() as writer:
        return writer.file(types, rows)


@pytest.fixture
def read() -> list[str]:
    return []


@pytest.fixture
def run(read: list[str]) -> Callable[..., Answer]:
    def of(sql: str, objects: Mapping[str, bytes], record: dict[str, Any] | None = None, **options: Any) -> Answer:
        def fetch(_bucket: str, key: str) -> bytes:
            read.append(key)
            return objects[key]

        def listing(bucket: str, prefix: str) -> dict[str, int]:
            assert bucket == "bucket"
            return {key: len(body) for key, body in objects.items() if key.startswith(prefix)}

        table = Table(record or glue(), listing, fetch)
        answer = Query(sql, "features").run(lambda _database, name: table if name == "history" else None, **options)
        assert answer is not None
        return answer

    return of


def key(hour: str, name: str = "a.parquet") -> str:
    return f"store/data/year=2026/hour={hour}/{name}"


def test_values_have_the_types_of_the_glue_table_and_athenas_texts(run: Callable[..., Answer]) -> None:
    answer = run(
        "SELECT * FROM history ORDER BY bank",
        {key("08"): file(("a", 7, 0.25, NOON, True), ("b", None, None, None, None))},
    )
    assert answer.columns == ("bank", "approvals", "share", "seen", "deleted", "year", "hour")
    assert answer.types == ("varchar", "bigint", "double", "timestamp", "boolean", "varchar", "varchar")
    assert answer.rows == [
        ["a", "7", "0.25", "2026-11-21 12:00:00.500", "true", "2026", "08"],
        ["b", None, None, None, None, "2026", "08"],
    ]


def test_all_files_below_the_location_belong_to_the_table(run: Callable[..., Answer]) -> None:
    row = file(("a", 1, 1.0, NOON, False))
    inside = [key("08"), key("08", "b.parquet"), key("09"), key("10", "deeper/c.parquet")]
    outside = [
        key("08", "_d"),
        key("08", ".e"),
        "store/data/x",
        "store/other/year=2026/hour=08/f",
        "store/data/year=1/g",
    ]
    answer = run("SELECT hour, count(*) FROM history GROUP BY 1 ORDER BY 1", dict.fromkeys([*inside, *outside], row))
    assert answer.rows == [["08", "2"], ["09", "1"], ["10", "1"]]


def test_only_partitions_that_the_conditions_leave_are_read(run: Callable[..., Answer], read: list[str]) -> None:
    objects = {key(hour): file((hour, 1, 1.0, NOON, False)) for hour in ("08", "09", "10")}
    answer = run("SELECT bank FROM history WHERE hour >= '09' AND hour < '10' AND year = '2026'", objects)
    assert (answer.rows, read) == ([["09"]], [key("09")])
    assert answer.scanned_bytes == len(objects[key("09")])


def test_a_column_may_be_a_condition(run: Callable[..., Answer]) -> None:
    objects = {key("08"): file(("a", 1, 1.0, NOON, False), ("b", 1, 1.0, NOON, True))}
    assert run("SELECT bank FROM history WHERE deleted", objects).rows == [["b"]]
    assert run("SELECT bank FROM history WHERE NOT deleted AND year = '2026'", objects).rows == [["a"]]


def test_a_column_that_a_file_lacks_is_null_and_others_are_left_out(run: Callable[..., Answer]) -> None:
    old = file(("a", 1), types={"bank": "VARCHAR", "approvals": "BIGINT"})
    new = file(("b", 2, 3), types={"bank": "VARCHAR", "more": "BIGINT", "approvals": "INTEGER"})
    answer = run("SELECT * FROM history ORDER BY bank", {key("08"): old, key("09"): new})
    assert [row[:3] for row in answer.rows] == [["a", "1", None], ["b", "3", None]]


def test_a_table_without_files_or_partitions_is_a_table(run: Callable[..., Answer]) -> None:
    assert run("SELECT count(*), max(seen) FROM history", {}).rows == [["0", None]]
    row = file(("a", 1, 1.0, NOON, False))
    assert run("SELECT bank FROM history", {"store/data/a.parquet": row}, glue(keys=())).rows == [["a"]]


def test_a_partition_may_hold_anything(run: Callable[..., Answer]) -> None:
    odd = "a b'\"ü%2F*"
    assert run("SELECT hour FROM history", {key(odd): file(("a", 1, 1.0, NOON, False))}).rows == [[odd]]


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM history, read_text('/etc/hostname')", "SET threads = 4", "ATTACH ':memory:' AS x"]
)
def test_the_query_itself_reaches_no_file(sql: str, run: Callable[..., Answer]) -> None:
    objects = {key("08"): file(("a", 1, 1.0, NOON, False))}
    if sql.startswith("SELECT"):
        with pytest.raises(duckdb.Error, match="disabled"):
            run(sql, objects)
    else:
        with pytest.raises((duckdb.Error, AssertionError)):
            run(f"SELECT 1 FROM history; {sql}", objects)


def test_a_query_that_would_read_too_much_is_cancelled(run: Callable[..., Answer], read: list[str]) -> None:
    with pytest.raises(QueryCancelled, match="Bytes scanned limit"):
        run("SELECT * FROM history", {key("08"): file(("a", 1, 1.0, NOON, False))}, most_bytes=10)
    assert read == []


def test_types_that_are_not_emulated_are_said(run: Callable[..., Answer]) -> None:
    with pytest.raises(NotEmulated, match="columns tags have types"):
        run("SELECT * FROM history", {}, glue({"bank": "string", "tags": "array<string>"}))
    assert is_parquet(glue())
    assert not is_parquet(record())
    assert not is_parquet({"Name": "a view"})


def test_text_and_parquet_are_joined_in_one_query_soon_enough() -> None:
    """10,000 records in 40 partitions, for 50,000 rows of a text table."""
    with Writer() as writer:
        parts = {
            key(f"{part:02d}"): writer.file(
                TYPES, [(f"bank {n}", n, n / 7, NOON, False) for n in range(part * 250, part * 250 + 250)]
            )
            for part in range(40)
        }
    rows = record(columns=("row", "bank"))
    rows["Name"] = "rows"
    rows["StorageDescriptor"]["SerdeInfo"]["Parameters"] = {"field.delim": "\t"}
    text = "\n".join(f"{n}\tbank {n % 12_000}" for n in range(50_000)).encode()
    lines = {"loans/endpoint/champion/2026/11/21/08/a": text}

    def table(of: dict[str, Any], objects: dict[str, bytes]) -> Table:
        def listing(_bucket: str, prefix: str) -> dict[str, int]:
            return {name: len(body) for name, body in objects.items() if name.startswith(prefix)}

        return Table(of, listing, lambda _bucket, name: objects[name])

    known = {"history": table(glue(), parts), "rows": table(rows, lines)}
    started = time.process_time()  # of the query alone, whatever else the machine does
    answer = Query(
        'SELECT r."row", h.approvals FROM rows r LEFT JOIN history h ON h.bank = r.bank '
        'ORDER BY CAST(r."row" AS bigint)',
        "features",
    ).run(lambda _database, name: known.get(name))
    assert answer is not None
    seconds = time.process_time() - started
    assert len(answer.rows) == 50_000
    assert answer.rows[11_000] == ["11000", None]
    assert answer.rows[21_999] == ["21999", "9999"]
    assert seconds < 10, "it takes less than a second; more is another kind of slow"
