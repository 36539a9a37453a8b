"""Rows and feature records for the join, as an offline store would have them, and what a slow reading of them gives."""

import itertools
from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

from features.group import FeatureGroup

RECORDS_A_KEY = 500
SAMPLED_KEYS = 200
GROUP = FeatureGroup(
    "bench",
    "bench",
    "bank",
    "known_from",
    "String",
    {"approvals": "Integral", "charge_offs": "Integral", "share": "Fractional"},
)
COLUMNS = ("row", *GROUP.features, "known")
ROWS, STORE, RUN = "bench.rows", "bench.store", "bench"

_SECONDS = 10 * 365 * 86400
_TIME = (
    f"strftime(TIMESTAMP '2015-01-01' + to_seconds(CAST(hash({{0}}) % {_SECONDS} AS bigint)), '%Y-%m-%dT%H:%M:%S') || "
    "CASE hash({0} + 1) % 3 WHEN 0 THEN '.000Z' WHEN 1 THEN '.500Z' ELSE 'Z' END"
)


def write(folder: Path, rows: int, records: int, every_deletion: int) -> None:
    """`rows.parquet` and `store.parquet`: every 50th record is of the time of the one before it, every 20th has
    no share, and one in `every_deletion` is a deletion (0: none); they were written in another order than that of their
    times, and stand in none."""
    import duckdb

    keys = max(records // RECORDS_A_KEY, 1)
    deleted = f"number % {every_deletion} = 31" if every_deletion else "FALSE"
    store = f"""
        SELECT
            'bank-' || lpad(CAST(hash(event) % {keys} AS varchar), 7, '0') AS bank,
            {_TIME.format("event * 7")} AS known_from,
            CASE WHEN deleted THEN NULL ELSE number % 1000 END AS approvals,
            CASE WHEN deleted THEN NULL ELSE number % 77 END AS charge_offs,
            CASE WHEN NOT deleted AND number % 20 <> 3 THEN (number % 1000) / 1000e0 END AS share,
            TIMESTAMP '2026-01-01' + to_milliseconds(CAST(hash(number * 5) % 8640000000 AS bigint)) AS
                api_invocation_time,
            TIMESTAMP '2026-06-01' + to_milliseconds(number) AS write_time,
            deleted AS is_deleted
        FROM (
            SELECT
                number,
                CASE WHEN number % 50 = 7 THEN number - 1 ELSE number END AS event,
                {deleted} AS deleted
            FROM range({records}) AS numbers (number)
        )
    """
    asked = f"""
        SELECT
            'row-' || CAST(number AS varchar) AS "row",
            'bank-' || lpad(CAST(hash(number * 11 + 1) % {keys + keys // 100 + 1} AS varchar), 7, '0') AS record,
            {_TIME.format("number * 13 + 5")} AS event_time,
            '{RUN}' AS run
        FROM range({rows}) AS numbers (number)
    """
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({store}) TO '{folder / 'store.parquet'}'")
        connection.execute(f"COPY ({asked}) TO '{folder / 'rows.parquet'}'")


def connect(folder: Path) -> Any:
    """DuckDB with the two files as tables; spills into the folder what does not fit into memory."""
    import duckdb

    connection = duckdb.connect(config={"temp_directory": str(folder / "spilled")})
    connection.execute("CREATE SCHEMA bench")
    for table, name in ((ROWS, "rows"), (STORE, "store")):
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{folder / name}.parquet')")
    return connection


def save(connection: Any, relation: str, folder: Path, name: str) -> None:
    """Keep a result with COLUMNS for the comparison."""
    columns = ", ".join(f'"{column}"' for column in COLUMNS)
    connection.execute(f"COPY (SELECT {columns} FROM {relation}) TO '{folder / name}.parquet'")


def differing(folder: Path, one: str, other: str) -> int:
    """Rows that only one of the results has, or that differ between them."""
    with connect(folder) as connection:
        sides = [f"SELECT * FROM read_parquet('{folder / name}.parquet')" for name in (one, other)]
        found = 0
        for ours, theirs in (sides, sides[::-1]):
            answer = connection.execute(f"SELECT count(*) FROM ({ours} EXCEPT ALL {theirs})").fetchone()
            found = max(found, answer[0])
        return found


def against_reference(folder: Path, name: str) -> tuple[int, int]:
    """Of the rows of SAMPLED_KEYS keys: how many there are, and in how many the result is not what a look at each
    record of the key finds."""
    with connect(folder) as connection:
        keys = f"""
            SELECT record FROM (SELECT DISTINCT record FROM {ROWS}) ORDER BY hash(record) LIMIT {SAMPLED_KEYS}
        """
        features = ", ".join(GROUP.features)
        records = connection.execute(f"""
            SELECT bank, {_sortable("known_from")}, api_invocation_time, write_time, is_deleted, {features}, known_from
            FROM {STORE} WHERE bank IN ({keys}) ORDER BY bank
        """).fetchall()
        rows = connection.execute(f"""
            SELECT asked.record, {_sortable("asked.event_time")}, result.*
            FROM {ROWS} AS asked JOIN read_parquet('{folder / name}.parquet') AS result ON result."row" = asked."row"
            WHERE asked.record IN ({keys})
        """).fetchall()
    by_key = {key: list(some) for key, some in itertools.groupby(records, itemgetter(0))}
    wrong = sum(tuple(found) != _looked_up(by_key, key, at) for key, at, _, *found in rows)
    return len(rows), wrong


def _looked_up(by_key: Mapping[str, list[tuple[Any, ...]]], key: str, at: str) -> tuple[Any, ...]:
    best = None
    for record in by_key.get(key, ()):
        if record[1] <= at and (best is None or record[1:4] > best[1:4]):
            best = record
    return (None,) * (len(COLUMNS) - 1) if best is None or best[4] else tuple(best[5:])


def _sortable(column: str) -> str:
    return f"rpad(replace({column}, 'Z', ''), 23, '.000')"
