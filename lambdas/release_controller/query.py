"""The experiment's counts by SQL: fills in the text of experiment.sql, and reads what it returns.

Whatever goes into the text is checked here: names and numbers against patterns, the metric's conditions word by
word, so that a setting cannot make another query of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

from policy import Metric, Policy
from verdict import Block, Counts, Pairs, Traffic

Stage = Literal["shadow", "challenger"]
Row = Sequence[str | None]

VERSION_FIELD = "model_version"
"""The field of a response that names the version; the last of a CSV line, after the metric's fields."""

_SQL = Path(__file__).with_name("experiment.sql")
_PLACE = re.compile(r"\{\{(\w+)\}\}")
_DATABASE = re.compile(r"[a-z0-9_]{1,255}")
_FIELD = re.compile(r"[A-Za-z_]\w{0,99}", re.ASCII)
_UNIT = {"challenger": "outcome", "shadow": "pair"}
_SIDES = ("both", "champion", "candidate")

# What a condition may consist of: words, numbers, texts in quotes, operators. Division is not among the operators,
# since 1 / 2 is 0 on Athena and 0.5 on DuckDB.
_TOKEN = re.compile(
    r"\s+|(?P<word>[A-Za-z_]\w*)|\d+(?:\.\d+)?|'(?:[^'\\\r\n]|'')*'|<=|>=|<>|!=|-(?!-)|[+*=<>(),]", re.ASCII
)
_WORDS = {
    "abs", "and", "as", "between", "bigint", "boolean", "case", "cast", "coalesce", "double", "else", "end", "false",
    "in", "integer", "is", "like", "lower", "not", "null", "or", "round", "then", "true", "upper", "varchar", "when",
}  # fmt: skip


class Cell(NamedTuple):
    """One row of the result: records, how many of them were right, and positive."""

    n: int
    successes: int
    positives: int


class QueryError(Exception):
    """A setting cannot be part of the query, or the result is not what the query returns."""


def text(
    *,
    database: str,
    policy: Policy,
    stage: Stage,
    champion_version: int,
    candidate_version: int,
    since: datetime,
    weighted_since: datetime,
    until: datetime,
) -> str:
    """The query that counts an experiment; only the hours from `since` to `until` are read.

    since: predictions and outcomes before do not count. weighted_since: since when the share is what it is, for the
    traffic. until: outcomes received later do not count yet. Times need a zone.
    Raises QueryError for what must not become part of a query.
    """
    if not _DATABASE.fullmatch(database):
        raise QueryError(f"database {database!r}: expected lower case letters, digits and underscores")
    if champion_version == candidate_version:
        raise QueryError(f"champion and candidate are both version {champion_version}: there is nothing to compare")
    fields = _fields(policy.metric)
    values = {
        "database": database,
        "stage": stage,
        "unit": _UNIT[stage],
        "variants": f"'champion', '{stage}'",
        "first_hour": _utc(since).strftime("%Y/%m/%d/%H"),
        "last_hour": _utc(until).strftime("%Y/%m/%d/%H"),
        "since": _time(since),
        # A captured record's time has no fraction: the second in which the experiment began belongs to it, the one
        # in which the share changed does not.
        "since_second": _time(since.replace(microsecond=0)),
        "weighted_since": _time((weighted_since + timedelta(microseconds=999_999)).replace(microsecond=0)),
        "until": _time(until),
        "champion_version": str(int(champion_version)),
        "candidate_version": str(int(candidate_version)),
        "version": _value(VERSION_FIELD, len(fields) + 1),
        "fields": ",\n        ".join(
            f"{_value(name, place)} AS {_column(name)}" for place, name in enumerate(fields, 1)
        ),
        "success": _condition("success", policy.metric.success, fields),
        "positive": _condition("positive", policy.metric.positive, fields),
        "block_size": str(int(policy.experiment.block_size)),
    }
    return _PLACE.sub(lambda place: values[place[1]], _SQL.read_text())


def read(rows: Sequence[Row], stage: Stage, block_size: int) -> Counts:
    """Counts from the rows of GetQueryResults, all pages, without the header.

    Raises QueryError for rows that the query does not return.
    """
    cells = _cells(rows)
    unit = _UNIT[stage]
    blocks = range(1 + max((block for kind, block, _ in cells if kind == unit), default=-1))

    def cell(kind: str, block: int, side: str) -> Cell:
        return cells.get((kind, block, side), Cell(0, 0, 0))

    sizes = [sum(cell(unit, block, side).n for side in _SIDES) for block in blocks]
    if 0 in sizes:
        raise QueryError(f"result: blocks of {sizes} records; none can be empty")
    champion, candidate = (cell("traffic", 0, side) for side in ("champion", "candidate"))
    requests = (cell("request", 0, side).n for side in ("champion", "candidate"))
    counts = Counts(
        traffic=Traffic(champion.n, candidate.n, champion.positives, candidate.positives, *requests),
        complete=sum(size == block_size for size in sizes),
    )
    if stage == "shadow":
        pairs = (Pairs(*(cell(unit, block, side).n for side in _SIDES)) for block in blocks)
        return replace(counts, pairs=tuple(pairs))
    sides = ([cell(unit, block, side) for side in ("champion", "candidate")] for block in blocks)
    return replace(counts, blocks=tuple(Block(a.n, a.successes, b.n, b.successes) for a, b in sides))


def unreadable(rows: Sequence[Row]) -> Mapping[str, int]:
    """How many captured requests and how many outcomes the query could not read; empty where it could read all."""
    return {side: cell.n for (kind, _, side), cell in _cells(rows).items() if kind == "unreadable" and cell.n}


def _cells(rows: Sequence[Row]) -> dict[tuple[str, int, str], Cell]:
    try:
        return {
            (str(kind), int(block or 0), str(side)): Cell(int(n or 0), int(successes or 0), int(positives or 0))
            for kind, block, side, n, successes, positives in rows
        }
    except ValueError as error:
        raise QueryError(f"result: expected rows of kind, block, variant, n, successes, positives ({error})") from None


def _fields(metric: Metric) -> tuple[str, ...]:
    for name in metric.fields:
        if not _FIELD.fullmatch(name) or name.lower() in (*_WORDS, "outcome", VERSION_FIELD):
            raise QueryError(f"metric.fields: {name!r} cannot be a column; use a name of letters and underscores")
    if len({name.lower() for name in metric.fields}) != len(metric.fields) or not metric.fields:
        raise QueryError(f"metric.fields: {list(metric.fields)}, expected names, each once")
    return metric.fields


def _value(name: str, place: int) -> str:
    """A field of a prediction as text, whether its response was JSON or CSV."""
    return f"coalesce(json_extract_scalar(item, '$.{name}'), split_part(json_extract_scalar(item, '$'), ',', {place}))"


def _column(name: str) -> str:
    """The column of a field: no name of the query's own begins so."""
    return f"field_{name.lower()}"


def _condition(setting: str, condition: str, fields: Sequence[str]) -> str:
    """The condition in brackets over the query's columns, if it consists of nothing but what _TOKEN and _WORDS say."""
    columns = {"outcome": "outcome"} | {name.lower(): _column(name) for name in fields}
    written, position, depth = "", 0, 0
    while position < len(condition) and depth >= 0:
        token = _TOKEN.match(condition, position)
        if token is None:
            raise QueryError(f"metric.{setting}: {condition[position:]!r} in {condition!r} is not part of a condition")
        word = (token["word"] or "").lower()
        if word and word not in _WORDS and word not in columns:
            raise QueryError(f"metric.{setting}: no {word!r} in {condition!r}; there are {', '.join(columns)}")
        written += columns.get(word, token[0])
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        position = token.end()
    if depth or not written.strip():
        raise QueryError(f"metric.{setting}: {condition!r} is empty, or its brackets do not match")
    return f"({written})"


def _utc(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise QueryError(f"time {time.isoformat()}: has no zone")
    return time.astimezone(UTC)


def _time(time: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and without a zone, which sorts as text."""
    return _utc(time).replace(tzinfo=None).isoformat(timespec="milliseconds")
