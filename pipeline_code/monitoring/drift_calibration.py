"""How much windows of the baseline differ from one another: what a window has to exceed to have drifted.

Real windows differ by more than chance (seasons, campaigns, weekdays), so that a test alone finds every one of them
different. Each window of the baseline is held back in turn and compared with the rest. What its squared distances
exceed chance by, on average, is natural variation, in the unit of chance, 1/rows: a feature whose windows vary by
0.002 is as unsteady as samples of 500 rows. (An additive random effect, as Spiegelhalter has it for over-dispersed
performance indicators, Statistics in Medicine 24, 2005.) A feature whose windows differ by no more than chance has
none, and there the test alone decides.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from statistics import NormalDist, mean, variance
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

import numpy as np
from scipy import special

from monitoring.drift_distances import CATEGORIES, LOCATION, SHAPE, Distance, distances
from monitoring.summary import Summary

FEWEST_WINDOWS = 5
LEVELS = {"feature": 0.0075, "share": 0.0015, "joint": 0.001}
"""How often chance may make a window breach, by what it breaches: any feature's values, any share of missing, mistyped
or unknown values, all features together. Real windows have their odd ones beyond chance, so little is left to it."""

PARTS = {LOCATION: 0.75, SHAPE: 0.25, CATEGORIES: 1.0}
"""How a feature's level is shared between its measures: a shift is the most frequent, a mere change of shape rare."""

MOST_ROWS = 10_000
"""A window with more rows is judged as if it had so many: with millions of rows every difference is significant."""

VARIES = 0.01
"""Natural variation of a measure counts where windows differ by more than they would with this probability; but none
does unless one differs by more than any of all measures would. One that varies makes it likely that others do."""

Measured = Mapping[str, Mapping[str, Distance]]
"""Distances of one window by feature and measure."""


@dataclass(frozen=True)
class Natural:
    """Natural variation of one measure of one feature, and the freedom of the chi-square that it is like."""

    variation: float
    freedom: float


@dataclass(frozen=True)
class Calibration:
    """rows: of each baseline window. natural: by feature and measure. most_unusual: of the windows held back."""

    rows: Sequence[int]
    natural: Mapping[str, Mapping[str, Natural]]
    most_unusual: float

    @property
    def windows(self) -> int:
        return len(self.rows)

    def document(self) -> Dict[str, Any]:
        natural = {name: {key: asdict(each) for key, each in by.items()} for name, by in self.natural.items()}
        return {"version": 1, "rows": list(self.rows), "natural": natural, "most_unusual": self.most_unusual}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Calibration:
        """Raises KeyError or TypeError for what `document` did not write."""
        natural = {name: {key: Natural(**each) for key, each in by.items()} for name, by in document["natural"].items()}
        return cls(tuple(document["rows"]), natural, float(document["most_unusual"]))

    def limit(self, feature: str, distance: Distance, level: float) -> float:
        """The square beyond which a distance is large: a new window of the baseline's world exceeds it with
        probability `level`."""
        chance = max(distance.chance, 1 / MOST_ROWS)
        by_chance = distance.critical(level, chance)
        natural = self.natural.get(feature, {}).get(distance.measure)
        if natural is None or not natural.variation:
            return by_chance
        spread = natural.freedom * (self.windows - 1)  # the variation is itself an estimate
        natural_limit = special.fdtri(natural.freedom, spread, 1 - level) * (chance + natural.variation)
        return max(by_chance, float(natural_limit))

    def unusual(self, measured: Measured) -> Dict[str, float]:
        """By feature, its distances in units of what is natural: about 0.9 in a window of the baseline's world.

        Roots, not squares, so that one feature alone, which is judged by itself, cannot make a window unusual.
        """
        return {
            feature: mean(self._units(feature, distance) for distance in distributions)
            for feature, distributions in _distributions(measured).items()
        }

    def _units(self, feature: str, distance: Distance) -> float:
        natural = self.natural.get(feature, {}).get(distance.measure)
        variation = natural.variation if natural else 0.0
        return float(np.sqrt(distance.square / (max(distance.chance, 1 / MOST_ROWS) + variation)))


def by_chance(measured: Measured) -> NormalDist:
    """Mean of `unusual` over the features, if nothing but chance moves them, and each by itself."""
    roots = [[each.root for each in distances] for distances in _distributions(measured).values()]
    # The measures of one feature are taken as wholly correlated, which is on the safe side.
    variance_of_sum = sum(mean(root.stdev for root in each) ** 2 for each in roots)
    return NormalDist(mean(mean(root.mean for root in each) for each in roots), variance_of_sum**0.5 / len(roots))


def _distributions(measured: Measured) -> Dict[str, List[Distance]]:
    """Distances of the features' values, without the shares of missing ones and the like."""
    found = {
        feature: [by_measure[key] for key in (SHAPE, LOCATION, CATEGORIES) if key in by_measure]
        for feature, by_measure in measured.items()
    }
    return {feature: distances for feature, distances in found.items() if distances}


def measure(baseline: Summary, current: Summary) -> Dict[str, Dict[str, Distance]]:
    """Distances by feature and measure; none of a feature whose column the window, or the baseline, lacks."""
    return {
        name: distances(column, current.columns[name])
        for name, column in baseline.columns.items()
        if not column.is_absent and not current.columns[name].is_absent
    }


def calibrate(windows: Sequence[Summary]) -> Calibration:
    """Hold each window back in turn. Raises ValueError for fewer than FEWEST_WINDOWS windows that have rows."""
    filled = [window for window in windows if window.rows]
    if len(filled) < FEWEST_WINDOWS:
        raise ValueError(f"{len(filled)} baseline windows with rows; calibration needs at least {FEWEST_WINDOWS}")
    held_back = list(map(measure, _rests(filled), filled))
    natural = _natural_by_measure(held_back)
    calibration = Calibration(tuple(window.rows for window in filled), natural, 0.0)
    unusual = [calibration.unusual(each).values() for each in held_back]
    return replace(calibration, most_unusual=max((mean(each) for each in unusual if each), default=0.0))


def _rests(windows: Sequence[Summary]) -> Iterator[Summary]:
    """For each window the summary of all others, one at a time: in use, each takes memory of its own."""
    features = windows[0].features
    before, after = [Summary(features)], [Summary(features)]
    for window in windows[:-1]:
        before.append(Summary.merged([before[-1], window], features))
    for window in reversed(windows[1:]):
        after.append(Summary.merged([after[-1], window], features))
    for early, late in zip(before, reversed(after)):  # as long as each other
        yield Summary.merged([early, late], features)


def _natural_by_measure(held_back: Sequence[Measured]) -> Dict[str, Dict[str, Natural]]:
    found: Dict[Tuple[str, str], List[Distance]] = {}
    for measured in held_back:
        for feature, by_measure in measured.items():
            for key, distance in by_measure.items():
                found.setdefault((feature, key), []).append(distance)
    steady = {each: _steady(held_out) for each, held_out in found.items()}
    some_vary = min(steady.values(), default=1.0) < VARIES / max(len(steady), 1)
    natural: Dict[str, Dict[str, Natural]] = {}
    for (feature, key), held_out in found.items():
        varies = some_vary and steady[feature, key] < VARIES and len(held_out) >= FEWEST_WINDOWS
        freedom = mean(each.freedom for each in held_out)
        natural.setdefault(feature, {})[key] = _natural(held_out, freedom) if varies else Natural(0.0, freedom)
    return natural


def _steady(held_back: Sequence[Distance]) -> float:
    """How often chance alone makes windows differ as much (Cochran's Q)."""
    total = sum(each.square / each.chance * each.freedom for each in held_back)
    return float(special.chdtrc(sum(each.freedom for each in held_back), total))


def _natural(held_back: Sequence[Distance], freedom: float) -> Natural:
    variation = max(0.0, mean(each.square - each.chance for each in held_back))
    ratios = [each.square / (each.chance + variation) for each in held_back]
    # Where a few windows carry most of the variation, its chi-square has less freedom (Satterthwaite).
    observed = 2 * mean(ratios) ** 2 / max(variance(ratios), 1e-12)
    return Natural(variation, float(np.clip(observed, 1.0, freedom)))
