"""A KLL sketch: a stream of numbers in bounded memory, whose ranks stay right within about one part in its size.

Karnin, Lang & Liberty, "Optimal quantile approximation in streams" (FOCS 2016), in the form that Model Monitor
stores: level i holds items that stand for 2**i numbers each (developer guide, "Schema for Statistics
(statistics.json file)"). A full level is halved: every second of its sorted items goes one level up, beginning with
the first or the second by a seeded coin. Two halvings in a row of one level begin differently, so that their errors
cancel. The same numbers in the same order give the same sketch.
"""

from __future__ import annotations

from math import ceil
from typing import Any, Dict, List, Mapping, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

SIZE = 2048
DECAY = 0.64
"""Each level may hold this share of what the level above it may hold; Model Monitor's own setting."""

FOLD = 4
"""A chunk of SIZE * 2**FOLD numbers is sorted at once and goes straight to this level."""

SEED = 20001001
_SMALLEST_LEVEL = 8

Array = NDArray[np.float64]


class Sketch:
    """Numbers added one by one, in batches, or from other sketches of the same size."""

    def __init__(self, size: int = SIZE) -> None:
        self.size = size
        self._waiting: List[Array] = []  # as they came, until they fill a chunk
        self._waits = 0
        self._levels: List[Array] = []  # each ascending
        self._coin: Optional[np.random.Generator] = None
        self._flips: Dict[int, int] = {}
        self._ordered: Optional[Tuple[Array, Array]] = None

    @property
    def rows(self) -> int:
        """Numbers added so far."""
        return self._waits + sum(len(items) << level for level, items in enumerate(self._levels))

    @property
    def error(self) -> float:
        """By how much a rank may be off, as a share of all numbers; 0 while every number is still there."""
        return 1 / self.size if any(len(items) for items in self._levels[1:]) else 0.0

    def add(self, numbers: Array) -> None:
        """Finite numbers, in any order; they are copied."""
        self._wait(np.array(numbers, dtype=np.float64))

    def merge(self, other: Sketch) -> None:
        """All numbers of the other sketch, which stays as it is. Raises ValueError unless both are of one size."""
        if other.size != self.size:
            raise ValueError(f"sketch of size {other.size}: only one of size {self.size} can be merged")
        for level, items in enumerate(other._levels):
            self._put(level, items)
        for numbers in other._waiting:
            self._wait(numbers)
        self._compress()

    def items(self) -> Tuple[Array, Array]:
        """Values, ascending, and how many numbers each of them stands for."""
        if self._ordered is None:
            numbers = np.sort(np.concatenate([*self._waiting, np.empty(0)]))
            parts = [numbers, *self._levels]
            weights = [np.full(len(part), float(1 << max(0, level))) for level, part in enumerate(parts, -1)]
            if len(numbers) == self.rows:
                self._ordered = numbers, weights[0]
            else:
                values, counts = np.concatenate(parts), np.concatenate(weights)
                order = np.argsort(values, kind="stable")  # a merge of ascending runs
                self._ordered = values[order], counts[order]
        return self._ordered

    def document(self) -> Dict[str, Any]:
        """The `sketch` of a feature's distribution in statistics.json; items of a level ascend."""
        compact = self._copy()
        compact._put(0, np.concatenate([*compact._waiting, np.empty(0)]))
        compact._waiting, compact._waits = [], 0
        compact._compress()
        return {
            "parameters": {"c": DECAY, "k": float(self.size)},
            "data": [items.tolist() for items in compact._levels],
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Sketch:
        """A sketch as `document`, or Model Monitor, wrote it. Raises KeyError, TypeError or ValueError otherwise."""
        sketch = cls(int(document["parameters"]["k"]))
        sketch._levels = [np.sort(np.asarray(items, dtype=np.float64)) for items in document["data"]]
        return sketch

    def _copy(self) -> Sketch:
        copy = Sketch(self.size)
        copy._waiting, copy._waits, copy._levels = list(self._waiting), self._waits, list(self._levels)
        copy._flips = dict(self._flips)
        return copy

    def _wait(self, numbers: Array) -> None:
        self._ordered = None
        self._waiting.append(numbers)
        self._waits += len(numbers)
        chunk = self.size << FOLD
        if self._waits < chunk:
            return
        waiting = np.concatenate(self._waiting)
        whole = len(waiting) - len(waiting) % chunk
        step = 1 << FOLD
        for begin in range(0, whole, chunk):
            ordered = np.sort(waiting[begin : begin + chunk])
            self._put(FOLD, ordered[self._flip(-1, step) :: step])
            self._compress()
        self._waiting = [waiting[whole:].copy()]  # without the copy the whole batch would stay in memory
        self._waits = len(waiting) - whole

    def _put(self, level: int, items: Array) -> None:
        self._ordered = None
        while len(self._levels) <= level:
            self._levels.append(np.empty(0))
        merged = np.concatenate([self._levels[level], items])
        merged.sort(kind="stable")  # two ascending runs: a merge
        self._levels[level] = merged

    def _compress(self) -> None:
        """Halve the lowest level that is too long, until all levels together are short enough."""
        while True:
            limits = self._limits()
            if sum(map(len, self._levels)) <= sum(limits):
                return
            level = next(i for i, items in enumerate(self._levels) if len(items) > limits[i])
            items = self._levels[level]
            paired = len(items) - len(items) % 2
            self._levels[level] = items[paired:]
            self._put(level + 1, items[self._flip(level, 2) : paired : 2])

    def _limits(self) -> List[int]:
        top = len(self._levels) - 1
        return [max(_SMALLEST_LEVEL, ceil(self.size * DECAY ** (top - level))) for level in range(top + 1)]

    def _flip(self, level: int, sides: int) -> int:
        """A random number below `sides`; the next one of the same level is its opposite."""
        if level in self._flips:
            return self._flips.pop(level)
        if self._coin is None:
            self._coin = np.random.default_rng(SEED)
        side = int(self._coin.integers(sides))
        self._flips[level] = sides - 1 - side
        return side
