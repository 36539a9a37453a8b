"""Predictions of one window as the steps take them: where they lie, in batches, and a sample of bounded size."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple, TypeVar

from monitoring import places, store
from monitoring.findings import Window
from monitoring.model import Columns, Row
from monitoring.places import File

Item = TypeVar("Item")

VARIANT = "champion"
TRUTH = "ground-truth"
BATCH_ROWS = 5000
PLACE_BYTES = 8


@dataclass(frozen=True)
class Captured:
    """What an endpoint's champion captured, below `uri`."""

    s3: Any
    uri: str
    endpoint: str

    @property
    def bucket(self) -> str:
        return store.split(self.uri)[0]

    def files(self, window: Window, misplaced: Optional[List[str]] = None) -> Iterator[File]:
        """Those in which predictions of the window may lie, in their order; misplaced: gets keys of no hour."""
        folder = store.split(self.uri)[1]
        return places.capture_files(self.s3, self.bucket, f"{folder}/{self.endpoint}/{VARIANT}", window, misplaced)

    def truths(self, since: datetime, until: datetime, misplaced: Optional[List[str]] = None) -> Iterator[File]:
        """Those of the ground truth that came in from `since` until `until`, in their order; misplaced: as above."""
        folder = store.split(self.uri)[1]
        return places.truth_files(self.s3, self.bucket, f"{folder}/{TRUTH}", since, until, misplaced)


def batches(rows: Iterable[Item], size: int = BATCH_ROWS) -> Iterator[List[Item]]:
    """Lists of `size` rows, the last one shorter."""
    batch: List[Item] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


MOST_COLUMNS = 5000


def columns(rows: List[Row]) -> Columns:
    """One list of values a member that occurs in any of the rows; None where a row does not have it.

    Of rows that each bring names of their own, no more than MOST_COLUMNS are made columns, those of the first rows.
    """
    names: Dict[str, None] = {}
    for row in rows:
        if len(names) >= MOST_COLUMNS:
            break
        names.update(dict.fromkeys(row))
    return {name: [row.get(name) for row in rows] for name in names}


class Sample:
    """At most `size` rows: those whose records have the smallest hashes, which are as good as drawn; the seed decides.

    Each record has the same chance, and samples of parts merge into the sample of the whole (bottom-k sampling:
    Cohen & Kaplan, "Summarizing data using bottom-k sketches", PODC 2007).
    """

    def __init__(self, size: int, seed: str) -> None:
        self._size, self._key = size, seed.encode()[: hashlib.blake2b.MAX_KEY_SIZE]
        self._kept: List[Tuple[bytes, Row]] = []
        self._limit = b"\xff" * (PLACE_BYTES + 1)

    @property
    def rows(self) -> List[Row]:
        self._shrink()
        return [row for _, row in self._kept]

    def offer(self, record: str, row: Row) -> None:
        text = record.encode("utf-8", "surrogatepass")
        place = hashlib.blake2b(text, digest_size=PLACE_BYTES, key=self._key).digest()
        if place < self._limit:
            self._kept.append((place, row))
            if len(self._kept) >= 2 * self._size:
                self._shrink()

    def merge(self, other: Sample) -> None:
        """The rows that the other was offered too, after those of this one."""
        self._kept += other._kept
        self._limit = min(self._limit, other._limit)
        self._shrink()

    def _shrink(self) -> None:
        self._kept.sort(key=itemgetter(0))  # stable: of a record that came twice, the first goes first
        del self._kept[self._size :]
        if len(self._kept) == self._size:
            self._limit = min(self._limit, self._kept[-1][0])
