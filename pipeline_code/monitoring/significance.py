"""Tests of a window against a baseline that is itself a finite sample, and the correction for several at once.

Exact tests are used wherever counts allow: normal approximations promise too much when events are few, which is when
an operator is woken for nothing.

Sources: Fisher's exact test and its stratified form (Agresti, Categorical Data Analysis, 3rd ed., 3.5 and 7.3.5);
Holm, "A simple sequentially rejective multiple test procedure" (Scandinavian Journal of Statistics 6, 1979).
"""

from __future__ import annotations

from typing import List, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

ALPHA = 0.01
"""Chance that a window is called significant though nothing changed; for all tests of one monitor together."""

_NEGLIGIBLE = 1e-18  # probability that is cut off either end of a distribution before distributions are added up

Array = NDArray[np.float64]


def holm(p_values: Sequence[float]) -> List[float]:
    """Adjusted p values in the given order: below alpha where Holm's procedure rejects at alpha."""
    count = len(p_values)
    adjusted, highest = [1.0] * count, 0.0
    for rank, index in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        highest = max(highest, min((count - rank) * p_values[index], 1.0))
        adjusted[index] = highest
    return adjusted


def told(p_value: float) -> str:
    """A p value as an operator reads it."""
    return f"p = {p_value:.4f}" if p_value >= 0.0001 else "p < 0.0001"


def lower_share(part: int, whole: int, base_part: int, base_whole: int) -> float:
    """P value of Fisher's exact test that `part` of `whole` is a smaller share than `base_part` of `base_whole`."""
    together = part + base_part
    least, most = _reach(together, whole, base_whole, 40)
    low, law = _hypergeometric(together, whole, base_whole, min(least, part), max(most, part))
    return min(float(law[: part - low + 1].sum()), 1.0)


def higher_share(part: int, whole: int, base_part: int, base_whole: int) -> float:
    """P value of Fisher's exact test that `part` of `whole` is a larger share than `base_part` of `base_whole`."""
    return lower_share(whole - part, whole, base_whole - base_part, base_whole)


def stratified_shares(
    parts: Sequence[int], wholes: Sequence[int], base_parts: Sequence[int], base_wholes: Sequence[int]
) -> Tuple[float, float]:
    """P values that the shares are (higher, lower) than the baseline's, each stratum compared with its own.

    Exact: given the events of both sides together in every stratum, those of the window are a sum of independent
    hypergeometric numbers, if the odds are the same on both sides. One stratum gives Fisher's exact test.
    """
    offset, mass = 0, np.ones(1)
    for part, whole, base_part, base_whole in zip(parts, wholes, base_parts, base_wholes):
        first, one = _events(part + base_part, whole, base_whole)
        offset, mass = offset + first, np.convolve(mass, one)
    reached = min(max(sum(parts) - offset, 0), len(mass) - 1)
    return min(float(mass[reached:].sum()), 1.0), min(float(mass[: reached + 1].sum()), 1.0)


def lower_mean(value: float, error: float, base_value: float, base_error: float, freedom: float) -> float:
    """P value that an estimate is lower than the baseline's; errors are standard errors.

    Student's t with `freedom` degrees is wider than the normal distribution, as errors estimated from few rows ask
    for. Two estimates without any spread are not evidence: 1.
    """
    spread = float(np.hypot(error, base_error))
    if spread <= 0 or freedom < 1:
        return 1.0
    return float(special.stdtr(freedom, (value - base_value) / spread))


def _events(together: int, whole: int, base_whole: int) -> Tuple[int, Array]:
    """Lowest number worth counting, and the probabilities from it on, of the window's events of all `together`."""
    low, mass = _hypergeometric(together, whole, base_whole, *_reach(together, whole, base_whole, 12))
    return low, np.where(mass > _NEGLIGIBLE, mass, 0.0)


def _reach(together: int, whole: int, base_whole: int, errors: int) -> Tuple[int, int]:
    """So many standard errors, and a few numbers more, on either side of those of the window's events to expect."""
    share = whole / max(whole + base_whole, 1)
    middle, reach = together * share, errors * (together * share * (1 - share)) ** 0.5 + 60
    return int(middle - reach), int(middle + reach) + 1


def _hypergeometric(together: int, whole: int, base_whole: int, least: int, most: int) -> Tuple[int, Array]:
    """Lowest possible number of `together` events that fall on `whole` of all rows, and the probabilities from it on.

    Every probability is a known multiple of its neighbour's, so that products from the likeliest number outwards,
    which are divided by their sum, lose no digits however many rows there are. What lies below `least` or above
    `most` is taken to be impossible.
    """
    low = max(0, together - base_whole, least)
    high = min(together, whole, most)
    number = np.arange(low, high, dtype=np.float64)
    up = (together - number) * (whole - number) / ((number + 1) * (base_whole - together + number + 1))
    likeliest = (together + 1) * (whole + 1) // (whole + base_whole + 2)
    place = min(max(likeliest, low), high) - low
    above, below = np.cumprod(up[place:]), np.cumprod(1 / up[:place][::-1])[::-1]
    mass: Array = np.concatenate([below, [1.0], above])
    return low, mass / mass.sum()
