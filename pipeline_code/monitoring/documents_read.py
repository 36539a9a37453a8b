"""Tolerant readers of monitoring documents: Model Monitor's, Clarify's and those of others in their formats.

Formats: developer guide, "Schema for Statistics", "Schema for Constraints", "Schema for Violations", and Clarify's
bias and feature attribution drift violations. Documents of real runs come from many versions of the containers: what
is not known is kept and counted, and what is to be decided is decided by `constraint_check_type`, never by the text.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

TYPES = ("Integral", "Fractional", "String", "Unknown", "Boolean")

DATA_TYPE, COMPLETENESS, DRIFT = "data_type_check", "completeness_check", "baseline_drift_check"
MISSING_COLUMN, EXTRA_COLUMN = "missing_column_check", "extra_column_check"
DOMAIN = "categorical_values_check"
BIAS_DRIFT, ATTRIBUTION_DRIFT = "bias_drift_check", "feature_attribution_drift_check"
OPERATORS = (
    *("LessThanThreshold", "GreaterThanThreshold"),
    *("LessThanOrEqualToThreshold", "GreaterThanOrEqualToThreshold"),
)
"""A model quality violation has its constraint's comparison operator as check type."""
OURS = ("calibration_check",)
"""Of monitors that AWS does not have."""
CHECKS = frozenset(
    (
        *(DATA_TYPE, COMPLETENESS, DRIFT, MISSING_COLUMN, EXTRA_COLUMN, DOMAIN),
        *(BIAS_DRIFT, ATTRIBUTION_DRIFT, *OPERATORS, *OURS),
    )
)


@dataclass(frozen=True)
class Violation:
    """One entry of constraint_violations.json; `entry` is all that it says."""

    subject: str
    """As our findings name it: the feature, the metric, the metric with the facet and its value, or the label."""
    check: str
    text: str
    """Its description; where there is none, what its other members say."""
    entry: Mapping[str, Any] = field(repr=False)

    @property
    def is_known(self) -> bool:
        return self.check in CHECKS


@dataclass(frozen=True)
class Document:
    """A document as it is, whatever is in it, and how often something in it is not known."""

    body: Any
    unknown: Mapping[str, int]
    violations: Tuple[Violation, ...] = ()
    """Of constraint_violations.json only, in its order."""

    def text(self) -> str:
        """The document with every member that was read."""
        return json.dumps(self.body, ensure_ascii=False)


def read_statistics(text: Union[str, bytes]) -> Document:
    """statistics.json of data or of model quality; raises ValueError for what is no JSON object."""
    body = _parse(text, "statistics")
    unknown = _features(body, "_statistics")
    if not isinstance(body, dict):
        raise ValueError(f"statistics: {type(body).__name__}, expected an object")
    return Document(body, unknown)


def read_constraints(text: Union[str, bytes]) -> Document:
    """constraints.json, of Clarify too; raises ValueError for what is no JSON object."""
    body = _parse(text, "constraints")
    unknown = _features(body, "_constraints")
    if not isinstance(body, dict):
        raise ValueError(f"constraints: {type(body).__name__}, expected an object")
    for section, limits in body.items():
        if section.endswith("_constraints") and isinstance(limits, dict):
            for limit in limits.values():
                operator = limit.get("comparison_operator") if isinstance(limit, dict) else None
                if operator not in OPERATORS:
                    unknown[f"comparison operator {operator}"] += 1
    return Document(body, unknown)


def read_violations(text: Union[str, bytes]) -> Document:
    """constraint_violations.json, or its list alone; raises ValueError for what is neither.

    Entries that are not objects, of a check that is not known, or without a description are counted; only the first
    are no Violation.
    """
    body = _parse(text, "violations")
    entries = body.get("violations") if isinstance(body, dict) else body
    if not isinstance(entries, list) and not (entries is None and isinstance(body, dict)):
        raise ValueError(f"violations: {type(entries).__name__}, expected a list")
    unknown: Counter[str] = Counter()
    found = []
    for entry in entries or ():
        if not isinstance(entry, dict):
            unknown["entry that is no object"] += 1
            continue
        each = _violation(entry)
        found.append(each)
        if not each.is_known:
            unknown[f"check {each.check}"] += 1
        if not entry.get("description"):
            unknown["no description"] += 1
    return Document(body, unknown, tuple(found))


def features(document: Mapping[str, Any]) -> Dict[str, Mapping[str, Any]]:
    """The features of statistics or constraints by name; what has no name is left out."""
    return {
        str(each["name"]): each
        for each in items(document.get("features"))
        if isinstance(each, dict) and each.get("name") is not None
    }


def items(value: Any) -> List[Any]:
    """A list as it is, and nothing for null and for what is no list."""
    return value if isinstance(value, list) else []


def member(document: Any, *names: str) -> Mapping[str, Any]:
    """The object below these names; empty where any of them is absent, null or no object."""
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def number(value: Any) -> Optional[float]:
    """A finite number, also one that was written as a text; None for anything else, and for NaN."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        converted = float(value)
    except (ValueError, OverflowError):
        return None
    return converted if abs(converted) != float("inf") and converted == converted else None


def _parse(text: Union[str, bytes], name: str) -> Any:
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name}: not JSON ({error})") from None


def _features(body: Any, suffix: str) -> Counter[str]:
    unknown: Counter[str] = Counter()
    for each in items(member(body).get("features")):
        if not isinstance(each, dict) or each.get("name") is None:
            unknown["feature without a name"] += 1
            continue
        if each.get("inferred_type") not in TYPES:
            unknown[f"inferred type {each.get('inferred_type')}"] += 1
        if suffix == "_statistics" and not any(name.endswith(suffix) for name in each):
            unknown["feature without statistics"] += 1
    return unknown


def _violation(entry: Mapping[str, Any]) -> Violation:
    check = str(entry.get("constraint_check_type"))
    subject = entry.get("feature_name", entry.get("metric_name"))
    if entry.get("facet") is not None:
        subject = f"{entry.get('metric_name')} {entry['facet']}={entry.get('facet_value')}"
    elif entry.get("label") is not None:
        subject = entry["label"]
    rest = {name: value for name, value in entry.items() if name not in ("constraint_check_type", "description")}
    text = entry.get("description") or f"{check}: " + ", ".join(f"{name} {value}" for name, value in rest.items())
    return Violation(str(subject), check, str(text).strip(), entry)
