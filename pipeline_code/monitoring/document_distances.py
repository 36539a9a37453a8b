"""Distances between the distributions in two statistics.json documents, as Model Monitor computes them.

Model Monitor runs on Deequ; these are the formulas of its `Distance` (awslabs/deequ): the largest difference between
two distribution functions ("Simple"), less what chance alone would give at alpha 0.003 ("Robust"), and Pearson's
chi-squared for categories, those that are too rare put together first. Our own detectors have others.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from monitoring.documents_read import items, member, number

CRITICAL = 1.8
"""c(alpha) at alpha 0.003 of the two-sample Kolmogorov–Smirnov test (Knuth, volume 2, 3.3.1, equation 15)."""

RARE, RARE_SHARE, RARE_OF_TWO = 5, 0.2, 10
"""Expected rows below which a category is rare, the share of categories that may be, and the rows if there are two."""

Array = NDArray[np.float64]
Weighted = Tuple[Array, Array]
"""Values and how many rows each stands for."""


def sketch_of(feature: Mapping[str, Any]) -> Optional[Weighted]:
    """The numbers of a feature's KLL sketch: items of level i stand for 2**i rows. None where there is no sketch."""
    levels = items(member(feature, "numerical_statistics", "distribution", "kll", "sketch").get("data"))
    if levels and not any(isinstance(level, list) for level in levels):
        levels = [levels]
    values: List[float] = []
    weights: List[float] = []
    for level, found in enumerate(levels):
        kept = [each for each in map(number, items(found)) if each is not None]
        values += kept
        weights += [float(1 << level)] * len(kept)
    return (np.array(values), np.array(weights)) if values else None


def categories_of(feature: Mapping[str, Any]) -> Optional[Dict[str, float]]:
    """Rows by category; None where there is no distribution."""
    found: Dict[str, float] = {}
    for bucket in map(
        member, items(member(feature, "string_statistics", "distribution", "categorical").get("buckets"))
    ):
        count = number(bucket.get("count"))
        if count is not None:
            value = text_of(bucket.get("value"))
            found[value] = found.get(value, 0.0) + count
    return found if sum(found.values()) > 0 else None


def text_of(value: Any) -> str:
    """A category as text, as JSON writes it: true, not True."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def numeric(baseline: Weighted, current: Weighted, robust: bool) -> float:
    """Largest difference of the two distribution functions, from 0 to 1."""
    at = np.unique(np.concatenate([baseline[0], current[0]]))
    shares = [_share_below(sample, at) for sample in (baseline, current)]
    distance = float(np.abs(shares[0] - shares[1]).max())
    return _corrected(distance, float(baseline[1].sum()), float(current[1].sum())) if robust else distance


def categorical(baseline: Mapping[str, float], current: Mapping[str, float], robust: bool) -> float:
    """Largest difference of the share of any category, from 0 to 1."""
    n, m = sum(baseline.values()), sum(current.values())
    names = {**baseline, **current}
    distance = max(abs(baseline.get(name, 0.0) / n - current.get(name, 0.0) / m) for name in names)
    return _corrected(distance, n, m) if robust else distance


def chi_squared(baseline: Mapping[str, float], current: Mapping[str, float]) -> Optional[Tuple[float, float]]:
    """Pearson's statistic and its p-value, the baseline taken as exact; None where fewer than two categories remain.

    Rows of categories that the baseline does not have are left out, as Deequ leaves them.
    """
    seen = {name: count for name, count in baseline.items() if count > 0}
    observed = {name: current.get(name, 0.0) for name in seen}
    rows, total = sum(observed.values()), sum(seen.values())
    expected = sorted((count / total * rows, name) for name, count in seen.items())
    while len(expected) >= 2 and _too_many_rare([count for count, _ in expected]):
        (rarest, name), (second, heir) = expected[:2]
        observed[heir] += observed.pop(name)
        expected = sorted([(rarest + second, heir), *expected[2:]])
    if len(expected) < 2 or rows <= 0:
        return None
    statistic = sum((observed[name] - count) ** 2 / count for count, name in expected)
    from scipy import special  # only here: most judgements by documents get along without

    return statistic, float(special.chdtrc(len(expected) - 1, statistic))


def _too_many_rare(expected: List[float]) -> bool:
    if len(expected) == 2:
        return min(expected) < RARE_OF_TWO
    return sum(count < RARE for count in expected) > int(RARE_SHARE * len(expected))


def _share_below(sample: Weighted, at: Array) -> Array:
    """Share of the sample that is at most each of `at`."""
    order = np.argsort(sample[0], kind="stable")
    total = np.concatenate([[0.0], np.cumsum(sample[1][order])])
    share: Array = total[np.searchsorted(sample[0][order], at, side="right")] / total[-1]
    return share


def _corrected(distance: float, n: float, m: float) -> float:
    return max(0.0, distance - CRITICAL * float(np.sqrt((n + m) / (n * m))))
