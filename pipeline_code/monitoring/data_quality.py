"""Data quality baselines: statistics.json and constraints.json.

Formats: developer guide, "Schema for Statistics (statistics.json file)" and "Schema for Constraints
(constraints.json file)".
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence

from monitoring.feature import FRACTIONAL, INTEGRAL, STRING, Feature
from monitoring.summary import Summary

__all__ = ["FRACTIONAL", "INTEGRAL", "STRING", "Feature", "constraints", "statistics"]

# Model Monitor's defaults: "Robust" subtracts what chance alone would give from the distance.
_COMPARISON = {
    "perform_comparison": "Enabled",
    "comparison_threshold": 0.1,
    "comparison_method": "Robust",
    "categorical_comparison_threshold": 0.1,
    "categorical_drift_method": "LInfinity",
}


def statistics(columns: Mapping[str, Sequence[Any]], features: Sequence[Feature]) -> Dict[str, Any]:
    """statistics.json of one sequence of values a feature; None and NaN are missing."""
    summary = Summary(features)
    summary.add(columns)
    return summary.statistics()


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
