"""Bias by segment: Clarify's metrics from counts, and whether a window's bias has moved from the version's baseline.

Names, definitions and signs: developer guide, "Measure Pre-training Bias" and "Measure Post-training Data and Model
Bias". Facet d is the group that a `Facet` names, facet a all other rows; the *favourable* outcome and decision (a loan
that is paid back, or granted) are Clarify's label 1. Positive values mostly mean that facet d is worse off. All
metrics come from counts of rows by facet, group, outcome and decision, so memory is bounded, windows can be added up,
and no row leaves the step that reads it. The flip test (FT) needs the rows themselves and is left out; facets of a
feature that is not stored cannot be measured at all.

A metric is left out (Clarify: null) where it is undefined: an empty facet, no rejections to divide by. Where outcomes
become known for decisions of one kind only, recall, specificity, accuracy and conditional acceptance are undefined
too: they would compare with people of whom nothing is known. DPPL, DI and CDDPL need no outcomes.

Bias drift: Clarify compares a window's confidence interval with the baseline's value; here the baseline is a sample as
well. A metric breaches if its move from the baseline is significant (Student's t, with errors from a parametric
bootstrap of both sides' counts; all metrics corrected together), by at least `MARGIN`, away from fairness, and beyond
`MARGIN` from it. DI is judged on the logarithm, where 0.8 and 1.25 are equally far from 1.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from monitoring.bias_metrics import NAMES, OUTCOME_FREE, POST_TRAINING, PRE_TRAINING, metrics
from monitoring.findings import BIAS, EMPTY, JUDGED, Finding, Judgement, Window
from monitoring.model import Columns, Facet
from monitoring.significance import ALPHA, holm, told

MARGIN = 0.05
LEAST_ROWS = 30
"""Facets with fewer rows (for metrics of outcomes: with a known outcome) on either side are not tested."""
SAMPLES = 1000
SEED = 20001001

CHECK = "bias_drift_check"
JUDGED_METRICS = ("DPPL", "DI", "CDDPL", "DCAcc", "DCR", "SD", "RD", "DAR", "DRR", "AD")
"""TE is a ratio of two small counts and GE says nothing of facets: both are reported, not judged."""

Array = NDArray[np.float64]
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
        for value, one, outcome, decision in zip(columns[facet.name], groups, outcomes, decisions):
            member = _member(facet, value)
            if member is not None:
                tally[member, one, None if outcome is None else bool(outcome), bool(decision)] += 1
        cells[facet.name, _value(facet)] = dict(tally)
    return Counts(rows, cells, group or "")


def analysis(counts: Counts, label: str = "decision", favourable: str = "1") -> Dict[str, Any]:
    """analysis.json in Clarify's shape; pre-training metrics only if outcomes are known. label: what is decided."""
    stages: Dict[str, Tuple[str, ...]] = {"post_training_bias_metrics": POST_TRAINING}
    if any(cell[2] is not None for cells in counts.cells.values() for cell in cells):
        stages["pre_training_bias_metrics"] = PRE_TRAINING
    measured = {key: _measured(_table(cells)) for key, cells in counts.cells.items()}
    document: Dict[str, Any] = {"version": "1.0"}
    for stage, names in sorted(stages.items(), reverse=True):
        facets: Dict[str, List[Dict[str, Any]]] = {}
        for (name, value), figures in measured.items():
            described = [
                {"name": metric, "description": NAMES[metric], "value": figures[metric]}
                for metric in names
                if metric in figures
            ]
            facets.setdefault(name, []).append({"value_or_threshold": value, "metrics": described})
        document[stage] = {"label": label, "label_value_or_threshold": favourable, "facets": facets}
    return document


def baseline(counts: Counts, label: str = "decision", favourable: str = "1") -> Dict[str, Any]:
    """Bias constraints of a version: `analysis` and, in `counts`, what says how uncertain its figures are."""
    return {**analysis(counts, label, favourable), "counts": counts.document()}


def facets(baseline: Mapping[str, Any]) -> Set[Tuple[str, str]]:
    """Name and value of each facet that a baseline, as `judge` takes it, says something of."""
    counted = Counts.read(baseline["counts"]).cells if "counts" in baseline else {}
    described = baseline.get("post_training_bias_metrics", {}).get("facets", {})
    return {*counted, *((name, str(each["value_or_threshold"])) for name in described for each in described[name])}


def judge(baseline: Mapping[str, Any], current: Counts, window: Window) -> Judgement:
    """Bias drift of each facet against the version's baseline; no rows are EMPTY.

    baseline: of `baseline`, with outcomes known for the same decisions; Clarify's own analysis.json or constraints
    serve too, and are taken as exact. Facets and metrics that either side lacks are not judged. The judgement's
    metrics are `bias_metric_<name>` as Clarify publishes them, of a facet `bias_metric_<name>_<facet>_<value>`; those
    without a facet are of the first one.
    """
    if not current.rows:
        return Judgement(BIAS, window, EMPTY, 0)
    before = Counts.read(baseline["counts"]) if "counts" in baseline else None
    figures: Dict[str, float] = {}
    moves: List[_Move] = []
    for (name, value), cells in current.cells.items():
        table = _table(cells)
        measured = _measured(table)
        for metric, number in measured.items():
            if number is not None:
                figures.setdefault(f"bias_metric_{metric}", number)
                figures[f"bias_metric_{metric}_{name}_{value}"] = number
        known = before.cells.get((name, value)) if before else None
        then = _table(known) if known else None
        possible = _possible([table] if then is None else [table, then])
        base = _Side(_read(baseline, name, value)) if then is None else _Side.counted(then, possible)
        moves += _moves(f"{name}={value}", base, _Side.counted(table, possible))
    findings = _findings(moves)
    return Judgement(BIAS, window, JUDGED, current.rows, findings, any(f.breaches for f in findings), figures)


@dataclass(frozen=True)
class _Side:
    """Metrics of one side, their standard errors (0: taken as exact), and which have enough rows to be tested."""

    values: Mapping[str, Optional[float]]
    errors: Mapping[str, float] = field(default_factory=dict)
    rows: Tuple[float, float] = (np.inf, np.inf)
    """Of the smaller facet: all, and those with a known outcome."""

    @classmethod
    def counted(cls, table: Array, possible: NDArray[np.bool_]) -> _Side:
        by_facet = table.sum(axis=(1, 3))
        rows = float(by_facet.sum(axis=1).min()), float(by_facet[:, :2].sum(axis=1).min())
        values = _measured(table)
        return cls(values, _errors(table, possible, values), rows)

    def rows_behind(self, metric: str) -> float:
        return self.rows[0 if metric in OUTCOME_FREE else 1]


@dataclass(frozen=True)
class _Move:
    """How one metric of one facet moved: value and base as Clarify has them; now and before where 0 is fair."""

    subject: str
    metric: str
    value: float
    base: float
    now: float
    before: float
    p_value: Optional[float]

    @property
    def _limit(self) -> float:
        """Distance from fairness, on the side where the metric now is, from which on it is large."""
        return max(float(np.sign(self.now)) * self.before + MARGIN, MARGIN)

    @property
    def large(self) -> bool:
        return abs(self.now) >= self._limit

    @property
    def threshold(self) -> float:
        """From where on the metric is large, as Clarify has it."""
        limit = float(np.sign(self.now) or 1.0) * self._limit
        return float(np.exp(-limit)) if self.metric == "DI" else limit


def _moves(subject: str, base: _Side, side: _Side) -> List[_Move]:
    moves = []
    for metric in JUDGED_METRICS:
        value, before = side.values.get(metric), base.values.get(metric)
        if value is None or before is None or not np.isfinite([_scale(metric, value), _scale(metric, before)]).all():
            continue
        now, then = _scale(metric, value), _scale(metric, before)
        spread = float(np.hypot(side.errors.get(metric, 0.0), base.errors.get(metric, 0.0)))
        p_value = None
        rows = min(side.rows_behind(metric), base.rows_behind(metric))
        if spread > 0 and rows >= LEAST_ROWS:
            p_value = float(2 * special.stdtr(rows - 1, -abs(now - then) / spread))
        moves.append(_Move(subject, metric, value, before, now, then, p_value))
    return moves


def _findings(moves: Sequence[_Move]) -> Tuple[Finding, ...]:
    adjusted = iter(holm([move.p_value for move in moves if move.p_value is not None]))
    findings = []
    for move in moves:
        p_value = None if move.p_value is None else next(adjusted)
        certain = "not tested (too few rows)" if p_value is None else told(p_value)
        findings.append(
            Finding(
                monitor=BIAS,
                subject=f"{move.metric} {move.subject}",
                check=CHECK,
                value=move.value,
                threshold=move.threshold,
                p_value=p_value,
                significant=p_value is not None and p_value < ALPHA,
                large=move.large,
                text=f"{NAMES[move.metric]} of {move.subject}: {move.value:+.3f}, {move.base:+.3f} in the baseline; "
                f"a change that matters begins at {move.threshold:+.3f}, {certain}",
            )
        )
    return tuple(findings)


def _scale(metric: str, value: float) -> float:
    if metric != "DI":
        return value
    return float(-np.log(value)) if value > 0 else float("inf")


def _possible(tables: Sequence[Array]) -> NDArray[np.bool_]:
    """Which outcomes (0, 1, unknown) can follow which decision: if one outcome became known, the other could have."""
    seen = sum(table.sum(axis=(0, 1)) for table in tables) > 0
    is_known = seen[:2].any(axis=0)
    return np.stack([is_known, is_known, seen[2]])


def _errors(table: Array, possible: NDArray[np.bool_], values: Mapping[str, Optional[float]]) -> Dict[str, float]:
    """Standard errors by a parametric bootstrap, on the scale of judgement.

    Half a row is added to every cell that can occur, so that what never happened yet has some chance; draws where a
    metric is undefined are left out.
    """
    rows = round(float(table.sum()))
    if not rows:
        return {}
    chances = np.where(possible, table + 0.5, 0.0)
    rng = np.random.default_rng(SEED)
    drawn = rng.multinomial(rows, (chances / chances.sum()).ravel(), size=SAMPLES)
    draws = _all_metrics(drawn.astype(np.float64).T.reshape(*table.shape, SAMPLES), table)
    errors = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        for name in JUDGED_METRICS:
            if values.get(name) is not None:
                numbers = -np.log(draws[name]) if name == "DI" else draws[name]
                finite = numbers[np.isfinite(numbers)]
                errors[name] = float(np.std(finite, ddof=1)) if len(finite) > SAMPLES // 2 else 0.0
    return errors


def _measured(table: Array) -> Dict[str, Optional[float]]:
    """Clarify's metrics of one table; None where undefined."""
    found = _all_metrics(table[..., None], table)
    return {name: float(value[0]) if np.isfinite(value[0]) else None for name, value in found.items()}


def _all_metrics(tables: Array, seen: Array) -> Dict[str, Array]:
    is_known = bool(seen[:, :, :2].sum() > 0)
    both = bool((seen[:, :, :2].sum(axis=(0, 1, 2)) > 0).all())
    return metrics(tables, outcomes=is_known, both_decisions=both)


def _table(cells: Mapping[Cell, int]) -> Array:
    """Counts by facet (a, d), group, outcome (0, 1, unknown) and decision (0, 1); 1 is the favourable one."""
    groups = {name: place for place, name in enumerate(sorted({cell[1] for cell in cells}))}
    table = np.zeros((2, max(len(groups), 1), 3, 2))
    for (is_d, group, outcome, decision), count in cells.items():
        table[int(is_d), groups[group], 2 if outcome is None else int(outcome), int(decision)] += count
    return table


def _member(facet: Facet, value: Any) -> Optional[bool]:
    if value is None or value != value:
        return None
    if facet.threshold is None:
        return _text(value) in facet.values
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return None if number != number else number >= facet.threshold


def _value(facet: Facet) -> str:
    return f"{facet.threshold:g}" if facet.threshold is not None else ",".join(facet.values)


def _text(value: Any) -> str:
    """A category as text; a whole number that is stored as a float is the number."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _place(counted: Tuple[Cell, int]) -> str:
    return str(counted[0])


def _read(document: Mapping[str, Any], facet: str, value: str) -> Dict[str, Optional[float]]:
    """Post-training metrics of one facet in a document of Clarify's shape; none if it is absent."""
    described = document.get("post_training_bias_metrics", {}).get("facets", {}).get(facet, [])
    return {
        metric["name"]: metric.get("value")
        for each in described
        if str(each["value_or_threshold"]) == value
        for metric in each["metrics"]
    }
