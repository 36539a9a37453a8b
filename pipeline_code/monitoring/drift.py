"""Whether a window of inputs looks unlike the baseline: a finding for every feature, and one for all together.

A feature drifted if the difference is significant (chance alone rarely gives it) and large (the baseline's own windows
do not vary as much; drift_calibration.py). The window breached if any feature drifted, or if all features together
are more unusual than in any window of the baseline: many that each move a little are the common kind of drift.
"""

from __future__ import annotations

from statistics import mean
from typing import Dict, List, Sequence

from monitoring import drift_text
from monitoring.columns import Categories, Column
from monitoring.drift_calibration import LEVELS, PARTS, Calibration, Measured, by_chance, calibrate, measure
from monitoring.drift_distances import (
    CATEGORIES,
    LOCATION,
    MISSING,
    SHAPE,
    SHARES,
    UNKNOWN,
    WRONG_TYPE,
    Distance,
)
from monitoring.findings import DATA_DRIFT, EMPTY, JUDGED, Finding, Judgement, Window
from monitoring.summary import Summary

__all__ = ["ALL_FEATURES", "ROWS", "Calibration", "calibrate", "judge"]

ALL_FEATURES, ROWS = "all features together", "rows"
"""Subjects that are no feature."""

DRIFT, MISSING_COLUMN = "baseline_drift_check", "missing_column_check"
JOINT, VOLUME = "joint_drift_check", "volume_check"
_CHECKS = {MISSING: "completeness_check", WRONG_TYPE: "data_type_check", UNKNOWN: "categorical_values_check"}
_SHOWN_FEATURES = 3


def judge(baseline: Summary, calibration: Calibration, current: Summary, window: Window) -> Judgement:
    """Findings of every feature, of all together, and of the number of rows, which never breaches.

    baseline: of all its windows; current: of the window, with the same features. A window without rows is EMPTY.
    """
    if not current.rows:
        return Judgement(DATA_DRIFT, window, EMPTY, 0)
    measured = measure(baseline, current)
    findings = [
        finding
        for name, column in current.columns.items()
        for finding in _feature(baseline.columns[name], column, measured.get(name, {}), calibration, len(measured))
    ]
    findings += _joint(measured, calibration)
    findings.append(_volume(calibration.rows, current.rows))
    return Judgement(
        monitor=DATA_DRIFT,
        window=window,
        status=JUDGED,
        rows=current.rows,
        findings=tuple(findings),
        breached=any(finding.breaches for finding in findings),
        metrics=_metrics(baseline, current, measured),
    )


def _feature(
    baseline: Column, current: Column, by_measure: Dict[str, Distance], calibration: Calibration, features: int
) -> List[Finding]:
    name = current.feature.name
    if current.is_absent:
        text = f"{name}: no row has this column"
        return [Finding(DATA_DRIFT, name, MISSING_COLUMN, 1.0, 0.0, None, True, True, text)]
    if baseline.is_absent:
        text = f"{name}: the baseline has no such column, so that there is nothing to compare with"
        return [Finding(DATA_DRIFT, name, DRIFT, 0.0, 0.0, None, False, False, text)]
    shares = [
        _share(name, by_measure[key], calibration, LEVELS["share"] / len(SHARES) / features)
        for key in SHARES
        if key in by_measure and by_measure[key].scale  # neither here nor there is any
    ]
    distributions = [by_measure[key] for key in (SHAPE, LOCATION, CATEGORIES) if key in by_measure]
    if not distributions:
        return shares
    return [_drift(baseline, current, distributions, calibration, LEVELS["feature"] / features), *shares]


def _drift(
    baseline: Column, current: Column, distances: Sequence[Distance], calibration: Calibration, level: float
) -> Finding:
    """Of the measure that comes nearest to a breach, or goes farthest beyond."""
    name = current.feature.name
    levels = {each.measure: level * PARTS[each.measure] for each in distances}
    limits = {each.measure: calibration.limit(name, each, levels[each.measure]) for each in distances}
    most = max(distances, key=lambda each: (each.p_value < levels[each.measure], each.square / limits[each.measure]))
    significant, large = most.p_value < levels[most.measure], most.square > limits[most.measure]
    value, limit = abs(most.value), most.shown(limits[most.measure])
    text = (
        f"{name}: {drift_text.moved(baseline, current)} "
        f"({drift_text.evidence(value, limit, most.p_value, most.measure)}): {_verdict(significant, large)}"
    )
    return Finding(DATA_DRIFT, name, DRIFT, value, limit, most.p_value, significant, large, text)


def _share(name: str, distance: Distance, calibration: Calibration, level: float) -> Finding:
    """Fewer missing, mistyped or unknown values than in the baseline are no trouble."""
    square = calibration.limit(name, distance, level)
    limit, p_value = distance.shown(square), distance.p_value
    significant, large = p_value < level, distance.value > 0 and distance.square > square
    text = (
        f"{name}: {drift_text.share_moved(distance)} "
        f"(difference {distance.value:.3g}, large beyond {limit:.3g}; {drift_text.chance(p_value)}): "
        f"{_verdict(significant, large)}"
    )
    check = _CHECKS[distance.measure]
    return Finding(DATA_DRIFT, name, check, distance.value, limit, p_value, significant, large, text)


def _joint(measured: Measured, calibration: Calibration) -> List[Finding]:
    """All features together, each in units of its natural variation."""
    unusual = calibration.unusual(measured)
    if not unusual:
        return []
    expected = by_chance(measured)
    value = mean(unusual.values())
    p_value = 1 - expected.cdf(value)
    limit = max(calibration.most_unusual, expected.inv_cdf(1 - LEVELS["joint"]))
    significant, large = p_value < LEVELS["joint"], value > limit
    first = sorted(unusual, key=lambda name: (-unusual[name], name))[:_SHOWN_FEATURES]
    moved = ", ".join(f"{name} {unusual[name]:.2g}" for name in first)
    text = (
        f"{ALL_FEATURES}: on average {value:.2f} times as far from the baseline as is natural for them, "
        f"{calibration.most_unusual:.2f} in the most unusual of {calibration.windows} baseline windows "
        f"(large beyond {limit:.2f}; {drift_text.chance(p_value)}); farthest {moved}: {_verdict(significant, large)}"
    )
    return [Finding(DATA_DRIFT, ALL_FEATURES, JOINT, value, limit, p_value, significant, large, text)]


def _verdict(significant: bool, large: bool) -> str:
    if significant and large:
        return "drifted"
    return "within what baseline windows vary by" if significant else "no more than chance gives"


def _volume(known: Sequence[int], rows: int) -> Finding:
    """For information: training windows and a day's traffic need not be of one size."""
    usual = mean(known)
    text = f"{rows:,} rows; baseline windows had {min(known):,} to {max(known):,}, on average {usual:,.0f}"
    return Finding(DATA_DRIFT, ROWS, VOLUME, rows / usual, 0.0, None, False, False, text)


def _metrics(baseline: Summary, current: Summary, measured: Measured) -> Dict[str, float]:
    """By Model Monitor's names; its distance is the largest difference of (cumulated) shares, uncorrected."""
    metrics: Dict[str, float] = {}
    for name, column in current.columns.items():
        metrics[f"feature_non_null_{name}"] = float(column.present)
        known, by_measure = baseline.columns[name], measured.get(name, {})
        if SHAPE in by_measure:
            metrics[f"feature_baseline_drift_{name}"] = by_measure[SHAPE].value
        elif isinstance(known, Categories) and isinstance(column, Categories) and known.present and column.present:
            _, before, after = drift_text.category_moves(known, column)[0]
            metrics[f"feature_baseline_drift_{name}"] = abs(after - before)
    return metrics
