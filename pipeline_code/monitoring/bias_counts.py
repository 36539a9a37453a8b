"""Counts of rows by facet, group, outcome and decision: all that bias metrics are made of, and no row left in them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, Mapping, Optional, Sequence, Tuple

from monitoring.model import Columns, Facet

Cell = Tuple[bool, str, Optional[bool], bool]
"""In facet d, group, favourable outcome (None: unknown), favourable decision."""


@dataclass(frozen=True)
class Counts:
    """Rows by facet and cell; `a + b` adds windows or parts of one."""

    rows: int = 0
    cells: Mapping[Tuple[str, str], Mapping[Cell, int]] = field(default_factory=dict)
    """By (facet's name, its value or threshold as text)."""
    group: str = ""
    """The column that CDDL and CDDPL are conditioned on; empty for none."""

    def __add__(self, other: Counts) -> Counts:
        """Raises ValueError for counts conditioned on another column."""
        if self.rows and other.rows and self.group != other.group:
            raise ValueError(f"counts: conditioned on {self.group!r} and {other.group!r}; they cannot be added")
        merged = {key: dict(cells) for key, cells in self.cells.items()}
        for key, cells in other.cells.items():
            mine = merged.setdefault(key, {})
            for cell, count in cells.items():
                mine[cell] = mine.get(cell, 0) + count
        return Counts(self.rows + other.rows, merged, self.group or other.group)

    def document(self) -> Dict[str, Any]:
        """As JSON; `Counts.read` reads it."""
        return {
            "rows": self.rows,
            "group": self.group,
            "facets": [
                {
                    "name": name,
                    "value": value,
                    "cells": [[*cell, count] for cell, count in sorted(cells.items(), key=_place)],
                }
                for (name, value), cells in sorted(self.cells.items())
            ],
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Counts:
        """Raises KeyError, TypeError or ValueError for what `document` did not write."""
        cells = {
            (facet["name"], facet["value"]): {
                (bool(d), str(group), None if outcome is None else bool(outcome), bool(decision)): int(count)
                for d, group, outcome, decision, count in facet["cells"]
            }
            for facet in document["facets"]
        }
        return cls(int(document["rows"]), cells, str(document["group"]))


def counts(
    facets: Sequence[Facet],
    columns: Columns,
    decisions: Sequence[bool],
    labels: Optional[Sequence[Optional[bool]]] = None,
    group: Optional[str] = None,
) -> Counts:
    """Counts of one batch, one entry of each argument a row.

    columns: inputs by name, the facets' and the group's among them. decisions: True where the decision is the
    favourable one. labels: True where the *outcome* is the favourable one (a loan that was paid back), None where it
    is unknown; None for no labels at all. group: the column to condition on. Rows where a facet's input is missing, or
    no number where one is compared with a threshold, belong to neither of its sides. Raises KeyError for a column that
    is absent, ValueError for lengths that differ.
    """
    rows = len(decisions)
    outcomes = [None] * rows if labels is None else labels
    groups = [""] * rows if group is None else [str(value) for value in columns[group]]
    lengths = {"labels": len(outcomes), "group": len(groups), **{f.name: len(columns[f.name]) for f in facets}}
    for name, length in lengths.items():
        if length != rows:
            raise ValueError(f"{name}: {length} entries for {rows} decisions")
    cells = {}
    for facet in facets:
        tally: Counter[Cell] = Counter()
        for (_, value, one, outcome, decision), count in _equal(columns[facet.name], groups, outcomes, decisions):
            member = _member(facet, value)
            if member is not None:
                tally[member, one, None if outcome is None else bool(outcome), bool(decision)] += count
        cells[facet.name, _value(facet)] = dict(tally)
    return Counts(rows, cells, group or "")


def _equal(values: Sequence[Any], *more: Sequence[Any]) -> Iterable[Tuple[Tuple[Any, ...], int]]:
    """Rows of (type of the value, value, ...) and how often each stands there, since most are like many others.

    By type, since True is 1 and not the same text. What was sent may be a list, which cannot be counted: then each row
    stands alone.
    """
    try:
        return Counter(zip(map(type, values), values, *more)).items()
    except TypeError:
        return ((row, 1) for row in zip(map(type, values), values, *more))


def _member(facet: Facet, value: Any) -> Optional[bool]:
    if value is None or value != value:
        return None
    if facet.threshold is None:
        return _text(value) in facet.values
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if number != number else number >= facet.threshold


def _value(facet: Facet) -> str:
    return f"{facet.threshold:g}" if facet.threshold is not None else ",".join(facet.values)


def _text(value: Any) -> str:
    """A category as text; a whole number that is stored as a float is the number."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _place(counted: Tuple[Cell, int]) -> str:
    return str(counted[0])
