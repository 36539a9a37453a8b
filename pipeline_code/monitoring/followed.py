"""Predictions whose outcome is known, in few bytes each: 8 for the score, 8 for its place, 4 for each word."""

from __future__ import annotations

from array import array
from typing import Dict, Iterable, List, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

_UNIT_BITS = 40
"""A place is one number: the unit's above, the row's within it below."""


class Followed:
    """Decision, score and outcome of each, in the order of the files once they are sorted."""

    def __init__(self) -> None:
        self._places, self._points = array("Q"), array("d")
        self._decided, self._happened = _Words(), _Words()

    def __len__(self) -> int:
        return len(self._places)

    def add(self, place: Tuple[int, int], decision: str, score: Optional[float], outcome: str) -> None:
        """place: the unit's number, and the row's number within it."""
        self._places.append(place[0] << _UNIT_BITS | place[1])
        self._points.append(np.nan if score is None else score)
        self._decided.add(decision)
        self._happened.add(outcome)

    def merge(self, other: Followed) -> None:
        self._places.extend(other._places)
        self._points.extend(other._points)
        self._decided.merge(other._decided)
        self._happened.merge(other._happened)

    def sort(self) -> None:
        """Whoever read them, and in whichever partitions."""
        order = np.argsort(np.array(self._places, dtype=np.uint64))
        self._places = array("Q", np.array(self._places, dtype=np.uint64)[order].tobytes())
        self._points = array("d", np.array(self._points, dtype=np.float64)[order].tobytes())
        self._decided.sort(order)
        self._happened.sort(order)

    @property
    def scores(self) -> NDArray[np.float64]:
        """NaN where there is none."""
        return np.array(self._points, dtype=np.float64)

    @property
    def decisions(self) -> List[str]:
        return self._decided.texts

    @property
    def outcomes(self) -> List[str]:
        return self._happened.texts


class _Words:
    """Texts of which few are different, as numbers."""

    def __init__(self) -> None:
        self._numbers: Dict[str, int] = {}
        self._codes = array("I")

    def add(self, word: str) -> None:
        self._codes.append(self._numbers.setdefault(word, len(self._numbers)))

    def merge(self, other: _Words) -> None:
        renumbered = np.array(self._number(other._numbers), dtype=np.uint32)
        codes = np.array(other._codes, dtype=np.uint32)
        self._codes.frombytes(renumbered[codes].tobytes())

    def sort(self, order: NDArray[np.int64]) -> None:
        self._codes = array("I", np.array(self._codes, dtype=np.uint32)[order].tobytes())

    @property
    def texts(self) -> List[str]:
        """One a row; equal texts are one object."""
        words = list(self._numbers)
        return [words[code] for code in self._codes]

    def _number(self, words: Iterable[str]) -> List[int]:
        return [self._numbers.setdefault(word, len(self._numbers)) for word in words]
