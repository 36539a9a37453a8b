"""Random histories of a feature group, DuckDB to join them on, and what a slow, obvious reading of them gives."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from features import as_of, moments
from features.group import FeatureGroup
from local_aws.athena import engine

NOON = datetime(2020, 3, 1, 12, tzinfo=UTC)
ROWS, STORE, RUN = "asked.loan_rows", "sagemaker_featurestore.bank_history_1583064000", "run-1"
FEATURES = {"approvals": "Integral", "share": "Fractional", "note": "String"}

Row = tuple[str, str, str]
Known = tuple[Any, ...]
"""The features in their order, and the event time of the record they are of."""

CUTS = tuple(NOON + timedelta(days=days) for days in (3, 4, 5))
"""Moments within the writing, as of which a join may be made."""

NOTHING: Known = (None,) * (len(FEATURES) + 1)


def group(event_time_type: str = "String") -> FeatureGroup:
    return FeatureGroup("bank_history", "mlops-local-bank-history", "bank", "known_from", event_time_type, FEATURES)


@dataclass(frozen=True)
class Stored:
    """A record of the offline store. event_time: as it is stored, a text or seconds; at: the same moment."""

    record: str
    event_time: Any
    at: float
    invoked: datetime
    written: datetime
    deleted: bool
    values: Known


History = tuple[list[Stored], list[Row], datetime]
"""Records, rows that ask, and a moment within the writing."""


class Store:
    """The tables of a join, on DuckDB."""

    def __init__(self, event_time_type: str = "String") -> None:
        self.group = group(event_time_type)
        self.connection = engine.connect()
        time = "varchar" if event_time_type == "String" else "double"
        for table, columns in (
            (ROWS, '"row" varchar, record varchar, event_time varchar, run varchar'),
            (
                STORE,
                f"write_time timestamp, api_invocation_time timestamp, is_deleted boolean, bank varchar, "
                f"known_from {time}, approvals bigint, share double, note varchar",
            ),
        ):
            self.connection.execute(f"CREATE SCHEMA {table.split('.')[0]}")
            self.connection.execute(f"CREATE TABLE {table} ({columns})")

    def fill(self, records: Iterable[Stored], rows: Iterable[Row]) -> None:
        """With these and no others, in this order; rows of another run stand among them."""
        for table, lines in (
            (ROWS, [[*row, RUN] for row in rows] + [["other", "a", "2019-01-01T00:00:00Z", "run-2"]]),
            (
                STORE,
                [
                    [_plain(it.written), _plain(it.invoked), it.deleted, it.record, it.event_time, *it.values]
                    for it in records
                ],
            ),
        ):
            self.connection.execute(f"DELETE FROM {table}")
            if lines:
                columns = [list(column) for column in zip(*lines, strict=True)]
                cells = ", ".join(["unnest(?)"] * len(columns))
                self.connection.execute(f"INSERT INTO {table} SELECT {cells}", columns)

    def sql(self, cut: datetime | None = None) -> str:
        return as_of.sql(self.group, rows=ROWS, store=STORE, run=RUN, as_of=cut)

    def ask(self, sql: str) -> dict[str, Known]:
        answer = self.connection.execute(sql).fetchall()
        found = {line[0]: tuple(line[1:]) for line in answer}
        assert len(found) == len(answer), "a row came back twice"
        return found


def reference(records: Sequence[Stored], rows: Sequence[Row], cut: datetime | None = None) -> dict[str, Known]:
    """For each row, a look at each record."""
    found = {}
    for name, record, time in rows:
        best, until = None, moments.seconds(time)
        for it in records:
            if it.record != record or it.at > until or (cut and it.invoked > cut):
                continue
            if best is None or (it.at, it.invoked, it.written) > (best.at, best.invoked, best.written):
                best = it
        found[name] = NOTHING if best is None or best.deleted else (*best.values, best.event_time)
    return found


def history(seed: int, event_time_type: str = "String") -> History:
    """Records in any order, rows, and a moment within the writing: few times, so that many are equal."""
    draw = random.Random(seed)
    names = ["a", "b", "c'", "ä-1"][: draw.randint(1, 4)]
    # Seconds, halves of them, and the millisecond before: what sorts wrong as text, or is rounded, is among them.
    times = [draw.choice([0, 0, 1, 2, 2.5, 2.999, 3, 3600]) + 86400 * draw.randint(0, 2) for _ in range(6)]
    records = []
    for number in range(draw.randint(0, 25)):
        at = (NOON + timedelta(seconds=draw.choice(times))).timestamp()
        invoked = NOON + timedelta(days=draw.randint(3, 5), milliseconds=draw.choice([0, 0, 1]))
        deleted = draw.random() < 0.2
        values = [draw.choice([None, number]), draw.choice([None, number / 7]), draw.choice([None, "", f"n{number}"])]
        records.append(
            Stored(
                record=draw.choice(names),
                event_time=_written(at, draw) if event_time_type == "String" else at,
                at=at,
                invoked=invoked,
                written=invoked + timedelta(minutes=5, milliseconds=number),
                deleted=deleted,
                values=(None, None, None) if deleted else tuple(values),
            )
        )
    draw.shuffle(records)
    asked = [(draw.choice([*names, "stranger"]), draw.choice(times)) for _ in range(draw.randint(1, 15))]
    rows = [
        (f"row-{number}", record, moments.text(NOON + timedelta(seconds=at)))
        for number, (record, at) in enumerate(asked)
    ]
    return records, rows, draw.choice(CUTS)


def histories(count: int, event_time_type: str = "String") -> list[History]:
    """So many, for one store: no two of them have a record or a row in common."""
    return [_apart(seed, history(seed, event_time_type)) for seed in range(count)]


def _apart(seed: int, it: History) -> History:
    records, rows, cut = it
    named = [replace(each, record=f"{seed}-{each.record}") for each in records]
    return named, [(f"{seed}-{row}", f"{seed}-{record}", time) for row, record, time in rows], cut


def records_of(some: Iterable[History]) -> list[Stored]:
    return [record for records, _, _ in some for record in records]


def rows_of(some: Iterable[History]) -> list[Row]:
    return [row for _, rows, _ in some for row in rows]


def expected(some: Iterable[History], cut: datetime | None = None) -> dict[str, Known]:
    """What `reference` finds of each history by itself."""
    return {row: known for records, rows, _ in some for row, known in reference(records, rows, cut).items()}


def _plain(moment: datetime) -> datetime:
    """As the store's timestamps are, in UTC without saying so."""
    return moment.replace(tzinfo=None)


def _written(at: float, draw: random.Random) -> str:
    """A whole second may be written with milliseconds, too."""
    text = moments.text(moments.of_seconds(at))
    return text.replace("Z", ".000Z") if "." not in text and draw.random() < 0.5 else text
