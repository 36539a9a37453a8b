"""How far a window's values of one feature are from the baseline's, and how far chance alone would take them.

Both samples are finite, and sketches know ranks only up to an error: `chance` counts all of it. If nothing changed,
the square of a distance is on average `chance`; that makes distances of different measures, features and window sizes
comparable, and lets the natural variation between windows be added to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp, lgamma, log, pi, sqrt
from statistics import NormalDist
from typing import Dict, List, Tuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from monitoring.columns import Categories, Column, Numbers
from monitoring.significance import higher_share

SHAPE, LOCATION, CATEGORIES = "shape", "location", "categories"
MISSING, WRONG_TYPE, UNKNOWN = "missing", "wrong_type", "unknown"
SHARES = (MISSING, WRONG_TYPE, UNKNOWN)

EXPECTED = 5.0
"""Categories of which a sample would hold fewer rows than this are compared together: chi-square needs that many."""

_KOLMOGOROV_MEAN, _KOLMOGOROV_VARIANCE = pi**2 / 12, 7 * pi**4 / 720 - pi**4 / 144
_KOLMOGOROV_FREEDOM = 2 * _KOLMOGOROV_MEAN**2 / _KOLMOGOROV_VARIANCE
_KOLMOGOROV_ROOT = sqrt(pi / 2) * log(2)  # mean of Kolmogorov's distribution; the two above are of its square

Array = NDArray[np.float64]
Counts = Tuple[int, int]


@dataclass(frozen=True)
class Distance:
    """One measure of how far apart two samples are.

    value: SHAPE: the largest difference of the cumulated shares (Kolmogorov-Smirnov). LOCATION: the chance that a
    value of the window is above one of the baseline, ties halved, minus one half (Mann-Whitney). CATEGORIES: Cohen's
    w. Shares: the window's minus the baseline's. scale: value² * scale is `chance` on average if nothing changed.
    freedom: of the chi-square that this square is like, divided by its mean. counts: of a share, (rows, of rows) of
    the window and of the baseline.
    """

    measure: str
    value: float
    scale: float
    chance: float
    freedom: float
    counts: Tuple[Counts, Counts] = ((0, 0), (0, 0))

    @property
    def square(self) -> float:
        return self.value**2 * self.scale

    @property
    def p_value(self) -> float:
        """How often chance alone gives such a distance; of a share: one as high."""
        if self.measure == SHAPE:
            return float(special.kolmogorov(abs(self.value) / np.sqrt(self.chance)))
        if self.measure in SHARES:
            (count, rows), (known, of) = self.counts
            return higher_share(count, rows, known, of)
        return float(special.chdtrc(self.freedom, self.square * self.freedom / self.chance))

    @property
    def root(self) -> NormalDist:
        """Mean and standard deviation of the root of square / chance, if nothing but chance is at work."""
        return _root(self.measure, self.freedom)

    def critical(self, level: float, chance: float) -> float:
        """The square that chance exceeds with probability `level`."""
        if self.measure == SHAPE:
            return float(special.kolmogi(level) ** 2 / _KOLMOGOROV_MEAN * chance)
        return float(special.chdtri(self.freedom, level) / self.freedom * chance)

    def shown(self, square: float) -> float:
        """The value that has this square."""
        return float(np.sqrt(square / self.scale)) if self.scale else 0.0


@lru_cache(maxsize=1024)
def _root(measure: str, freedom: float) -> NormalDist:
    if measure == SHAPE:
        middle = _KOLMOGOROV_ROOT / sqrt(_KOLMOGOROV_MEAN)
    else:  # of a chi distribution, in units of its root mean square
        middle = sqrt(2 / freedom) * exp(lgamma((freedom + 1) / 2) - lgamma(freedom / 2))
    return NormalDist(middle, sqrt(1 - middle**2))


def distances(baseline: Column, current: Column) -> Dict[str, Distance]:
    """By measure; only the shares of a window, or baseline, without values. The columns are of the same feature."""
    found = [_share(MISSING, (current.missing, current.rows), (baseline.missing, baseline.rows))]
    found.append(_share(WRONG_TYPE, (current.wrong, current.present), (baseline.wrong, baseline.present)))
    if isinstance(baseline, Categories) and isinstance(current, Categories):
        found.append(_unknown(baseline, current))
        found += _categories(baseline, current)
    elif isinstance(baseline, Numbers) and isinstance(current, Numbers) and baseline.count and current.count:
        found += _numbers(baseline, current)
    return {each.measure: each for each in found}


def _numbers(baseline: Numbers, current: Numbers) -> List[Distance]:
    (known, known_weights), (seen, weights) = baseline.sketch.items(), current.sketch.items()
    error = 4 * (baseline.sketch.error**2 + current.sketch.error**2)  # a rank's variance is at most a quarter of 1/n
    chance = 1 / baseline.count + 1 / current.count + error
    below, at_or_below = _cumulated(known, known_weights, seen)
    ends = np.cumsum(weights) / current.count
    last = np.append(seen[1:] != seen[:-1], True)
    first = np.append(True, last[:-1])
    before = ends - weights / current.count
    # The two step functions are farthest apart at, or just before, a value of the window.
    distance = max(np.abs(ends - at_or_below)[last].max(), np.abs(before - below)[first].max())
    location = float((weights * (below + at_or_below)).sum() / (2 * current.count) - 0.5)
    untied = 1 - _ties(np.concatenate([known, seen]), np.concatenate([known_weights, weights]))
    found = [Distance(SHAPE, float(distance), 1 / _KOLMOGOROV_MEAN, chance, _KOLMOGOROV_FREEDOM)]
    if untied > 0:
        found.append(Distance(LOCATION, location, 12 / untied, chance, 1.0))
    return found


def _cumulated(values: Array, weights: Array, at: Array) -> Tuple[Array, Array]:
    """Shares of `values` that are below, and at or below, each of `at`."""
    shares = np.append(0.0, np.cumsum(weights) / weights.sum())
    return shares[np.searchsorted(values, at, "left")], shares[np.searchsorted(values, at, "right")]


def _ties(values: Array, weights: Array) -> float:
    """Sum of the cubed shares of equal values: what ties take from the variance of mean ranks."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    shares = np.add.reduceat(weights[order], begins) / weights.sum()
    return float((shares**3).sum())


def _categories(baseline: Categories, current: Categories) -> List[Distance]:
    if not baseline.present or not current.present:
        return []
    names = sorted({*baseline.counts, *current.counts})
    counts = np.array([[each.counts.get(name, 0) for name in names] + [each.others] for each in (current, baseline)])
    rows = counts.sum(axis=1, keepdims=True)
    pooled = counts.sum(axis=0)
    rare = pooled * rows.min() < EXPECTED * rows.sum()
    counts = np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)])
    counts = counts[:, counts.sum(axis=0) > 0]
    freedom = counts.shape[1] - 1
    if not freedom:
        return []
    shares, expected = counts / rows, counts.sum(axis=0) / rows.sum()
    value = float(np.sqrt((np.diff(shares, axis=0)[0] ** 2 / expected).sum()))
    return [Distance(CATEGORIES, value, 1 / freedom, float((1 / rows).sum()), float(freedom))]


def _unknown(baseline: Categories, current: Categories) -> Distance:
    """Rows of categories that the baseline lacks, beside the share that Good & Turing expect of unseen ones: that of
    the categories seen once."""
    unknown = sum(count for name, count in current.counts.items() if name not in baseline.counts)
    once = sum(count == 1 for count in baseline.counts.values())
    return _share(UNKNOWN, (unknown, current.present), (once + baseline.others, baseline.present))


def _share(measure: str, current: Counts, baseline: Counts) -> Distance:
    (count, rows), (known, of) = current, baseline
    if not rows or not of or not count + known:
        return Distance(measure, 0.0, 0.0, 1.0, 1.0, (current, baseline))
    share = (count + known) / (rows + of)
    scale = 1 / (share * (1 - share)) if share < 1 else 0.0
    return Distance(measure, count / rows - known / of, scale, 1 / rows + 1 / of, 1.0, (current, baseline))
