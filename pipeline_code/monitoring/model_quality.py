"""Model quality of a binary classifier: statistics.json and constraints.json. `quality` judges windows by them.

Formats and names: developer guide, "Model quality metrics and Amazon CloudWatch monitoring". As there, a confusion
matrix is keyed by the actual label, then the predicted one, and the "best constant classifier" always predicts 1.

Model Monitor takes standard deviations from five random parts of the data; here that of the AUC is DeLong's and
the others come from a parametric bootstrap of the confusion matrix, which is steadier and repeatable.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitoring.auc import auc

CURVE_POINTS = 200
BOOTSTRAP_SAMPLES = 2000
BOOTSTRAP_SEED = 20001001

_LOWER_IS_WORSE = (
    *("recall", "precision", "accuracy", "true_positive_rate", "true_negative_rate"),
    *("auc", "f0_5", "f1", "f2"),
)
_HIGHER_IS_WORSE = ("false_positive_rate", "false_negative_rate")

Array = NDArray[np.float64]


def statistics(labels: ArrayLike, probabilities: ArrayLike, threshold: float) -> Dict[str, Any]:
    """statistics.json: label 1 is predicted where the probability is above `threshold`."""
    scores = np.asarray(probabilities, dtype=np.float64)
    return describe(np.asarray(labels) == 1, scores > threshold, scores)


def describe(actual: NDArray[np.bool_], predicted: NDArray[np.bool_], scores: Optional[Array]) -> Dict[str, Any]:
    """statistics.json of at least one row: what was the label 1, what was predicted so, and the scores behind it.

    AUC and curves are left out where they are undefined: without scores, and where only one label occurred.
    """
    counts = _confusion(actual, predicted)
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    samples = rng.multinomial(int(counts.sum()), counts / counts.sum(), size=BOOTSTRAP_SAMPLES)
    values, spread = _rates(counts), _rates(samples.T.astype(np.float64))
    metrics: Dict[str, Any] = {"confusion_matrix": _matrix(counts)}
    for name, value in values.items():
        metrics[name] = {"value": float(value), "standard_deviation": float(np.std(spread[name], ddof=1))}
    if scores is not None and 0 < int(actual.sum()) < len(actual):
        area = auc(actual, scores)
        metrics["auc"] = {"value": area.value, "standard_deviation": area.standard_error}
        metrics.update(_curves(actual, scores))
    return {
        "version": 0.0,
        "dataset": {"item_count": len(actual)},
        "binary_classification_metrics": metrics,
    }


def constraints(document: Mapping[str, Any], margin: float = 3.0) -> Dict[str, Any]:
    """constraints.json for the given statistics: `margin` standard deviations on the bad side of each value.

    Model Monitor itself suggests the values as they are, which every second window of an unchanged model crosses.
    """
    metrics = document["binary_classification_metrics"]
    limits = {}
    for names, side, operator in (
        (_LOWER_IS_WORSE, -1, "LessThanThreshold"),
        (_HIGHER_IS_WORSE, 1, "GreaterThanThreshold"),
    ):
        for name in names:
            if name not in metrics:  # an AUC that is undefined
                continue
            limit = metrics[name]["value"] + side * margin * metrics[name]["standard_deviation"]
            limits[name] = {"threshold": min(max(limit, 0.0), 1.0), "comparison_operator": operator}
    return {"version": 0.0, "binary_classification_constraints": limits}


def _confusion(actual: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> Array:
    """True negatives, false positives, false negatives, true positives."""
    return np.bincount(2 * actual + predicted, minlength=4).astype(np.float64)


def _matrix(counts: Array) -> Dict[str, Dict[str, int]]:
    tn, fp, fn, tp = (int(count) for count in counts)
    return {"0": {"0": tn, "1": fp}, "1": {"0": fn, "1": tp}}


def _rates(counts: Array) -> Dict[str, Any]:
    """Metrics of one confusion matrix, or of many at once (one a column); 0 where a metric is undefined."""
    tn, fp, fn, tp = counts
    total, positive = tn + fp + fn + tp, tp + fn
    recall, precision, prevalence = _share(tp, positive), _share(tp, tp + fp), _share(positive, total)
    return {
        "recall": recall,
        "precision": precision,
        "accuracy": _share(tp + tn, total),
        "recall_best_constant_classifier": np.ones_like(prevalence),
        "precision_best_constant_classifier": prevalence,
        "accuracy_best_constant_classifier": prevalence,
        "true_positive_rate": recall,
        "true_negative_rate": _share(tn, tn + fp),
        "false_positive_rate": _share(fp, tn + fp),
        "false_negative_rate": _share(fn, positive),
        **{name: _f_beta(precision, recall, beta) for name, beta in _BETAS.items()},
        **{f"{name}_best_constant_classifier": _f_beta(prevalence, 1.0, beta) for name, beta in _BETAS.items()},
    }


_BETAS = {"f0_5": 0.5, "f1": 1.0, "f2": 2.0}


def _f_beta(precision: Any, recall: Any, beta: float) -> Any:
    return _share((1 + beta**2) * precision * recall, beta**2 * precision + recall)


def _share(part: Any, whole: Any) -> Any:
    return np.divide(part, whole, out=np.zeros_like(np.asarray(whole, dtype=np.float64)), where=np.asarray(whole) > 0)


def _curves(actual: NDArray[np.bool_], scores: Array) -> Dict[str, Any]:
    false_positives, true_positives = _cumulated(actual, scores)
    false_positive_rates, true_positive_rates = _roc(false_positives, true_positives)
    precisions, recalls = _precision_recall(false_positives, true_positives)
    return {
        "receiver_operating_characteristic_curve": {
            "false_positive_rates": _thinned(false_positive_rates),
            "true_positive_rates": _thinned(true_positive_rates),
        },
        "precision_recall_curve": {"precisions": _thinned(precisions), "recalls": _thinned(recalls)},
    }


def _cumulated(actual: NDArray[np.bool_], scores: Array) -> Tuple[Array, Array]:
    """False and true positives if everything down to a score is called positive, by score, the highest first."""
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # rows of equal score come together
    true_positives = np.cumsum(actual[order])[last].astype(np.float64)
    return 1 + last - true_positives, true_positives


def _roc(false_positives: Array, true_positives: Array) -> Tuple[Array, Array]:
    """False and true positive rates, from 0 to 1, where the curve bends."""
    bends = (np.diff(false_positives, 2) != 0) | (np.diff(true_positives, 2) != 0)
    keep = np.concatenate([[True], bends, [True]]) if len(false_positives) > 2 else slice(None)
    false_rates, true_rates = (
        np.concatenate([[0.0], side[keep] / side[-1]]) for side in (false_positives, true_positives)
    )
    return false_rates, true_rates


def _precision_recall(false_positives: Array, true_positives: Array) -> Tuple[Array, Array]:
    """Precision and recall from everything called positive to nothing, where precision is taken to be 1."""
    precisions = np.append((true_positives / (true_positives + false_positives))[::-1], 1.0)
    return precisions, np.append((true_positives / true_positives[-1])[::-1], 0.0)


def _thinned(points: Array) -> list[float]:
    """At most CURVE_POINTS of a curve's points, the ends among them."""
    keep = np.unique(np.linspace(0, len(points) - 1, CURVE_POINTS).round().astype(int))
    thinned: list[float] = points[keep].tolist()
    return thinned
