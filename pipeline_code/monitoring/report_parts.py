"""What the report says of each monitor in words, and the histograms that it compares."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from monitoring.findings import ATTRIBUTION, BIAS, CALIBRATION, DATA_DRIFT, DATA_QUALITY, MODEL_QUALITY

BINS = 20
MOST_CATEGORIES = 8
_TAIL = 0.01  # of the rows at either end, which the outermost bins hold
_WIDE, _SKEWED = 50.0, 0.15
"""A logarithmic scale reads better where the range is so many times its beginning, and half of the rows lie within so
small a part of it."""

Piece = Tuple[float, float, float]
"""Rows between two values, which are the same for an item of a sketch: (from, to, rows)."""


@dataclass(frozen=True)
class Words:
    """A monitor for people. section: where docs/operations.md says more."""

    name: str
    question: str
    means: str
    do: str
    section: str


_RETRAINS = (
    "Confirmed, it starts a retraining by itself, unless that is switched off. Review the version that comes of it, "
    "and ask whether an earlier one does better meanwhile."
)

WORDS: Mapping[str, Words] = {
    DATA_QUALITY: Words(
        "Data quality",
        "Do the inputs keep the rules that the training data kept?",
        "Callers send what the model was not made for: values missing, of another type, or outside of their domain.",
        "Find the caller or the pipeline that changed, and mend it there; retraining would learn the fault.",
        "DataQualityFault",
    ),
    DATA_DRIFT: Words(
        "Data drift",
        "Do the inputs still look like those of training?",
        "Different cases arrive than those that the model learned from. That alone does not make it worse: outcomes "
        "decide that. This is information, and starts nothing.",
        "Look whether the change is known (a new product, region, season). If not, look for a fault upstream.",
        "InputDrift",
    ),
    ATTRIBUTION: Words(
        "Attribution",
        "Does the model still decide by the same features?",
        "Other features weigh most in its predictions than did in training, as the inputs have shifted.",
        "Look at the features that moved. Read it together with data drift and quality.",
        "Attribution",
    ),
    MODEL_QUALITY: Words(
        "Model quality",
        "Are its predictions as good as they were in training, now that outcomes are known?",
        "The model separates good cases from bad ones less well than the version that was approved did.",
        _RETRAINS,
        "degradation",
    ),
    CALIBRATION: Words(
        "Calibration",
        "Do events happen as often as its scores say?",
        "More happens of what the model warns of than its scores say, so decisions that rest on them are too risky.",
        _RETRAINS,
        "degradation",
    ),
    BIAS: Words(
        "Bias",
        "Are groups treated as they were when the version was approved?",
        "Decisions or their errors differ between groups by more than they did at approval.",
        "Let the people answerable for the model look at it before anything is retrained or rolled back.",
        "Bias",
    ),
}

COUNTS: Mapping[str, str] = {
    "lines": "lines of captured data read",
    "rows": "predictions in the windows",
    "predictions": "predictions read for the windows",
    "unreadable": "captured lines that could not be read (cut off, not JSON, not the model's format)",
    "mismatched": "captured events whose request and response have different numbers of records",
    "misplaced": "captured files that lie in no folder of an hour: not read",
    "without_version": "answers that do not name the version that gave them",
    "other_version": "answers of another version: left to that version's own windows",
    "outside": "predictions of other times in the files that were read",
    "duplicates": "predictions captured twice under one record: counted once",
    "matched": "predictions whose outcome is known",
    "known": "predictions that outcomes are judged by, including those for which no news counts as an outcome",
    "without_outcome": "predictions without a known outcome",
    "odd_outcomes": "predictions whose outcome is none that the model knows (another word or number): not judged",
    "outcome_lines": "lines of outcomes read",
    "unreadable_outcomes": "outcomes that could not be read",
    "misplaced_outcomes": "files of outcomes that lie in no folder of an hour: not read",
    "data_quality_unjudged": "rules of data quality that could not be judged: counted by their reasons below",
    "model_quality_unjudged": "constraints of model quality that could not be judged: counted by their metrics below",
    "no_baseline": "monitors skipped: the version has no baseline for them",
}
"""What is counted while reading, in the order in which it is told; others follow by their own names."""

TROUBLE = (
    "unreadable",
    "mismatched",
    "misplaced",
    "without_version",
    "odd_outcomes",
    "unreadable_outcomes",
    "misplaced_outcomes",
    "data_quality_unjudged",
    "model_quality_unjudged",
    "no_baseline",
)
"""Counts that ask for somebody's attention when they are not 0."""


def feature(statistics: Optional[Mapping[str, Any]], name: str) -> Optional[Mapping[str, Any]]:
    """A feature's part of statistics.json."""
    listed = (statistics or {}).get("features") or []
    return next((each for each in listed if each.get("name") == name), None)


def categories(
    baseline: Mapping[str, Any], current: Mapping[str, Any]
) -> Optional[Tuple[List[str], List[float], List[float]]]:
    """Names and each side's shares of the most frequent categories, the rest as one; None where there are none."""
    before, now = _shares(baseline), _shares(current)
    if not before and not now:
        return None
    order = sorted({*before, *now}, key=lambda name: (-max(before.get(name, 0.0), now.get(name, 0.0)), name))
    kept, rest = order[:MOST_CATEGORIES], order[MOST_CATEGORIES:]
    names, columns = list(kept), []
    for shares in (before, now):
        column = [shares.get(name, 0.0) for name in kept]
        columns.append(column + ([sum(shares.get(name, 0.0) for name in rest)] if rest else []))
    return (names + ([f"{len(rest)} others"] if rest else []), columns[0], columns[1])


def histograms(
    baseline: Mapping[str, Any], current: Mapping[str, Any]
) -> Optional[Tuple[List[float], List[float], List[float]]]:
    """Edges for both, and the share of rows of each in every bin; None where one side has no numbers.

    Each side has its own buckets in statistics.json, ten between its least and greatest value, which cannot be laid
    over each other and of which one outlier leaves one. So both are read anew from their sketches (from buckets where
    a document has no sketch) into bins that both share; the outermost hold all that lies beyond.
    """
    before, now = _pieces(baseline), _pieces(current)
    if not before or not now:
        return None
    edges = _edges(before, now)
    return edges, _binned(before, edges), _binned(now, edges)


def _shares(described: Mapping[str, Any]) -> Dict[str, float]:
    distribution = (described.get("string_statistics") or {}).get("distribution") or {}
    buckets = (distribution.get("categorical") or {}).get("buckets") or []
    total = float(sum(each["count"] for each in buckets)) or 1.0
    return {str(each["value"]): each["count"] / total for each in buckets}


def _pieces(described: Mapping[str, Any]) -> List[Piece]:
    distribution = (described.get("numerical_statistics") or {}).get("distribution") or {}
    kll = distribution.get("kll") or {}
    levels = (kll.get("sketch") or {}).get("data") or []
    points = [(float(item), float(item), float(2**level)) for level, items in enumerate(levels) for item in items]
    buckets = kll.get("buckets") or []
    return sorted(points) or sorted((each["lower_bound"], each["upper_bound"], each["count"]) for each in buckets)


def _edges(before: Sequence[Piece], now: Sequence[Piece]) -> List[float]:
    low = min(_quantile(before, _TAIL), _quantile(now, _TAIL))
    high = max(_quantile(before, 1 - _TAIL), _quantile(now, 1 - _TAIL))
    whole = all(start == end == int(start) for start, end, _ in (*before, *now) if low <= start <= high)
    if whole and high - low < BINS:
        return [low - 0.5 + place for place in range(int(high - low) + 2)]  # a bin for each whole number
    if low > 0 and high / low > _WIDE and _quantile(sorted((*before, *now)), 0.5) - low < _SKEWED * (high - low):
        return [low * (high / low) ** (place / BINS) for place in range(BINS + 1)]
    high = high if high > low else low + (abs(low) or 1.0)
    return [low + (high - low) * place / BINS for place in range(BINS + 1)]


def _quantile(pieces: Sequence[Piece], share: float) -> float:
    wanted, seen = share * sum(count for _, _, count in pieces), 0.0
    for low, high, count in pieces:
        if count and seen + count >= wanted:
            return low + (high - low) * (wanted - seen) / count
        seen += count
    return pieces[-1][1]


def _binned(pieces: Sequence[Piece], edges: Sequence[float]) -> List[float]:
    """Shares by bin; a bucket's rows are spread evenly over its width."""
    bins = [0.0] * (len(edges) - 1)
    for low, high, count in pieces:
        if low == high:
            bins[bisect_right(edges, low, 1, len(bins)) - 1] += count
            continue
        for place in range(len(bins)):
            left = -math.inf if place == 0 else edges[place]
            right = math.inf if place == len(bins) - 1 else edges[place + 1]
            bins[place] += count * max(0.0, min(high, right) - max(low, left)) / (high - low)
    total = sum(bins) or 1.0
    return [each / total for each in bins]
