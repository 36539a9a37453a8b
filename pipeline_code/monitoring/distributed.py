"""One pass over a window's predictions, and their join with what became of them, by however many workers.

What is read together follows from the sizes of the files, and results are merged in the files' order, so that one
process and a cluster find the same. Memory is that of one unit or one partition, and beside it a sample of the
window, and some 32 bytes for each prediction whose outcome is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from monitoring import bias, capture, collect, labels, places, truth
from monitoring.capture import Counts, Prediction
from monitoring.collect import Captured, Sample
from monitoring.findings import Window
from monitoring.followed import Followed
from monitoring.model import MonitoredModel, Row
from monitoring.summary import Summary
from monitoring.workers import Entry, Side, Spotted, Workers, spot_of

SAMPLE_ROWS = 5000
"""Predictions that are explained: enough for means of contributions, and a second of work."""

UNIT_BYTES, MOST_UNITS = 128 << 20, 128
"""Files that one worker reads into one summary: minutes of work; and so few that their samples fit together."""

PARTITION_BYTES = 64 << 20
"""Captured data and ground truth of a partition: a few hundred thousand records at most."""

_PREDICTED, _TOLD, _COUNTED = range(3)

Keys = Tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """Which predictions are asked for, and from where: all that a worker must know to read them by itself."""

    connect: Callable[[], Any]
    bucket: str
    model: MonitoredModel
    window: Window
    version: str

    def predictions(self, keys: Keys, counts: Counts) -> Iterator[Prediction]:
        """Those of the version that were answered within the window; whatever else lies there is counted.

        A prediction that names no version cannot be said to be the champion's, and is left out too.
        """
        s3 = self.connect()
        for key in keys:
            lines = places.lines(s3, self.bucket, key)
            yield from capture.read(lines, self.model, counts, self.window, self.version)


class Unit(NamedTuple):
    """Files that are read together, one after the other; number: of the unit, in the order of the files."""

    number: int
    keys: Keys


class Seen:
    """What is kept of the inputs of a window's predictions, or of a part of them."""

    def __init__(self, model: MonitoredModel, window: Window) -> None:
        self.window = window
        self.summary = Summary(model.features)
        self.counts = Counts()
        self._sample = Sample(SAMPLE_ROWS, seed=str(window))

    @property
    def rows(self) -> int:
        return self.summary.rows

    @property
    def sample(self) -> List[Row]:
        return self._sample.rows

    def add(self, predictions: Iterable[Prediction]) -> None:
        for batch in collect.batches(predictions):
            self.summary.add(collect.columns([each.row for each in batch]))
            for each in batch:
                self._sample.offer(each.record, each.row)

    def merge(self, other: Seen) -> None:
        """What comes after this in the order of files."""
        self.summary.merge(other.summary)
        self._sample.merge(other._sample)
        self.counts = self.counts + other.counts


def see(workers: Workers, captured: Captured, window: Window, model: MonitoredModel, version: str) -> Seen:
    """One pass over the window's captured files."""
    asked = Asked(workers.connect, captured.bucket, model, window, version)
    seen: Optional[Seen] = None
    misplaced: List[str] = []
    for part in workers.map(partial(_look, asked), units(captured.files(window, misplaced))):
        if seen is None:
            seen = part
        else:
            seen.merge(part)
    seen = seen or Seen(model, window)
    seen.counts.misplaced = len(misplaced)
    return seen


def _look(asked: Asked, unit: Unit) -> Seen:
    seen = Seen(asked.model, asked.window)
    seen.add(asked.predictions(unit.keys, seen.counts))
    return seen


@dataclass
class Matured:
    """What is kept of a window's predictions and of what became of them; a record counts once, by its first answer.

    rows: predictions. known: those whose outcome is known or taken to be, of decisions that are followed. groups: all
    of them, by facet. counts: what was counted on the way.
    """

    window: Window
    known: Followed = field(default_factory=Followed)
    rows: int = 0
    groups: bias.Counts = field(default_factory=lambda: bias.Counts(0, {}, ""))
    counts: Dict[str, int] = field(default_factory=dict)

    def merge(self, other: Matured) -> None:
        self.known.merge(other.known)
        self.rows += other.rows
        self.groups = self.groups + other.groups
        for name, count in other.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count


@dataclass(frozen=True)
class Told:
    """Where outcomes are read, and until when they must have come in."""

    connect: Callable[[], Any]
    bucket: str
    last: str
    """As `truth.Outcome.received` writes times."""


def follow(
    workers: Workers,
    captured: Captured,
    window: Window,
    model: MonitoredModel,
    version: str,
    until: datetime,
    missing_means: str,
) -> Matured:
    """The window's predictions joined with their newest outcomes, as far as they had come in by `until`.

    A prediction without an outcome counts as `missing_means` says; empty: not among those that are known.
    """
    misplaced: List[str] = []
    misplaced_outcomes: List[str] = []
    files = list(captured.files(window, misplaced))
    told = list(captured.truths(window.start, until, misplaced_outcomes))
    asked = Asked(workers.connect, captured.bucket, model, window, version)
    partitions = partitions_of([*files, *told], workers.most_partitions)
    parts = workers.join(
        Side(partial(_predicted, asked), units(files)),
        Side(partial(_told, Told(workers.connect, captured.bucket, f"{until:%Y-%m-%dT%H:%M:%S}.999")), units(told)),
        partial(_combine, model, window, missing_means),
        partitions,
    )
    found = Matured(window, counts=_counted(Counts(misplaced=len(misplaced)), truth.Counts()))
    found.counts["misplaced_outcomes"] = len(misplaced_outcomes)
    for part in parts:
        found.merge(part)
    found.known.sort()
    return found


def units(files: Iterable[places.File]) -> List[Unit]:
    """The files in their order, so many together that no unit is much larger than is meant, and no file is cut."""
    listed = list(files)
    limit = max(UNIT_BYTES, sum(each.size for each in listed) // MOST_UNITS)
    groups: List[List[str]] = []
    room = 0
    for each in listed:
        if not groups or each.size > room:
            groups.append([])
            room = limit
        groups[-1].append(each.key)
        room -= each.size
    return [Unit(number, tuple(keys)) for number, keys in enumerate(groups)]


def partitions_of(files: Iterable[places.File], most: int) -> int:
    """Into how many parts records are spread, so that each fits into memory."""
    return min(most, max(1, -(-sum(each.size for each in files) // PARTITION_BYTES)))


def _predicted(asked: Asked, unit: Unit) -> Iterator[Spotted]:
    """The predictions of a unit, without what the outcome monitors do not look at."""
    counts, names = Counts(), [facet.name for facet in asked.model.facets]
    for number, each in enumerate(asked.predictions(unit.keys, counts)):
        record, answer = capture.bare(each.record), each.answer
        facets = tuple(each.row.get(name) for name in names)
        at = int(each.at.timestamp())
        yield spot_of(record), (_PREDICTED, record, at, unit.number, number, answer.label, answer.score, facets)
    yield None, (_COUNTED, counts, truth.Counts())


def _told(told: Told, unit: Unit) -> Iterator[Spotted]:
    counts, s3, number = truth.Counts(), told.connect(), 0
    for key in unit.keys:
        for outcome in truth.read(places.lines(s3, told.bucket, key), counts, places.arrived(key)):
            if outcome.received <= told.last:
                number += 1
                place = (outcome.received, unit.number, number)
                yield spot_of(outcome.record), (_TOLD, outcome.record, *place, outcome.value)
    yield None, (_COUNTED, Counts(), counts)


def _combine(model: MonitoredModel, window: Window, missing_means: str, entries: Iterable[Entry]) -> Matured:
    """Of one partition; the entries may come in any order."""
    first: Dict[str, Entry] = {}
    told: List[Entry] = []
    reading, truths, duplicates = Counts(), truth.Counts(), 0
    for entry in entries:
        if entry[0] == _PREDICTED:
            duplicates += entry[1] in first
            # Entries of a record differ in their place, so that nothing behind it is compared.
            first[entry[1]] = min(entry, first.get(entry[1], entry))
        elif entry[0] == _TOLD:
            told.append(entry)
        else:
            reading, truths = reading + entry[1], truths + entry[2]
    outcomes = truth.Outcomes(first)
    for _, record, received, _, _, value in sorted(told, key=lambda entry: entry[2:5]):
        outcomes.add(truth.Outcome(record, value, received))
    found = Matured(window, rows=len(first), counts=_counted(reading, truths))
    found.counts["duplicates"] = duplicates
    found.counts["matched"] = len(outcomes)
    _judge_rows(found, model, list(first.values()), outcomes, missing_means)
    return found


def _judge_rows(
    found: Matured, model: MonitoredModel, rows: Sequence[Entry], outcomes: truth.Outcomes, missing_means: str
) -> None:
    """Lay down what the judges need of each prediction."""
    known: List[Optional[str]] = []
    for _, record, _, unit, number, decision, score, _ in rows:
        outcome: Optional[str] = None
        if labels.is_followed(model, decision):
            told = outcomes.get(record)
            if told is None:
                found.counts["without_outcome"] += 1
            # Something did become of a record whose outcome nobody understands: it is not among the missing ones.
            text = missing_means if told is None else told
            outcome = labels.outcome(model, text, missing_means) if text else None
            if told is not None and outcome is None:
                found.counts["odd_outcomes"] += 1
                found.counts["matched"] -= 1
        known.append(outcome)
        if outcome is not None:
            found.known.add((unit, number), decision, score, outcome)
    columns = {facet.name: [row[7][place] for row in rows] for place, facet in enumerate(model.facets)}
    hoped_for = [None if outcome is None else labels.is_hoped_for(model, outcome) for outcome in known]
    favourable = [row[5] == model.favourable for row in rows]
    found.groups = bias.counts(model.facets, columns, favourable, hoped_for)


def _counted(reading: Counts, truths: truth.Counts) -> Dict[str, int]:
    return {
        **reading.document(),
        "duplicates": 0,
        "matched": 0,
        "without_outcome": 0,
        "odd_outcomes": 0,
        "outcome_lines": truths.lines,
        "unreadable_outcomes": truths.unreadable,
        "misplaced_outcomes": 0,
    }
