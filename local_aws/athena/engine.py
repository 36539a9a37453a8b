"""One query on DuckDB: Athena's SQL where the two agree, with a few functions of Trino added."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from local_aws.athena import pruning
from local_aws.athena.tables import Table

# Trino's functions that DuckDB lacks or means otherwise. json_parse fails on what is not JSON, as Trino's does, and
# json_extract_scalar gives NULL for objects and lists.
MACROS = (
    "CREATE MACRO json_parse(text) AS CAST(text AS JSON)",
    "CREATE MACRO json_extract_scalar(document, path) AS json_extract_string(json_value(document, path), '$')",
)

_MEMORY = "512MB"
_INSERT_CHARACTERS = 4_000_000
# Athena's names of DuckDB's types; a sum of integers, a HUGEINT here, is a bigint there.
_TYPES = {"HUGEINT": "bigint", "VARCHAR": "varchar", "JSON": "json", "TIMESTAMP WITH TIME ZONE": "timestamp"}


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
            self._connection = connection = connect()
        try:
            for used, found in files.items():
                _load(connection, used, [(file.values, file.read()) for file in found])
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


def connect() -> Any:
    """A DuckDB in memory that reaches no file, with Trino's functions."""
    import duckdb

    # One thread, since jobs and endpoints share the machine.
    connection = duckdb.connect(config={"threads": 1, "memory_limit": _MEMORY, "enable_external_access": False})
    for macro in MACROS:
        connection.execute(macro)
    return connection


def _confine(connection: Any, database: str) -> None:
    """Make `database` the place of tables without one, and keep the settings as they are from now on."""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(database)}")
    path = _literal(f"{_quoted(database)},main")
    connection.execute(f"SET search_path = {path}")
    connection.execute("SET lock_configuration = true")


def _load(connection: Any, used: pruning.Used, files: Sequence[tuple[tuple[str, ...], str]]) -> None:
    """The lines of the files as a table, with the values of their partitions as columns."""
    table = used.table
    name = f"{_quoted(used.database)}.{_quoted(table.name)}"
    names = [*table.columns, *table.keys]
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(used.database)}")
    connection.execute(f"CREATE TABLE {name} ({', '.join(f'{_quoted(column)} VARCHAR' for column in names)})")
    values = ", ".join([f"split_part(line, {_literal(table.delimiter)}, {n + 1})" for n in range(len(table.columns))])
    select = f"SELECT {values}{', ?' * len(table.keys)} FROM (SELECT unnest(string_split(?, chr(10))) AS line)"  # noqa: S608
    for partition, text in _joined(files):
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


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _type(name: str) -> str:
    return _TYPES.get(name) or name.partition("(")[0].lower()


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
