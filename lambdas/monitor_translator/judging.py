"""What Model Monitor's documents say of a window, as judgements of the project's monitors. Pure.

Formats: SageMaker developer guide, "Schema for Violations", and Clarify's bias and attribution drift violations.
A violation is known by its constraint_check_type and never by its text, of which there are several forms, or none.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from executions import COMPLETED, VIOLATED, Execution, Window

JUDGED, TOO_FEW, EMPTY, FAILED, NO_BASELINE = "judged", "too_few", "empty", "failed", "no baseline"
VIOLATIONS, STATISTICS = "constraint_violations.json", "statistics.json"

_QUALITY = (
    *("data_type_check", "completeness_check", "missing_column_check"),
    *("extra_column_check", "categorical_values_check"),
)
_OPERATORS = (
    *("LessThanThreshold", "LessThanOrEqualToThreshold"),
    *("GreaterThanThreshold", "GreaterThanOrEqualToThreshold"),
)
CHECKS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "DataQuality": {"data_quality": _QUALITY, "data_drift": ("baseline_drift_check",)},
    "ModelQuality": {"model_quality": _OPERATORS},
    "ModelBias": {"bias": ("bias_drift_check",)},
    "ModelExplainability": {"attribution": ("feature_attribution_drift_check",)},
}
"""Check types by the project's monitors, by monitoring type. A model quality violation has its operator as type."""

MONITORS = ("data_quality", "data_drift", "attribution", "model_quality", "calibration", "bias")
"""As in pipeline_code/monitoring/findings.py; nothing here says anything of calibration."""


@dataclass(frozen=True)
class Judgement:
    """As pipeline_code/monitoring/findings.py has it; `rows` is 0 where the documents do not say."""

    monitor: str
    window: Window
    status: str
    rows: int = 0
    findings: tuple[Mapping[str, Any], ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def breached(self) -> bool:
        return self.status == JUDGED and bool(self.findings)

    def document(self) -> dict[str, Any]:
        return {
            "monitor": self.monitor,
            "window": str(self.window),
            "status": self.status,
            "rows": self.rows,
            "findings": [dict(each) for each in self.findings],
            "breached": self.breached,
            "metrics": dict(self.metrics),
        }


@dataclass(frozen=True)
class Documents:
    """What an execution left: the texts of its documents, None where one is not there."""

    violations: bytes | None = None
    statistics: bytes | None = None


def judge(
    execution: Execution, window: Window, documents: Documents, min_rows: int, counts: Counter[str]
) -> list[Judgement]:
    """One judgement for each monitor of the execution. counts: what was odd is added, and nothing of it is fatal."""
    monitors = CHECKS[execution.kind]
    if execution.status not in (COMPLETED, VIOLATED):
        status = EMPTY if execution.had_no_data else FAILED
        counts[f"{status}_executions"] += 1
        return [Judgement(monitor, window, status) for monitor in monitors]
    statistics = _object(documents.statistics, counts, wanted="Quality" in execution.kind)
    rows = _rows(statistics)
    if rows is not None and rows < min_rows:
        return [Judgement(monitor, window, TOO_FEW if rows else EMPTY, rows) for monitor in monitors]
    violated = execution.status == VIOLATED
    entries = _entries(_object(documents.violations, counts, wanted=violated))
    if entries is None and violated:
        # There are violations, and nobody can tell of what: neither a breach nor a window that held.
        return [Judgement(monitor, window, FAILED, rows or 0) for monitor in monitors]
    found = _sorted(execution.kind, entries or [], counts)
    figures = _figures(statistics)
    return [
        Judgement(monitor, window, JUDGED, rows or 0, tuple(found[monitor]), figures if place == 0 else {})
        for place, monitor in enumerate(monitors)
    ]


def _sorted(kind: str, entries: Sequence[Any], counts: Counter[str]) -> dict[str, list[dict[str, Any]]]:
    """Findings by monitor; what is of no check that is known there is counted, and no finding."""
    monitors = {check: monitor for monitor, checks in CHECKS[kind].items() for check in checks}
    found: dict[str, list[dict[str, Any]]] = {monitor: [] for monitor in CHECKS[kind]}
    for entry in entries:
        if not isinstance(entry, Mapping):
            counts["violations_unreadable"] += 1
            continue
        check = str(entry.get("constraint_check_type"))
        if not entry.get("description"):
            counts["violations_without_description"] += 1
        if check not in monitors:
            counts["violations_of_unknown_type"] += 1
            continue
        found[monitors[check]].append(_finding(monitors[check], check, entry))
    return found


def _finding(monitor: str, check: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """AWS decided that it breaches, by a rule: there is no p-value, and what was measured is in the text alone."""
    return {
        "monitor": monitor,
        "subject": subject_of(entry),
        "check": check,
        "value": 1.0,
        "threshold": 0.0,
        "p_value": None,
        "significant": True,
        "large": True,
        "text": text_of(entry, check),
    }


def subject_of(entry: Mapping[str, Any]) -> str:
    """As pipeline_code/monitoring/documents_read.py names it."""
    if entry.get("facet") is not None:
        return f"{entry.get('metric_name')} {entry['facet']}={entry.get('facet_value')}"
    if entry.get("label") is not None:
        return str(entry["label"])
    return str(entry.get("feature_name", entry.get("metric_name")))


def text_of(entry: Mapping[str, Any], check: str) -> str:
    if entry.get("description"):
        return str(entry["description"]).strip()
    rest = {name: value for name, value in entry.items() if name not in ("constraint_check_type", "description")}
    return f"{check}: " + ", ".join(f"{name} {value}" for name, value in rest.items())


def _object(text: bytes | None, counts: Counter[str], *, wanted: bool) -> Any:
    """The document; None, and counted, if it is not there or cannot be read."""
    if text is None:
        counts["documents_missing"] += int(wanted)
        return None
    try:
        return json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        counts["documents_unreadable"] += 1
        return None


def _entries(document: Any) -> list[Any] | None:
    """The list of violations; None if the document is none, and empty if it says so."""
    if isinstance(document, Mapping) and "violations" in document:
        document = document["violations"] or []
    return document if isinstance(document, list) else None


def _rows(statistics: Any) -> int | None:
    dataset = statistics.get("dataset") if isinstance(statistics, Mapping) else None
    count = dataset.get("item_count") if isinstance(dataset, Mapping) else None
    return count if isinstance(count, int) and not isinstance(count, bool) else None


def _figures(statistics: Any) -> dict[str, float]:
    """The metrics of model quality by their names."""
    if not isinstance(statistics, Mapping):
        return {}
    found: dict[str, float] = {}
    for section, metrics in statistics.items():
        if section.endswith("_metrics") and isinstance(metrics, Mapping):
            for name, metric in metrics.items():
                value = metric.get("value") if isinstance(metric, Mapping) else None
                if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
                    found[str(name)] = float(value)
    return found
