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

from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from monitoring.bias_counts import Cell, Counts, counts
from monitoring.bias_metrics import NAMES, OUTCOME_FREE, POST_TRAINING, PRE_TRAINING, metrics
from monitoring.findings import BIAS, EMPTY, JUDGED, Finding, Judgement, Window
from monitoring.significance import ALPHA, holm, told

__all__ = ["Counts", "analysis", "baseline", "counts", "facets", "judge"]

MARGIN = 0.05
LEAST_ROWS = 30
"""Facets with fewer rows (for metrics of outcomes: with a known outcome) on either side are not tested."""
SAMPLES = 1000
SEED = 20001001
NORMAL_95 = NormalDist().inv_cdf(0.975)

CHECK = "bias_drift_check"
JUDGED_METRICS = ("DPPL", "DI", "CDDPL", "DCAcc", "DCR", "SD", "RD", "DAR", "DRR", "AD")
"""TE is a ratio of two small counts and GE says nothing of facets: both are reported, not judged."""

Array = NDArray[np.float64]


def analysis(
    counts: Counts,
    label: str = "decision",
    favourable: str = "1",
    training: Optional[Counts] = None,
    intervals: bool = False,
) -> Dict[str, Any]:
    """analysis.json in Clarify's shape; pre-training metrics only if outcomes are known. label: what is decided.

    training: counts of the rows that a model learns from, whose labels the pre-training metrics are then of; without
    them, those of `counts`. intervals: tell the rows on both sides of each facet, and 95 % intervals of its metrics
    (`lower`, `upper`), which Clarify does not. Facets are those of the counts: none need be an input of the model.
    """
    labelled = counts if training is None else training
    stages: Dict[str, Tuple[Tuple[str, ...], Counts]] = {"post_training_bias_metrics": (POST_TRAINING, counts)}
    if any(cell[2] is not None for cells in labelled.cells.values() for cell in cells):
        stages["pre_training_bias_metrics"] = (PRE_TRAINING, labelled)
    document: Dict[str, Any] = {"version": "1.0"}
    for stage, (names, of) in sorted(stages.items(), reverse=True):
        facets: Dict[str, List[Dict[str, Any]]] = {}
        for (name, value), cells in of.cells.items():
            described = _described(_table(cells), names, intervals)
            facets.setdefault(name, []).append({"value_or_threshold": value, **described})
        document[stage] = {"label": label, "label_value_or_threshold": favourable, "facets": facets}
    return document


def _described(table: Array, names: Sequence[str], intervals: bool) -> Dict[str, Any]:
    """Metrics of one facet as analysis.json has them, and what is known of their uncertainty if asked for."""
    figures = _measured(table)
    errors = _errors(table, _possible([table]), figures, names) if intervals else {}
    metrics = [
        {"name": name, "description": NAMES[name], "value": figures[name], **_interval(name, figures[name], errors)}
        for name in names
        if name in figures
    ]
    others, rows = map(int, table.sum(axis=(1, 2, 3)))
    return {"metrics": metrics, **({"rows": rows, "other_rows": others} if intervals else {})}


def _interval(metric: str, value: Optional[float], errors: Mapping[str, float]) -> Dict[str, float]:
    """Bounds of the 95 % interval, made where the metric is judged; none without an error."""
    width = NORMAL_95 * errors.get(metric, 0.0)
    if value is None or not width or not np.isfinite(_scale(metric, value)):
        return {}
    if metric == "DI":
        return {"lower": float(value * np.exp(-width)), "upper": float(value * np.exp(width))}
    return {"lower": value - width, "upper": value + width}


def baseline(counts: Counts, label: str = "decision", favourable: str = "1") -> Dict[str, Any]:
    """Bias constraints of a version: `analysis` and, in `counts`, what says how uncertain its figures are."""
    return {**analysis(counts, label, favourable), "counts": counts.document()}


def facets(baseline: Mapping[str, Any]) -> Set[Tuple[str, str]]:
    """Name and value of each facet that a baseline, as `judge` takes it, says something of."""
    counted = Counts.read(baseline["counts"]).cells if "counts" in baseline else {}
    described = baseline.get("post_training_bias_metrics", {}).get("facets", {})
    return {*counted, *((name, str(each["value_or_threshold"])) for name in described for each in described[name])}


def judge(baseline: Mapping[str, Any], current: Counts, window: Window) -> Judgement:
    """Bias drift of each facet against the version's baseline; no rows in any facet are EMPTY, as where the facets are
    no inputs of the model and requests do not tell them.

    baseline: of `baseline`, with outcomes known for the same decisions; Clarify's own analysis.json or constraints
    serve too, and are taken as exact. Facets and metrics that either side lacks are not judged. The judgement's
    metrics are `bias_metric_<name>` as Clarify publishes them, of a facet `bias_metric_<name>_<facet>_<value>`; those
    without a facet are of the first one.
    """
    if not any(count for cells in current.cells.values() for count in cells.values()):
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


def _errors(
    table: Array,
    possible: NDArray[np.bool_],
    values: Mapping[str, Optional[float]],
    names: Sequence[str] = JUDGED_METRICS,
) -> Dict[str, float]:
    """Standard errors of the metrics by a parametric bootstrap, on the scale of judgement.

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
        for name in names:
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


def _read(document: Mapping[str, Any], facet: str, value: str) -> Dict[str, Optional[float]]:
    """Post-training metrics of one facet in a document of Clarify's shape; none if it is absent."""
    described = document.get("post_training_bias_metrics", {}).get("facets", {}).get(facet, [])
    return {
        metric["name"]: metric.get("value")
        for each in described
        if str(each["value_or_threshold"]) == value
        for metric in each["metrics"]
    }
