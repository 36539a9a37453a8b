"""Predictions of one window as the steps take them: streamed, in batches, and a sample of bounded size."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Dict, Iterable, Iterator, List

from monitoring import capture, places, store, truth
from monitoring.capture import Counts, Prediction
from monitoring.findings import Window
from monitoring.model import Columns, MonitoredModel, Row

VARIANT = "champion"
TRUTH = "ground-truth"
BATCH_ROWS = 5000


@dataclass(frozen=True)
class Captured:
    """What an endpoint's champion captured, below `uri`."""

    s3: Any
    uri: str
    endpoint: str

    def predictions(self, window: Window, model: MonitoredModel, version: str, counts: Counts) -> Iterator[Prediction]:
        """Those of `version` that were answered within the window; whatever else lies there is counted.

        A prediction that names no version cannot be said to be the champion's, and is left out too.
        """
        bucket, folder = store.split(self.uri)
        for key, _ in places.capture_files(self.s3, bucket, f"{folder}/{self.endpoint}/{VARIANT}", window):
            yield from capture.read(places.lines(self.s3, bucket, key), model, counts, window, version)

    def outcomes(self, wanted: Iterable[str], since: datetime, until: datetime, counts: truth.Counts) -> truth.Outcomes:
        """What became of the wanted records, as far as it had come in by `until`; the newest word counts."""
        bucket, folder = store.split(self.uri)
        found, last = truth.Outcomes(wanted), f"{until:%Y-%m-%dT%H:%M:%S}.999"
        for key, _ in places.truth_files(self.s3, bucket, f"{folder}/{TRUTH}", since, until):
            for outcome in truth.read(places.lines(self.s3, bucket, key), counts, places.arrived(key)):
                if outcome.received <= last:
                    found.add(outcome)
        return found


def batches(rows: Iterable[Row], size: int = BATCH_ROWS) -> Iterator[List[Row]]:
    """Lists of `size` rows, the last one shorter."""
    batch: List[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def columns(rows: List[Row]) -> Columns:
    """One list of values a member that occurs in any of the rows; None where a row does not have it."""
    names: Dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
    return {name: [row.get(name) for row in rows] for name in names}


class Sample:
    """At most `size` rows, each row that was offered with the same chance (Vitter's algorithm R); the seed decides."""

    def __init__(self, size: int, seed: str) -> None:
        self.rows: List[Row] = []
        self._size, self._seen, self._random = size, 0, random.Random(seed)  # noqa: S311 - a sample

    def offer(self, row: Row) -> None:
        self._seen += 1
        if len(self.rows) < self._size:
            self.rows.append(row)
            return
        position = self._random.randrange(self._seen)
        if position < self._size:
            self.rows[position] = row
