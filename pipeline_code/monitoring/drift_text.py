"""What moved, in words for an operator: the quantile, or the categories, that differ most from the baseline."""

from __future__ import annotations

import json
from typing import List, Tuple

import numpy as np
from numpy.typing import NDArray

from monitoring.columns import Categories, Column, Numbers
from monitoring.drift_distances import LOCATION, MISSING, SHAPE, WRONG_TYPE, Distance

SHOWN_CATEGORIES = 3
LONGEST_CATEGORY = 60
"""Characters of one that are shown."""
_QUANTILES = {
    0.05: "5 % quantile",
    0.25: "lower quartile",
    0.5: "median",
    0.75: "upper quartile",
    0.95: "95 % quantile",
}
_MEASURES = {SHAPE: "distance", LOCATION: "probability of a larger value off one half by"}

Array = NDArray[np.float64]


def moved(baseline: Column, current: Column) -> str:
    """How the values of a feature moved: one clause with figures; both columns hold values."""
    if isinstance(baseline, Numbers) and isinstance(current, Numbers):
        return _numbers_moved(baseline, current)
    assert isinstance(baseline, Categories) and isinstance(current, Categories)
    return "; ".join(
        f"{_shown(name)} {'rose' if after > before else 'fell'} from {percent(before)} to {percent(after)}"
        for name, before, after in category_moves(baseline, current)[:SHOWN_CATEGORIES]
        if before != after
    )


def _shown(category: str) -> str:
    """A category that can be read and written: quoted where it is blank or begins or ends so, and not of any length.

    JSON may hold what no text in UTF-8 can (a lone surrogate, `"\\ud800"`); it is written as JSON writes it.
    """
    text = category.encode("utf-8", "backslashreplace").decode()
    text = text if len(text) <= LONGEST_CATEGORY else f"{text[:LONGEST_CATEGORY]}…"
    return text if text and text.isprintable() and text == text.strip() else json.dumps(text)


def share_moved(distance: Distance) -> str:
    """The same for the share of missing, mistyped or unknown values."""
    (count, rows), (known, of) = distance.counts
    what = {
        MISSING: "rows lack a value",
        WRONG_TYPE: "values are of another type than expected",
    }.get(distance.measure, "values are of categories that the baseline lacks")
    before = percent(known / of) if of else "nothing"
    return f"{count:,} of {rows:,} {what}; by the baseline {before} would"


def category_moves(baseline: Categories, current: Categories) -> List[Tuple[str, float, float]]:
    """Categories with their shares before and after, what moved most first."""
    names = {*baseline.counts, *current.counts}
    moves = [
        (name, baseline.counts.get(name, 0) / baseline.present, current.counts.get(name, 0) / current.present)
        for name in names
    ]
    return sorted(moves, key=lambda move: (-abs(move[2] - move[1]), move[0]))


def evidence(value: float, limit: float, p_value: float, measure: str = "") -> str:
    """`distance 0.211, large beyond 0.172; p < 1e-12`"""
    return f"{_MEASURES.get(measure, 'distance')} {value:.3g}, large beyond {limit:.3g}; {chance(p_value)}"


def chance(p_value: float) -> str:
    return "p < 1e-12" if p_value < 1e-12 else f"p = {p_value:.2g}"


def percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.3g} %"


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _numbers_moved(baseline: Numbers, current: Numbers) -> str:
    """Where the cumulated shares are farthest apart, and the quantile that lies nearest to there."""
    (known, known_weights), (seen, weights) = baseline.sketch.items(), current.sketch.items()
    shares = np.append(0.0, np.cumsum(known_weights) / baseline.count)[np.searchsorted(known, seen, "right")]
    ours = np.cumsum(weights) / current.count
    last = np.append(seen[1:] != seen[:-1], True)  # of equal values only the last has the share of all
    most = int(np.argmax(np.where(last, np.abs(ours - shares), -1)))
    level = min(_QUANTILES, key=lambda each: abs(each - (ours[most] + shares[most]) / 2))
    before, after = _quantile(known, known_weights, level), _quantile(seen, weights, level)
    return (
        f"the {_QUANTILES[level]} {_change(before, after)}; "
        f"{percent(ours[most])} are at or below {number(seen[most])}, {percent(shares[most])} in the baseline"
    )


def _change(before: float, after: float) -> str:
    if before == after:
        return f"stayed at {number(after)}"
    return f"{'rose' if after > before else 'fell'} from {number(before)} to {number(after)}"


def _quantile(values: Array, weights: Array, level: float) -> float:
    cumulated = np.cumsum(weights)
    return float(values[min(int(np.searchsorted(cumulated, level * cumulated[-1])), len(values) - 1)])
