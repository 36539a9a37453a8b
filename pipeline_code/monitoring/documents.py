"""Monitoring documents judged as Model Monitor and Clarify judge them, and our own findings in their formats.

The SDK, EventBridge rules and tools of others that read constraint_violations.json go on working. Our own monitors
decide otherwise, with significance and effect size (drift.py and others); these rules say what AWS would have said.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from monitoring import constraint_checks
from monitoring.attribution import ndcg
from monitoring.documents_read import (
    ATTRIBUTION_DRIFT,
    BIAS_DRIFT,
    Document,
    Violation,
    items,
    member,
    number,
    read_constraints,
    read_statistics,
    read_violations,
)
from monitoring.findings import ATTRIBUTION, BIAS, CALIBRATION, MODEL_QUALITY, Finding

__all__ = [
    "Document",
    "Violation",
    "attribution_violations",
    "bias_violations",
    "from_findings",
    "model_quality_violations",
    "read_constraints",
    "read_statistics",
    "read_violations",
    "violations",
    "violations_document",
]

LEAST_NDCG = 0.9
"""Below it Clarify reports feature attribution drift; lower is worse."""

CLARIFY_VERSION = "1.0"

_PROBLEMS = ("binary_classification", "multiclass_classification", "regression")
_BEYOND: Dict[str, Callable[[float, float], bool]] = {
    "LessThanThreshold": float.__lt__,
    "LessThanOrEqualToThreshold": float.__le__,
    "GreaterThanThreshold": float.__gt__,
    "GreaterThanOrEqualToThreshold": float.__ge__,
}
_BALANCED = {"DI": 1.0}
"""Value of a metric where both groups fare alike; 0 for all but the ratio."""


def violations(
    constraints: Mapping[str, Any],
    statistics: Mapping[str, Any],
    baseline: Optional[Mapping[str, Any]] = None,
    skipped: Optional[Counter[str]] = None,
) -> List[Dict[str, Any]]:
    """Data quality: the entries of constraint_violations.json for a window's statistics.

    baseline: the statistics.json of the constraints; None leaves the distributions uncompared. skipped: counts what
    could not be judged, by its reason.
    """
    found = constraint_checks.breaches(constraints, statistics, baseline, Counter() if skipped is None else skipped)
    return [each.document() for each in found]


def model_quality_violations(
    constraints: Mapping[str, Any], statistics: Mapping[str, Any], skipped: Optional[Counter[str]] = None
) -> List[Dict[str, Any]]:
    """Model quality: the metrics that are on the wrong side of their threshold; check type is the operator."""
    skipped = Counter() if skipped is None else skipped
    found = []
    for problem in _PROBLEMS:
        metrics = member(statistics, f"{problem}_metrics")
        for name in member(constraints, f"{problem}_constraints"):
            limit, metric = member(constraints, f"{problem}_constraints", name), member(metrics, name)
            operator = str(limit.get("comparison_operator"))
            threshold, value = number(limit.get("threshold")), number(metric.get("value"))
            if operator not in _BEYOND or threshold is None or value is None:
                skipped[f"metric {name}"] += 1
            elif _BEYOND[operator](value, threshold):
                spread = number(metric.get("standard_deviation"))
                margin = "" if spread is None else f" +/- {spread}"
                text = f"Metric {name} with {value}{margin} was {operator} '{threshold}'"
                found.append({"constraint_check_type": operator, "description": text, "metric_name": name})
    return found


def bias_violations(
    constraints: Mapping[str, Any], analysis: Mapping[str, Any], skipped: Optional[Counter[str]] = None
) -> List[Dict[str, Any]]:
    """Bias drift: the metrics that are further from balance than in the baseline (both in Clarify's analysis.json)."""
    skipped = Counter() if skipped is None else skipped
    current = dict(_bias_metrics(analysis))
    found = []
    for key, known in _bias_metrics(constraints):
        _, facet, facet_value, name = key
        value, balanced = current.get(key), _BALANCED.get(name, 0.0)
        if known is None or value is None:
            skipped[f"metric {name}"] += 1
        elif abs(value - balanced) > abs(known - balanced):
            text = f"Value {value} does not meet the constraint requirement {known}"
            found.append(_bias_entry(facet, facet_value, name, BIAS_DRIFT, text))
    return found


def attribution_violations(
    constraints: Mapping[str, Any],
    analysis: Mapping[str, Any],
    least: float = LEAST_NDCG,
    skipped: Optional[Counter[str]] = None,
) -> List[Dict[str, Any]]:
    """Feature attribution drift: labels whose global SHAP values rank features otherwise than the baseline's."""
    skipped = Counter() if skipped is None else skipped
    found = []
    for method, labels in member(constraints, "explanations").items():
        for label in member(labels):
            shap = [
                _shap_values(member(document, "explanations", method, label)) for document in (constraints, analysis)
            ]
            if not all(shap):
                skipped[f"label {label}"] += 1
                continue
            value = ndcg(shap[0], shap[1])
            if value < least:
                text = f"Feature attribution drift {value} exceeds threshold {least}"
                found.append(_attribution_entry(label, "shap", ATTRIBUTION_DRIFT, text))
    return found


def violations_document(entries: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    """constraint_violations.json; Clarify's say their version, Model Monitor's do not."""
    found = [dict(each) for each in entries]
    is_clarify = any("facet" in each or "label" in each for each in found)
    return {"version": CLARIFY_VERSION, "violations": found} if is_clarify else {"violations": found}


def from_findings(findings: Iterable[Finding]) -> Dict[str, Any]:
    """constraint_violations.json of the findings that breach."""
    return violations_document([_entry(each) for each in findings if each.breaches])


def _entry(finding: Finding) -> Dict[str, Any]:
    if finding.monitor == BIAS:
        metric, _, facet = finding.subject.partition(" ")
        name, _, value = facet.partition("=")
        return _bias_entry(name, value, metric, finding.check, finding.text)
    if finding.monitor == ATTRIBUTION:
        return _attribution_entry(finding.subject, "shap", finding.check, finding.text)
    name = "metric_name" if finding.monitor in (MODEL_QUALITY, CALIBRATION) else "feature_name"
    return {name: finding.subject, "constraint_check_type": finding.check, "description": finding.text}


def _bias_metrics(analysis: Mapping[str, Any]) -> Iterator[Tuple[Tuple[str, str, str, str], Optional[float]]]:
    """Section, facet, its value and metric, with what the metric is; None where Clarify could not compute it."""
    for section in ("pre_training_bias_metrics", "post_training_bias_metrics"):
        for facet, groups in member(analysis, section, "facets").items():
            for group in items(groups):
                value = str(member(group).get("value_or_threshold"))
                for metric in items(member(group).get("metrics")):
                    name = str(member(metric).get("name"))
                    yield (section, facet, value, name), number(member(metric).get("value"))


def _bias_entry(facet: str, facet_value: str, metric: str, check: str, text: str) -> Dict[str, Any]:
    named = {"facet": facet, "facet_value": facet_value, "metric_name": metric}
    return {**named, "constraint_check_type": check, "description": text}


def _attribution_entry(label: str, metric: str, check: str, text: str) -> Dict[str, Any]:
    return {"label": label, "metric_name": metric, "constraint_check_type": check, "description": text}


def _shap_values(explanation: Mapping[str, Any]) -> Dict[str, float]:
    found = {name: number(value) for name, value in member(explanation, "global_shap_values").items()}
    return {name: value for name, value in found.items() if value is not None}
