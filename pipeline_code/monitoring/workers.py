"""Who reads a window: this process, file after file, or several machines (`on_spark`). What they are told is the same.

Work is cut by the files' sizes alone, so that the result does not depend on who does it.
"""

from __future__ import annotations

import pickle
import tempfile
from abc import ABC, abstractmethod
from array import array
from hashlib import blake2b
from itertools import chain, islice
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item")
Result = TypeVar("Result")

Entry = Tuple[Any, ...]
Spotted = Tuple[Optional[int], Entry]
"""An entry and the spot of its record; one without a spot is of no record, and goes to any partition."""

SPILL_ENTRIES = 100_000
"""Entries in memory before they are written to disk: some 50 MB of them."""
SPOT_BYTES = 8


class Side(NamedTuple):
    """One side of a join: what reads an item, and the items."""

    read: Callable[[Any], Iterable[Spotted]]
    items: Sequence[Any]


Combine = Callable[[Iterable[Entry]], Result]


class Workers(ABC):
    """What does the work; everything that it is given can be sent to another machine, the S3 client is made there."""

    connect: Callable[[], Any]
    """Makes, or has, the S3 client of the process that calls it."""
    most_partitions: int

    @abstractmethod
    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterable[Result]:
        """The results in the order of the items."""

    @abstractmethod
    def join(self, left: Side, right: Side, combine: Combine[Result], partitions: int) -> Iterable[Result]:
        """One result a partition: `combine` gets the entries of both sides whose records have their spot there.

        They come in any order. Entries of the right side whose spot none of the left side has may be left out.
        """


class OneProcess(Workers):
    """One item after the other in this process; memory is that of one item, or of one partition.

    A join writes the entries below `scratch` (the system's folder for that, if None) and holds 8 bytes an entry of
    the left side.
    """

    most_partitions = 1024

    def __init__(self, s3: Any, scratch: Optional[Path] = None) -> None:
        self._s3, self._scratch = s3, scratch

    def connect(self) -> Any:
        return self._s3

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        return map(work, items)

    def join(self, left: Side, right: Side, combine: Combine[Result], partitions: int) -> Iterator[Result]:
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix="join-") as folder:
            spill, spots = _Spill(Path(folder), partitions), array("Q")
            for spot, entry in _read(left):
                spill.add(spot, entry)
                if spot is not None:
                    spots.append(spot)
            wanted = np.unique(np.array(spots, dtype=np.uint64))
            del spots
            for batch in _batches(_read(right), SPILL_ENTRIES):
                found = _among(np.array([spot or 0 for spot, _ in batch], dtype=np.uint64), wanted)
                for (spot, entry), is_wanted in zip(batch, found):
                    if is_wanted or spot is None:
                        spill.add(spot, entry)
            for partition in range(partitions):
                yield combine(spill.entries(partition))


class _Spill:
    """Entries by partition: the newest in memory, the others in a file a partition, which only this process reads."""

    def __init__(self, folder: Path, partitions: int) -> None:
        self._folder, self._partitions = folder, partitions
        self._held: Dict[int, List[Entry]] = {}
        self._count = 0

    def add(self, spot: Optional[int], entry: Entry) -> None:
        self._held.setdefault(partition_of(spot, self._partitions), []).append(entry)
        self._count += 1
        if self._count >= SPILL_ENTRIES:
            for partition, entries in self._held.items():
                with self._file(partition).open("ab") as file:
                    pickle.dump(entries, file, pickle.HIGHEST_PROTOCOL)
            self._held, self._count = {}, 0

    def entries(self, partition: int) -> Iterator[Entry]:
        """Those of the partition, in the order in which they were added."""
        path = self._file(partition)
        if path.exists():
            size = path.stat().st_size
            with path.open("rb") as file:
                while file.tell() < size:
                    yield from pickle.load(file)  # noqa: S301 - written above
        yield from self._held.pop(partition, [])

    def _file(self, partition: int) -> Path:
        return self._folder / str(partition)


def spot_of(record: str) -> int:
    """Where a record belongs: 64 bits that are the same in every process, unlike Python's own hash."""
    return int.from_bytes(blake2b(record.encode("utf-8", "surrogatepass"), digest_size=SPOT_BYTES).digest(), "big")


def partition_of(spot: Optional[int], partitions: int) -> int:
    return (spot or 0) % partitions


def _read(side: Side) -> Iterator[Spotted]:
    return chain.from_iterable(map(side.read, side.items))


def _batches(entries: Iterator[Spotted], size: int) -> Iterator[List[Spotted]]:
    while batch := list(islice(entries, size)):
        yield batch


def _among(spots: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which of the spots are among the wanted ones, which are sorted."""
    if not len(wanted):
        return np.zeros(len(spots), dtype=bool)
    places = np.minimum(np.searchsorted(wanted, spots), len(wanted) - 1)
    found: NDArray[np.bool_] = wanted[places] == spots
    return found
