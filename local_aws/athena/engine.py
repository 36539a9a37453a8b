"""One query on DuckDB: Athena's SQL where the two agree, with a few functions of Trino added."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

from local_aws.athena import parquet, pruning
from local_aws.athena.names import literal, quoted
from local_aws.athena.tables import File, Table

# Trino's functions that DuckDB lacks or means otherwise. json_parse fails on what is not JSON, as Trino's does, and
# json_extract_scalar gives NULL for objects and lists.
MACROS = (
    "CREATE MACRO json_parse(text) AS CAST(text AS JSON)",
    "CREATE MACRO json_extract_scalar(document, path) AS json_extract_string(json_value(document, path), '$')",
    # Without the time zone, whose values DuckDB's client cannot hand over; all times of this emulation are UTC.
    "CREATE MACRO from_iso8601_timestamp(text) AS CAST(CAST(text AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP_MS)",
    "CREATE MACRO from_unixtime(seconds) AS CAST(make_timestamp(CAST(seconds * 1000000 AS BIGINT)) AS TIMESTAMP_MS)",
    "CREATE MACRO to_unixtime(moment) AS epoch(moment)",
)

_MEMORY = "1GB"
"""A join over the JSON of some ten thousand captured answers takes half of it."""
_INSERT_CHARACTERS = 4_000_000
# Athena's names of DuckDB's types; a sum of integers, a HUGEINT here, is a bigint there.
_TYPES = {
    "HUGEINT": "bigint",
    "VARCHAR": "varchar",
    "JSON": "json",
    "FLOAT": "real",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}


@dataclass(frozen=True)
class Answer:
    """A query's result as Athena gives it: every value as text, None for NULL."""

    columns: Sequence[str]
    types: Sequence[str]
    rows: list[list[str | None]]
    scanned_bytes: int = 0


class QueryCancelled(Exception):
    """The query was stopped, or would have read more than its workgroup allows."""


class Query:
    """A query that may be stopped from another thread."""

    def __init__(self, sql: str, database: str) -> None:
        self.sql = sql
        self._database = database
        self._lock = threading.Lock()
        self._connection: Any = None
        self._stopped = False

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            if self._connection is not None:
                self._connection.interrupt()

    def run(self, find: Callable[[str, str], Table | None], most_bytes: int | None = None) -> Answer | None:
        """The answer; None if the query reads no table that `find(database, name)` knows.

        Only partitions that the query's conditions leave are read. Raises QueryCancelled, and duckdb.Error with
        DuckDB's message for what it cannot run.
        """
        import duckdb

        tables = pruning.tables(self.sql, self._database, find)
        if not tables:
            return None
        files = {used: used.table.files(used.keeps) for used in tables}
        scanned = sum(file.size for found in files.values() for file in found)
        if most_bytes is not None and scanned > most_bytes:
            raise QueryCancelled(f"Bytes scanned limit was exceeded: {scanned} of {most_bytes} bytes")
        with self._lock:
            if self._stopped:
                raise QueryCancelled("Query was cancelled by user")
            self._connection = connection = connect(files=any(used.table.parquet for used in tables))
        try:
            for used, found in files.items():
                _load(connection, used, found)
            _confine(connection, self._database)
            result = connection.execute(self.sql)
            return Answer(
                tuple(column[0] for column in result.description),
                tuple(_type(str(column[1])) for column in result.description),
                [[_text(value) for value in row] for row in result.fetchall()],
                scanned,
            )
        except duckdb.InterruptException:
            raise QueryCancelled("Query was cancelled by user") from None
        finally:
            with self._lock:
                self._connection = None
            connection.close()


def connect(*, files: bool = False) -> Any:
    """A DuckDB in memory with Trino's functions; it reaches no file unless `files` says so, until it is confined."""
    import duckdb

    # One thread, since jobs and endpoints share the machine.
    connection = duckdb.connect(config={"threads": 1, "memory_limit": _MEMORY, "enable_external_access": files})
    for macro in MACROS:
        connection.execute(macro)
    return connection


def _confine(connection: Any, database: str) -> None:
    """Let it reach no file, make `database` the place of tables without one, and keep the settings so from now on."""
    connection.execute("SET enable_external_access = false")
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(database)}")
    path = literal(f"{quoted(database)},main")
    connection.execute(f"SET search_path = {path}")
    connection.execute("SET lock_configuration = true")


def _load(connection: Any, used: pruning.Used, files: Sequence[File]) -> None:
    """The rows of the files as a table, with the values of their partitions as columns."""
    table = used.table
    name = f"{quoted(used.database)}.{quoted(table.name)}"
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(used.database)}")
    if table.parquet:
        parquet.load(connection, name, table, files)
        return
    names = [*table.columns, *table.keys]
    connection.execute(f"CREATE TABLE {name} ({', '.join(f'{quoted(column)} VARCHAR' for column in names)})")
    values = ", ".join([f"split_part(line, {literal(table.delimiter)}, {n + 1})" for n in range(len(table.columns))])
    select = f"SELECT {values}{', ?' * len(table.keys)} FROM (SELECT unnest(string_split(?, chr(10))) AS line)"  # noqa: S608
    for partition, text in _joined([(file.values, file.read()) for file in files]):
        connection.execute(f"INSERT INTO {name} {select}", [*partition, text])


def _joined(files: Sequence[tuple[tuple[str, ...], str]]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The texts of each partition's files, several in one: capture leaves many small files, and each insert has its
    price. What follows a file's last line end is no line."""
    for partition, found in groupby(sorted(files, key=itemgetter(0)), key=itemgetter(0)):
        some: list[str] = []
        size = 0
        for _, text in found:
            some.append(text.removesuffix("\n"))
            size += len(text)
            if size > _INSERT_CHARACTERS:
                yield partition, "\n".join(some)
                some, size = [], 0
        if some:
            yield partition, "\n".join(some)


def _type(name: str) -> str:
    return _TYPES.get(name) or name.partition("(")[0].lower()


def _text(value: object) -> str | None:
    """A value in the form in which Athena gives it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        if value.tzinfo:
            return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat(' ', 'milliseconds')} UTC"
        return value.isoformat(" ", "milliseconds")
    if isinstance(value, float):
        return _double(value)
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _double(value: float) -> str:
    """A double as Java writes it: plain from a thousandth up to ten millions, else with an exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    first, *rest = map(str, digits)
    return f"{'-' if sign else ''}{first}.{''.join(rest) or '0'}E{exponent + len(rest)}"
