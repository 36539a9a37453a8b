"""Model Monitor's data quality checks: statistics.json of a window against constraints.json and the baseline.

Source: developer guide, "Schema for Constraints" and "Schema for Violations". Where the guide says little, real runs
decide (the tests name them): a type matches strictly, so that whole numbers are no "Fractional", and columns are
compared as a whole. Thresholds are the ones that the constraints give; the defaults are those that Model Monitor
writes into the constraints that it suggests.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from monitoring import document_distances as distances
from monitoring.documents_read import (
    COMPLETENESS,
    DATA_TYPE,
    DOMAIN,
    DRIFT,
    EXTRA_COLUMN,
    MISSING_COLUMN,
    features,
    items,
    member,
    number,
)

DISABLED, NOT_COMPARABLE = "evaluation disabled", "not comparable"
"""Why a feature's rules, or its distribution, are not judged: somebody wanted it so; there is nothing to compare."""

_OVERRIDES = ("monitoring_config_overrides", "monitoringConfigOverrides")
_KINDS = ("numerical", "string")
_TOLERANCE = 1e-9
_TYPE_PATTERNS = {"Integral": re.compile(r"[-+]? ?\d+\Z"), "Fractional": re.compile(r"[-+]? ?\d*\.\d*\Z")}
"""Of texts, as Deequ tells the types of columns apart."""


@dataclass(frozen=True)
class Breach:
    """A constraint that is not met: what was found, and the bound that it crosses."""

    feature: str
    check: str
    value: float
    threshold: float
    description: str

    def document(self) -> Dict[str, Any]:
        """As an entry of constraint_violations.json."""
        return {
            "feature_name": self.feature,
            "constraint_check_type": self.check,
            "description": self.description,
        }


@dataclass(frozen=True)
class Settings:
    """monitoring_config as it holds for one feature."""

    evaluate: bool
    matching_type: float
    """Share of the values that must be of the constraint's type."""
    known_values: float
    """Share of the values that must be of the constraint's domain."""
    compare: bool
    distance: float
    categorical_distance: float
    robust: bool
    chi_squared: bool

    @classmethod
    def of(cls, config: Mapping[str, Any], feature: Mapping[str, Any]) -> Settings:
        """The document's settings with the feature's own over them; names of older documents count too."""
        said = _flat(config)
        for place in (feature, member(feature, "string_constraints"), member(feature, "num_constraints")):
            for name in _OVERRIDES:  # the SDK wrote them into string_constraints until 2022
                said.update(_flat(member(place, name)))
        distance = _bound(said, 0.1, "comparison_threshold")
        return cls(
            evaluate=_switch(said, "evaluate_constraints"),
            matching_type=_bound(said, 1.0, "datatype_check_threshold"),
            known_values=_bound(said, 1.0, "domain_content_threshold", "min_domain_mass"),
            compare=_switch(said, "perform_comparison", "enable_comparisons"),
            distance=distance,
            categorical_distance=_bound(said, distance, "categorical_comparison_threshold"),
            robust="simple" not in str(said.get("comparison_method")).lower(),
            chi_squared="chi" in str(said.get("categorical_drift_method")).lower(),
        )


def breaches(
    constraints: Mapping[str, Any],
    statistics: Mapping[str, Any],
    baseline: Optional[Mapping[str, Any]],
    skipped: Counter[str],
) -> List[Breach]:
    """Every constraint that is not met, columns first, then feature by feature in the constraints' order.

    skipped: counts what could not be judged, by its reason. An empty window meets every constraint.
    """
    config = member(constraints, "monitoring_config")
    expected, observed = features(constraints), features(statistics)
    known = features(baseline or {})
    if _is_empty(statistics, observed):
        skipped["empty window"] += 1
        return []
    found = list(_columns(config, expected, observed))
    for name, constraint in expected.items():
        settings = Settings.of(config, constraint)
        if not settings.evaluate:
            skipped[DISABLED] += 1
        elif name in observed:
            found += _type(name, constraint, observed[name], settings, skipped)
            found += _completeness(name, constraint, observed[name], skipped)
            found += _domain(name, constraint, observed[name], settings, skipped)
            if settings.compare:
                found += _drift(name, known.get(name), observed[name], settings, skipped)
    return found


def _columns(
    config: Mapping[str, Any], expected: Mapping[str, Mapping[str, Any]], observed: Mapping[str, Any]
) -> Iterator[Breach]:
    """Model Monitor reports all missing columns as one violation, and all that are too many as another."""
    if not expected or not Settings.of(config, {}).evaluate:
        return
    missing = [name for name in expected if name not in observed and Settings.of(config, expected[name]).evaluate]
    extra = [name for name in observed if name not in expected]
    for check, kind, names in ((MISSING_COLUMN, "missing", missing), (EXTRA_COLUMN, "extra", extra)):
        if names:
            text = (
                f"There are {kind} columns in current dataset. Number of columns in current dataset: {len(observed)}, "
                f"Number of columns in baseline constraints: {len(expected)}. The {kind} ones: {', '.join(names)}"
            )
            yield Breach(f"{kind.capitalize()} columns", check, len(observed), len(expected), text)


def _type(
    name: str, constraint: Mapping[str, Any], feature: Mapping[str, Any], settings: Settings, skipped: Counter[str]
) -> Iterator[Breach]:
    expected = _type_name(constraint.get("inferred_type"))
    share = _share_of_type(expected, feature)
    if share is None:
        skipped["type unknown"] += 1
    elif share < settings.matching_type - _TOLERANCE:
        text = (
            f"Data type match requirement is not met. Expected data type: {expected}, "
            f"Expected match: {settings.matching_type * 100}%. Observed: Only {share * 100}% of data is {expected}."
        )
        yield Breach(name, DATA_TYPE, share, settings.matching_type, text)


def _completeness(
    name: str, constraint: Mapping[str, Any], feature: Mapping[str, Any], skipped: Counter[str]
) -> Iterator[Breach]:
    least, rows = number(constraint.get("completeness")), _rows(feature)
    if least is None or rows is None:
        skipped["completeness unknown"] += 1
    elif rows[0] / sum(rows) < least - _TOLERANCE:
        yield _unmet(name, COMPLETENESS, rows[0] / sum(rows), least)


def _domain(
    name: str, constraint: Mapping[str, Any], feature: Mapping[str, Any], settings: Settings, skipped: Counter[str]
) -> Iterator[Breach]:
    """A missing value is no unknown one: that is for the completeness to say (as in Deequ's isContainedIn)."""
    domain = {distances.text_of(value) for value in items(member(constraint, "string_constraints").get("domains"))}
    if not domain or _type_name(feature.get("inferred_type")) != "String":
        return
    rows, counts = _rows(feature), distances.categories_of(feature)
    if rows is None or (counts is None and rows[0]):
        skipped["distribution unknown"] += 1
        return
    share = (rows[1] + sum(count for value, count in (counts or {}).items() if value in domain)) / sum(rows)
    if share < settings.known_values - _TOLERANCE:
        yield _unmet(name, DOMAIN, share, settings.known_values)


def _drift(
    name: str,
    baseline: Optional[Mapping[str, Any]],
    feature: Mapping[str, Any],
    settings: Settings,
    skipped: Counter[str],
) -> Iterator[Breach]:
    found = None if baseline is None else _distance(baseline, feature, settings)
    if found is None:
        skipped[NOT_COMPARABLE] += 1
        return
    measure, value, limit, is_far = found
    if is_far:
        yield Breach(name, DRIFT, value, limit, f"Baseline drift {measure}: {value} exceeds threshold: {limit}")


def _distance(
    baseline: Mapping[str, Any], feature: Mapping[str, Any], settings: Settings
) -> Optional[Tuple[str, float, float, bool]]:
    """What is measured, its value, its bound, and whether it is beyond; None without a distribution on both sides."""
    numbers = distances.sketch_of(baseline), distances.sketch_of(feature)
    if numbers[0] is not None and numbers[1] is not None:
        value = distances.numeric(numbers[0], numbers[1], settings.robust)
        return "distance", value, settings.distance, value > settings.distance
    counts = distances.categories_of(baseline), distances.categories_of(feature)
    if counts[0] is None or counts[1] is None:
        return None
    limit = settings.categorical_distance
    if settings.chi_squared:
        tested = distances.chi_squared(counts[0], counts[1])
        if tested is None:
            return None
        # Deequ's flag for few samples selects the statistic or, corrected, the p-value: near 0 is far away.
        statistic, p_value = tested
        if settings.robust:
            return "p-value", p_value, limit, p_value < limit
        return "distance", statistic, limit, statistic > limit
    value = distances.categorical(counts[0], counts[1], settings.robust)
    return "distance", value, limit, value > limit


def _share_of_type(expected: str, feature: Mapping[str, Any]) -> Optional[float]:
    """Share of the present values that are of the type; None where either type is unknown or nothing is present.

    A column has the widest type of its values. How many of them are narrower is counted from its distribution; our
    own statistics, whose features have the types they were declared with, count those of another type themselves.
    """
    observed, rows = _type_name(feature.get("inferred_type")), _rows(feature)
    if "Unknown" in (expected, observed) or (rows is not None and not rows[0]):
        return None
    if expected == observed:
        return 1.0 if rows is None else 1 - _wrong(feature) / rows[0]
    if (expected, observed) == ("Integral", "Fractional"):
        sketch = distances.sketch_of(feature)
        if sketch is None:
            return 0.0
        share = float(sketch[1][sketch[0] == sketch[0].round()].sum() / sketch[1].sum())
        return share if share < 1 else 0.0  # whole numbers that are all Fractional were written with a point
    pattern, counts = _TYPE_PATTERNS.get(expected), distances.categories_of(feature)
    if observed != "String" or pattern is None or counts is None:
        return 0.0
    return sum(count for value, count in counts.items() if pattern.match(value)) / sum(counts.values())


def _type_name(value: Any) -> str:
    """Documents know no other types; some tools write Boolean, whose values are categories."""
    if value == "Boolean":
        return "String"
    return value if value in ("Integral", "Fractional", "String") else "Unknown"


def _rows(feature: Mapping[str, Any]) -> Optional[Tuple[float, float]]:
    """Rows where the value is present, and where it is missing; None where that is not said, or of no row."""
    for kind in _KINDS:
        common = member(feature, f"{kind}_statistics", "common")
        present, missing = number(common.get("num_present")), number(common.get("num_missing"))
        if present is not None:
            rows = present, missing or 0.0
            return rows if sum(rows) > 0 else None
    return None


def _wrong(feature: Mapping[str, Any]) -> float:
    counts = (number(member(feature, f"{kind}_statistics", "common").get("num_wrong_type")) for kind in _KINDS)
    return next((count for count in counts if count is not None), 0.0)


def _is_empty(statistics: Mapping[str, Any], observed: Mapping[str, Any]) -> bool:
    said = number(member(statistics, "dataset").get("item_count"))
    return said == 0 or (said is None and not any(_rows(each) for each in observed.values()))


def _unmet(name: str, check: str, value: float, least: float) -> Breach:
    text = f"Value: {value} does not meet the constraint requirement! Expected at least {least}."
    return Breach(name, check, value, least, text)


def _flat(config: Mapping[str, Any]) -> Dict[str, Any]:
    """Settings by name; those of distribution_constraints stand beside the others in some documents."""
    inner = member(config, "distribution_constraints")
    return {name: value for name, value in {**config, **inner}.items() if value is not None}


def _switch(said: Mapping[str, Any], *names: str) -> bool:
    """The first of these that is said; on, unless it is said to be off."""
    value = next((said[name] for name in names if name in said), True)
    return str(value).lower() not in ("disabled", "false", "0", "no")


def _bound(said: Mapping[str, Any], default: float, *names: str) -> float:
    return next((bound for bound in (number(said.get(name)) for name in names) if bound is not None), default)
