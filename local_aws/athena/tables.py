"""Glue tables and their files in S3: lines of text whose partitions are projected, and Parquet below a location.

Source: Athena user guide, partition-projection-supported-types, lazy-simple-serde and partitions (Hive style).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
_PARQUET = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
_DELIMITER = "\x01"  # Hive's, unless field.delim names another

# Java's letters of a date as Python parses them, and as they look in a key.
_DATE_PARTS = {"yyyy": ("%Y", r"\d{4}"), "MM": ("%m", r"\d{2}"), "dd": ("%d", r"\d{2}"), "HH": ("%H", r"\d{2}")}
_DATE_PART = re.compile("|".join(_DATE_PARTS))
_NOW = re.compile(r"NOW\s*(?:([+-])\s*(\d+)\s*(WEEK|DAY|HOUR|MINUTE|SECOND)S?)?", re.IGNORECASE)
_PLACE = re.compile(r"\$\{(\w+)\}")

# Glue's types of columns in Parquet, as DuckDB has them; Athena's timestamps have milliseconds.
_TYPES = {
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP_MS",
}
_DECIMAL = re.compile(r"decimal\(\d+,\d+\)")

Listing = Callable[[str, str], Mapping[str, int]]
"""Sizes of the objects of a bucket by key, of those below a prefix."""


class NotEmulated(Exception):
    """AWS reads such a table; this emulation does not."""


@dataclass(frozen=True)
class File:
    """An object of a table, with the values of its partition."""

    values: tuple[str, ...]
    key: str
    size: int
    data: Callable[[], bytes]

    def read(self) -> str:
        """The object as text; bytes that are no UTF-8 are replaced."""
        return self.data().decode("utf-8", "replace")


@dataclass(frozen=True)
class _Key:
    """A partition column: how its values look in a location, and which of them are projected."""

    pattern: str
    projected: Callable[[str], bool]
    injected: bool = False


class Table:
    """A Glue table; `table` is Glue's record of it. Raises NotEmulated."""

    def __init__(self, table: Mapping[str, Any], listing: Listing, read: Callable[[str, str], bytes]) -> None:
        storage = table["StorageDescriptor"]
        serde = storage.get("SerdeInfo") or {}
        self.name = str(table["Name"])
        self.parquet = is_parquet(table)
        if not self.parquet and serde.get("SerializationLibrary") != _SERDE:
            raise NotEmulated(
                f"table {self.name}: SerDe {serde.get('SerializationLibrary')}; {_SERDE} and {_PARQUET} are emulated"
            )
        columns = [*storage["Columns"], *table["PartitionKeys"]]
        self.types = {str(column["Name"]): _type(column.get("Type", "string")) for column in columns}
        """DuckDB's types of the columns, those of partitions too."""
        wanted = _TYPES.values() if self.parquet else ("VARCHAR",)
        if others := [name for name, kind in self.types.items() if kind not in wanted and not _is_decimal(kind)]:
            what = "have types that are not emulated" if self.parquet else "are no strings"
            raise NotEmulated(f"table {self.name}: columns {', '.join(others)} {what}")
        self.columns = tuple(str(column["Name"]) for column in storage["Columns"])
        self.keys = tuple(str(key["Name"]) for key in table["PartitionKeys"])
        self.delimiter = str((serde.get("Parameters") or {}).get("field.delim") or _DELIMITER)
        self._listing, self._read = listing, read
        if projected(table):
            self._projections = {key: _key(self.name, key, table["Parameters"]) for key in self.keys}
            self._template = table["Parameters"]["storage.location.template"].rstrip("/") + "/"
        else:
            self._projections = {key: _Key("[^/]*", _every) for key in self.keys}
            parts = [storage["Location"].rstrip("/"), *(f"{key}=${{{key}}}" for key in self.keys)]
            self._template = "/".join(parts) + "/"
        self.injected = tuple(key for key in self.keys if self._projections[key].injected)

    def files(self, keeps: Callable[[Mapping[str, str]], bool]) -> list[File]:
        """The objects of the projected partitions that `keeps` accepts, in the order of their keys."""
        bucket, _, path = self._template.removeprefix("s3://").partition("/")
        location = re.compile(
            _PLACE.sub(
                lambda place: f"(?P<{place[1]}>{self._projections[place[1]].pattern})",
                "".join(part if part.startswith("${") else re.escape(part) for part in re.split(r"(\$\{\w+\})", path)),
            )
        )
        return list(self._matching(bucket, location, path.partition("${")[0], keeps))

    def _matching(
        self, bucket: str, location: re.Pattern[str], prefix: str, keeps: Callable[[Mapping[str, str]], bool]
    ) -> Iterator[File]:
        known: dict[tuple[str, ...], bool] = {}
        for key, size in sorted(self._listing(bucket, prefix).items()):
            # Athena reads what is deeper below a partition too, but no hidden files.
            if (match := location.match(key)) is None or _hidden(key[match.end() :]):
                continue
            values = tuple(match[name] for name in self.keys)
            if values not in known:
                named = dict(zip(self.keys, values, strict=True))
                projected = all(self._projections[name].projected(value) for name, value in named.items())
                known[values] = projected and keeps(named)
            if known[values]:
                yield File(values, key, size, lambda key=key: self._read(bucket, key))  # type: ignore[misc]


def projected(table: Mapping[str, Any]) -> bool:
    """Whether Athena computes the table's partitions from its parameters."""
    return str((table.get("Parameters") or {}).get("projection.enabled", "")).lower() == "true"


def is_parquet(table: Mapping[str, Any]) -> bool:
    """Whether the table's files are Parquet."""
    serde = (table.get("StorageDescriptor") or {}).get("SerdeInfo") or {}
    return serde.get("SerializationLibrary") == _PARQUET


def _type(glue: str) -> str:
    return _TYPES.get(glue.lower(), glue.upper())


def _is_decimal(kind: str) -> bool:
    return _DECIMAL.fullmatch(kind.lower()) is not None


def _every(_value: str) -> bool:
    return True


def _hidden(path: str) -> bool:
    return not path or path.endswith("/") or any(part.startswith(("_", ".")) for part in path.split("/"))


def _key(table: str, name: str, parameters: Mapping[str, str]) -> _Key:
    kind = parameters.get(f"projection.{name}.type", "").strip().lower()
    if kind == "enum":
        values = parameters[f"projection.{name}.values"].split(",")
        return _Key("|".join(map(re.escape, values)), values.__contains__)
    if kind == "date":
        return _date(
            parameters[f"projection.{name}.format"],
            [part.strip() for part in parameters[f"projection.{name}.range"].split(",")],
        )
    if kind == "injected":
        return _Key("[^/]+", _every, injected=True)
    raise NotEmulated(
        f"table {table}: projection.{name}.type is {kind or 'missing'}; enum, date and injected are emulated"
    )


def _date(java: str, bounds: Sequence[str]) -> _Key:
    python = _DATE_PART.sub(lambda part: _DATE_PARTS[part[0]][0], java)
    pieces = re.split(f"({_DATE_PART.pattern})", java)
    pattern = "".join(_DATE_PARTS[piece][1] if piece in _DATE_PARTS else re.escape(piece) for piece in pieces)

    def parsed(text: str) -> datetime | None:
        try:
            return datetime.strptime(text, python).replace(tzinfo=UTC)
        except ValueError:
            return None

    def bound(text: str) -> datetime:
        if match := _NOW.fullmatch(text):
            sign, number, unit = match.groups()
            away = timedelta(**{f"{unit.lower()}s": int(f"{sign}{number}")}) if unit else timedelta()
            return datetime.now(UTC) + away
        if (moment := parsed(text)) is None:
            raise NotEmulated(f"projection range: {text!r} is neither NOW nor a date in the form {java}")
        return moment

    def within(text: str) -> bool:
        moment = parsed(text)
        return moment is not None and bound(bounds[0]) <= moment <= bound(bounds[1])

    return _Key(pattern, within)
