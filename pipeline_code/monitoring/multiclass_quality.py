"""Model quality of a classifier of several labels: statistics.json and constraints.json.

Formats and names: developer guide, "Model quality metrics and Amazon CloudWatch monitoring". As there, a confusion
matrix is keyed by the actual label, then the predicted one; averages are weighted by how often a label occurred, so
that weighted recall is accuracy; and the "best constant classifier" always predicts the last label.

Standard deviations are those of a parametric bootstrap of the confusion matrix, as in `model_quality`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Sequence, Union

import numpy as np
from numpy.typing import NDArray

BOOTSTRAP_SAMPLES = 500
BOOTSTRAP_SEED = 20001001

LOWER_IS_WORSE = (
    *("accuracy", "weighted_recall", "weighted_precision"),
    *("weighted_f0_5", "weighted_f1", "weighted_f2"),
)

_BETAS = {"weighted_f0_5": 0.5, "weighted_f1": 1.0, "weighted_f2": 2.0}

_AT_ONCE = 10_000_000  # counts that are drawn at once, which bounds memory for many labels

Array = NDArray[np.float64]


class _ByLabel:
    """Sums over the cells of a confusion matrix that belong to the same label. places: each cell's label."""

    def __init__(self, places: NDArray[np.int64], labels: int) -> None:
        self._labels, self._order = labels, np.argsort(places, kind="stable")
        self._present, self._starts = np.unique(places[self._order], return_index=True)

    def sums(self, counts: Array) -> Array:
        """A row a row of counts, a column a label; 0 of a label without cells."""
        found = np.zeros((len(counts), self._labels))
        found[:, self._present] = np.add.reduceat(counts[:, self._order], self._starts, axis=1)
        return found


@dataclass(frozen=True)
class _Layout:
    """Which cells of a confusion matrix occurred: right ones, and to which actual and predicted label each belongs."""

    right: NDArray[np.bool_]
    actual: _ByLabel
    predicted: _ByLabel


def statistics(labels: Sequence[Union[str, float]], decisions: Sequence[Union[str, float]]) -> Dict[str, Any]:
    """statistics.json of at least one row; labels are told apart as texts, those that were only predicted included."""
    pairs = Counter(zip(map(str, labels), map(str, decisions)))
    names = sorted({name for pair in pairs for name in pair}, key=_order)
    place = {name: index for index, name in enumerate(names)}
    cells = sorted(pairs.items())
    actual = np.array([place[pair[0]] for pair, _ in cells])
    predicted = np.array([place[pair[1]] for pair, _ in cells])
    counts = np.array([count for _, count in cells], dtype=np.float64)
    rows = int(counts.sum())
    layout = _Layout(actual == predicted, _ByLabel(actual, len(names)), _ByLabel(predicted, len(names)))
    spread = _spread(counts, layout)
    metrics: Dict[str, Any] = {"confusion_matrix": _matrix(names, pairs)}
    for name, value in _rates(counts[None], layout).items():
        metrics[name] = {"value": float(value[0]), "standard_deviation": spread[name]}
    return {"version": 0.0, "dataset": {"item_count": rows}, "multiclass_classification_metrics": metrics}


def constraints(document: Mapping[str, Any], margin: float = 3.0) -> Dict[str, Any]:
    """constraints.json for the given statistics: `margin` standard deviations below each value, but not below 0."""
    metrics = document["multiclass_classification_metrics"]
    limits = {}
    for name in LOWER_IS_WORSE:
        limit = metrics[name]["value"] - margin * metrics[name]["standard_deviation"]
        limits[name] = {"threshold": max(limit, 0.0), "comparison_operator": "LessThanThreshold"}
    return {"version": 0.0, "multiclass_classification_constraints": limits}


def _order(name: str) -> Any:
    """Numbers by size, before texts by alphabet."""
    try:
        return (0, float(name), name)
    except ValueError:
        return (1, 0.0, name)


def _matrix(names: Sequence[str], pairs: Mapping[Any, int]) -> Dict[str, Dict[str, int]]:
    return {actual: {predicted: pairs.get((actual, predicted), 0) for predicted in names} for actual in names}


def _spread(counts: Array, layout: _Layout) -> Dict[str, float]:
    """Standard deviation of each metric over confusion matrices drawn like this one."""
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    rows, left, parts = int(counts.sum()), BOOTSTRAP_SAMPLES, []
    while left:
        size = min(left, max(_AT_ONCE // len(counts), 1))
        parts.append(_rates(rng.multinomial(rows, counts / rows, size=size).astype(np.float64), layout))
        left -= size
    return {name: float(np.std(np.concatenate([part[name] for part in parts]), ddof=1)) for name in parts[0]}


def _rates(counts: Array, layout: _Layout) -> Dict[str, Array]:
    """Metrics of each row of counts by cell; 0 where a label's precision or recall is undefined."""
    total = counts.sum(axis=1)
    right, occurred = layout.actual.sums(counts * layout.right), layout.actual.sums(counts)
    precision, recall = _share(right, layout.predicted.sums(counts)), _share(right, occurred)
    weight = occurred / total[:, None]
    last = weight[:, -1]  # of the constant classifier: its recall is 1, and its precision this label's share
    rates = {
        "accuracy": right.sum(axis=1) / total,
        "weighted_recall": (weight * recall).sum(axis=1),
        "weighted_precision": (weight * precision).sum(axis=1),
        **{name: (weight * _f_beta(precision, recall, beta)).sum(axis=1) for name, beta in _BETAS.items()},
    }
    constant = {"accuracy": last, "weighted_recall": last, "weighted_precision": last**2}
    for name, beta in _BETAS.items():
        constant[name] = last * _f_beta(last, np.ones_like(last), beta)
    return {**rates, **{f"{name}_best_constant_classifier": value for name, value in constant.items()}}


def _f_beta(precision: Array, recall: Array, beta: float) -> Array:
    return _share((1 + beta**2) * precision * recall, beta**2 * precision + recall)


def _share(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)
