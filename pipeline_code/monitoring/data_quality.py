"""Data quality baselines: statistics.json and constraints.json.

Formats: developer guide, "Schema for Statistics (statistics.json file)" and "Schema for Constraints
(constraints.json file)".
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from monitoring.sketch import sketch

FRACTIONAL, INTEGRAL, STRING = "Fractional", "Integral", "String"
BUCKETS = 10

# Model Monitor's defaults: "Robust" subtracts what chance alone would give from the distance.
_COMPARISON = {
    "perform_comparison": "Enabled",
    "comparison_threshold": 0.1,
    "comparison_method": "Robust",
    "categorical_comparison_threshold": 0.1,
    "categorical_drift_method": "LInfinity",
}


@dataclass(frozen=True)
class Feature:
    """What is expected of a feature; coded categories are of type String, since arithmetic on codes means nothing."""

    name: str
    inferred_type: str
    completeness: float = 1.0
    non_negative: bool = False
    domain: Tuple[str, ...] = ()


def statistics(columns: Mapping[str, Sequence[Any]], features: Sequence[Feature]) -> Dict[str, Any]:
    """statistics.json of one sequence of values a feature; None and NaN are missing. Needs at least one row."""
    rows = len(columns[features[0].name])
    described = [_describe(feature, columns[feature.name]) for feature in features]
    return {"version": 0.0, "dataset": {"item_count": rows}, "features": described}


def constraints(features: Sequence[Feature]) -> Dict[str, Any]:
    """constraints.json: what the features' declarations promise."""
    return {
        "version": 0.0,
        "features": [_constrain(feature) for feature in features],
        "monitoring_config": {
            "evaluate_constraints": "Enabled",
            "emit_metrics": "Enabled",
            "datatype_check_threshold": 1.0,
            "domain_content_threshold": 1.0,
            "distribution_constraints": dict(_COMPARISON),
        },
    }


def _describe(feature: Feature, values: Sequence[Any]) -> Dict[str, Any]:
    present = [value for value in values if value is not None and value == value]
    common = {"num_present": len(present), "num_missing": len(values) - len(present)}
    if feature.inferred_type == STRING:
        details = {"string_statistics": {"common": common, **_categories(present)}}
    else:
        details = {"numerical_statistics": {"common": common, **_numbers(present)}}
    return {"name": feature.name, "inferred_type": feature.inferred_type, **details}


def _categories(present: List[Any]) -> Dict[str, Any]:
    counts = sorted(Counter(map(str, present)).items(), key=lambda item: (-item[1], item[0]))
    buckets = [{"value": value, "count": count} for value, count in counts]
    return {"distinct_count": float(len(buckets)), "distribution": {"categorical": {"buckets": buckets}}}


def _numbers(present: List[Any]) -> Dict[str, Any]:
    ordered = np.sort(np.asarray(present, dtype=np.float64))
    if not len(ordered):
        return {}
    counts, edges = np.histogram(ordered, BUCKETS)
    buckets = [
        {"lower_bound": float(edges[i]), "upper_bound": float(edges[i + 1]), "count": float(count)}
        for i, count in enumerate(counts)
    ]
    return {
        "mean": float(ordered.mean()),
        "sum": float(ordered.sum()),
        "std_dev": float(ordered.std()),
        "min": float(ordered[0]),
        "max": float(ordered[-1]),
        "distribution": {"kll": {"buckets": buckets, "sketch": sketch(ordered)}},
    }


def _constrain(feature: Feature) -> Dict[str, Any]:
    constraint: Dict[str, Any] = {
        "name": feature.name,
        "inferred_type": feature.inferred_type,
        "completeness": feature.completeness,
    }
    if feature.domain:
        constraint["string_constraints"] = {"domains": list(feature.domain)}
    if feature.inferred_type != STRING:
        constraint["num_constraints"] = {"is_non_negative": feature.non_negative}
    return constraint
