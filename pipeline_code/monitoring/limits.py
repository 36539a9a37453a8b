"""Limits that a model must keep before it is registered: of bias between groups, and of what one feature may decide.

Judged are the documents that evaluation writes in the shape of Clarify's analysis.json: the metrics of each facet
(`monitoring.bias`), and the mean |SHAP| of each feature (`monitoring.attribution`). The value itself is judged, as by
the four-fifths rule of 29 CFR 1607.4(D); where the document has an interval, it is told beside, since a small group's
value is uncertain. What could not be measured is broken: a group that nobody belongs to is no proof of fairness.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from monitoring.bias_metrics import NAMES, POST_TRAINING, PRE_TRAINING

ATTRIBUTION = "attribution share"
ARGUMENT_LIMIT = 256
"""Characters of one of ContainerArguments (API reference: AppSpecification)."""
NO_SHARE = 1.0
"""Largest share that says nothing: no feature can have more."""

_STAGES = {"pre_training_bias_metrics": PRE_TRAINING, "post_training_bias_metrics": POST_TRAINING}


class LimitError(ValueError):
    """The limits cannot be judged: they are no limits, or speak of what was not measured."""


@dataclass(frozen=True)
class Limits:
    """Largest share of the mean |SHAP| that one feature may have; Clarify's metric to its lowest and highest value for
    every facet. `Limits()` limits nothing."""

    max_attribution_share: float = NO_SHARE
    bias: Mapping[str, Tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 < self.max_attribution_share <= NO_SHARE:
            raise LimitError(f"max_attribution_share: {self.max_attribution_share:g} is not above 0 and at most 1")
        for metric, (lowest, highest) in self.bias.items():
            if metric not in NAMES:
                raise LimitError(f"bias: {metric!r} is none of Clarify's metrics {', '.join(sorted(NAMES))}")
            if not -math.inf < lowest <= highest < math.inf:
                raise LimitError(f"bias {metric}: {lowest:g} to {highest:g} is no range from low to high")

    @classmethod
    def read(cls, text: str) -> Limits:
        """Of JSON, as `text` writes it; members that are absent limit nothing. Raises LimitError for anything else."""
        try:
            document = json.loads(text)
            bias = {name: (float(low), float(high)) for name, (low, high) in document.get("bias", {}).items()}
            share = float(document.get("max_attribution_share", NO_SHARE))
            unknown = set(document) - {"bias", "max_attribution_share"}
        except (AttributeError, TypeError, ValueError) as error:
            raise LimitError(f'limits {text!r}: not {{"bias": {{"DI": [0.8, 1.25]}}}} ({error})') from None
        if unknown:
            raise LimitError(f"limits: {', '.join(sorted(unknown))} is neither bias nor max_attribution_share")
        return cls(share, bias)

    def text(self) -> str:
        """As an argument of a step; raises LimitError for more than SageMaker takes."""
        document: Dict[str, Any] = {"bias": {name: list(ends) for name, ends in sorted(self.bias.items())}}
        if self.max_attribution_share < NO_SHARE:
            document["max_attribution_share"] = self.max_attribution_share
        written = json.dumps(document, separators=(",", ":"))
        if len(written) > ARGUMENT_LIMIT:
            raise LimitError(f"limits: {len(written)} characters, AWS allows {ARGUMENT_LIMIT}: limit fewer metrics")
        return written


@dataclass(frozen=True)
class Broken:
    """A limit that is not kept: Clarify's metric and the facet (`name=value`), or ATTRIBUTION and the feature.

    value: None where it is undefined. text: for people, with the limit and what is known of the uncertainty.
    """

    metric: str
    subject: str
    value: Optional[float]
    lowest: float
    highest: float
    text: str


@dataclass(frozen=True)
class _Figure:
    """One figure that a limit speaks of; interval and rows are None where the document does not tell them."""

    metric: str
    subject: str
    value: Optional[float]
    interval: Optional[Tuple[float, float]] = None
    rows: Optional[Tuple[int, int]] = None

    def __str__(self) -> str:
        known = [] if self.interval is None else [f"95 % interval {self.interval[0]:.4f} to {self.interval[1]:.4f}"]
        known += [] if self.rows is None else [f"{self.rows[0]} rows against {self.rows[1]}"]
        uncertain = f" ({', '.join(known)})" if known else ""
        value = "undefined" if self.value is None else f"{self.value:.4f}"
        return f"{self.metric} of {self.subject} is {value}{uncertain}"

    def text(self, lowest: float, highest: float) -> str:
        inside = "within" if self.is_within(lowest, highest) else "not within"
        return f"{self}, {inside} the limits {lowest:g} to {highest:g}"

    def is_within(self, lowest: float, highest: float) -> bool:
        return self.value is not None and lowest <= self.value <= highest


def judge(
    bias_analysis: Optional[Mapping[str, Any]], explanation: Optional[Mapping[str, Any]], limits: Limits
) -> List[Broken]:
    """The limits that are not kept, in the order of the metrics' names, then the features that decide too much.

    bias_analysis, explanation: analysis.json of each; None where there is none. Raises LimitError if a limit speaks of
    a metric, or of an explanation, that is not there.
    """
    return [
        Broken(figure.metric, figure.subject, figure.value, lowest, highest, figure.text(lowest, highest))
        for figure, lowest, highest in _limited(bias_analysis, explanation, limits)
        if not figure.is_within(lowest, highest)
    ]


def kept(
    bias_analysis: Optional[Mapping[str, Any]], explanation: Optional[Mapping[str, Any]], limits: Limits
) -> List[str]:
    """What `judge` finds nothing wrong with, in words; raises what it raises."""
    return [
        figure.text(lowest, highest)
        for figure, lowest, highest in _limited(bias_analysis, explanation, limits)
        if figure.is_within(lowest, highest)
    ]


def told(bias_analysis: Mapping[str, Any], metrics: Sequence[str]) -> List[str]:
    """These metrics of each facet in words, with what is known of their uncertainty."""
    return [str(figure) for figure in _figures(bias_analysis) if figure.metric in metrics]


def shares(explanation: Mapping[str, Any]) -> Dict[str, float]:
    """Share of each feature in the mean |SHAP| of all, largest first; NaN where nothing is attributed to any.

    explanation: analysis.json of `monitoring.attribution`, or Clarify's, of which the first label counts. Raises
    LimitError if it holds no attributions.
    """
    try:
        labels = next(iter(explanation["explanations"].values()))
        found = next(iter(labels.values()))["global_shap_values"]
        values = {str(name): abs(float(value)) for name, value in found.items()}
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration):
        raise LimitError("explanation: no global_shap_values in its analysis.json") from None
    total = math.fsum(values.values())
    ordered = sorted(values, key=lambda name: -values[name])
    return {name: values[name] / total if total > 0 else math.nan for name in ordered}


def _limited(
    bias_analysis: Optional[Mapping[str, Any]], explanation: Optional[Mapping[str, Any]], limits: Limits
) -> Iterator[Tuple[_Figure, float, float]]:
    """Every figure that a limit speaks of, with its lowest and highest value."""
    found = list(_figures(bias_analysis or {})) if limits.bias else []
    for metric, (lowest, highest) in sorted(limits.bias.items()):
        named = [figure for figure in found if figure.metric == metric]
        if not named:
            there = ", ".join(sorted({figure.metric for figure in found})) or "none"
            raise LimitError(f"bias {metric}: not in the analysis, which has {there}")
        for figure in named:
            yield figure, lowest, highest
    if limits.max_attribution_share < NO_SHARE:
        if explanation is None:
            raise LimitError("max_attribution_share: there is no explanation to judge")
        largest = next(iter(shares(explanation).items()), ("no feature", math.nan))
        figure = _Figure(ATTRIBUTION, largest[0], largest[1] if math.isfinite(largest[1]) else None)
        yield figure, 0.0, limits.max_attribution_share


def _figures(analysis: Mapping[str, Any]) -> Iterator[_Figure]:
    """Each metric of each facet; a facet that lacks what another one has is undefined there."""
    for stage, names in _STAGES.items():
        facets = analysis.get(stage, {}).get("facets", {})
        groups = [(f"{name}={group['value_or_threshold']}", group) for name in facets for group in facets[name]]
        by_subject = {subject: {each["name"]: each for each in group["metrics"]} for subject, group in groups}
        for metric in names:
            if not any(metric in metrics for metrics in by_subject.values()):
                continue
            for subject, group in groups:
                described = by_subject[subject].get(metric, {})
                yield _Figure(metric, subject, _number(described), _interval(described), _rows(group))


def _number(described: Mapping[str, Any]) -> Optional[float]:
    value = described.get("value")
    return None if value is None or not math.isfinite(float(value)) else float(value)


def _interval(described: Mapping[str, Any]) -> Optional[Tuple[float, float]]:
    return (described["lower"], described["upper"]) if "lower" in described else None


def _rows(group: Mapping[str, Any]) -> Optional[Tuple[int, int]]:
    return (group["rows"], group["other_rows"]) if "rows" in group else None
