"""Figures in the documents of SageMaker's monitors and of Clarify, as the registry names them. Pure.

Formats: SageMaker developer guide, "Model quality metrics" and "Clarify analysis results".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from state import Json

PLACES: Mapping[str, str] = {"Bias": "bias", "Explainability": "explanations"}
"""What the manifest calls the sections of `ModelMetrics`."""


def quality(statistics: Any) -> dict[str, float]:
    """Single figures of a statistics.json of model quality by their names; tables and curves are left in it."""
    found = {}
    for section, metrics in _members(statistics):
        if not section.endswith("_metrics"):
            continue
        for name, metric in _members(metrics):
            if (value := _number(dict(_members(metric)).get("value"))) is not None:
                found[name] = value
    return found


def bias(analysis: Any) -> Json:
    """The facets of a bias report, and the metrics of each of their values under Clarify's names."""
    metrics: dict[str, dict[str, dict[str, float]]] = {}
    for section in ("pre_training_bias_metrics", "post_training_bias_metrics"):
        for facet, groups in _members(_within(analysis, section, "facets")):
            for group in groups if isinstance(groups, list) else []:
                value = str(group.get("value_or_threshold", ""))
                for metric in group.get("metrics", []):
                    if (number := _number(metric.get("value"))) is not None:
                        metrics.setdefault(facet, {}).setdefault(value, {})[str(metric["name"])] = number
    return {"facets": sorted(metrics), "metrics": metrics}


def shares(analysis: Any) -> Json:
    """Each feature's share of the mean absolute SHAP values, of all labels together; they add up to 1."""
    sums: dict[str, float] = {}
    for _, label in _members(_within(analysis, "explanations", "kernel_shap")):
        for feature, value in _members(_within(label, "global_shap_values")):
            number = _number(value)
            sums[feature] = sums.get(feature, 0.0) + abs(number or 0.0)
    total = sum(sums.values())
    return {"shares": {feature: round(value / total, 6) for feature, value in sums.items()} if total else {}}


def _within(document: Any, *names: str) -> Any:
    for name in names:
        document = document.get(name, {}) if isinstance(document, Mapping) else {}
    return document


def _members(document: Any) -> Iterator[tuple[str, Any]]:
    yield from document.items() if isinstance(document, Mapping) else ()


def _number(value: Any) -> float | None:
    """A finite number; Clarify writes infinities and texts where there is none."""
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if real and isfinite(value) else None
