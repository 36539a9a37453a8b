"""Area under the ROC curve with its uncertainty, and the paired comparison of two models on the same rows.

Method: DeLong, DeLong & Clarke-Pearson (Biometrics 44, 1988), computed from midranks as Sun & Xu (IEEE Signal
Processing Letters 21, 2014) do, in O(n log n).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Tuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A value, its standard error, and the bounds of its confidence interval."""

    value: float
    standard_error: float
    lower: float
    upper: float


def auc(labels: ArrayLike, scores: ArrayLike, confidence: float = 0.95) -> Estimate:
    """AUC of one model: labels 0 or 1, scores of the same length; raises ValueError unless both labels occur.

    The interval is made on the logit scale, so that it stays within 0 and 1.
    """
    values, covariance = _delong(labels, (scores,))
    value, error = float(values[0]), float(np.sqrt(covariance[0, 0]))
    if not 0 < value < 1:
        return Estimate(value, error, value, value)
    z, logit = _quantile(confidence), np.log(value / (1 - value))
    width = z * error / (value * (1 - value))
    lower, upper = (1 / (1 + np.exp(-(logit + side * width))) for side in (-1, 1))
    return Estimate(value, error, float(lower), float(upper))


def auc_difference(labels: ArrayLike, ours: ArrayLike, theirs: ArrayLike, confidence: float = 0.95) -> Estimate:
    """AUC of `ours` minus that of `theirs` on the same rows; the error counts that both saw the same luck."""
    values, covariance = _delong(labels, (ours, theirs))
    value = float(values[0] - values[1])
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    error = float(np.sqrt(max(variance, 0.0)))
    width = _quantile(confidence) * error
    return Estimate(value, error, value - width, value + width)


def _quantile(confidence: float) -> float:
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def _delong(labels: ArrayLike, models: Tuple[ArrayLike, ...]) -> Tuple[Array, Array]:
    """AUC of each model, and their covariance matrix."""
    is_positive = np.asarray(labels) == 1
    scores = np.atleast_2d(np.asarray(models, dtype=np.float64))
    positives, negatives = scores[:, is_positive], scores[:, ~is_positive]
    m, n = positives.shape[1], negatives.shape[1]
    if not m or not n:
        raise ValueError(f"labels: {m} positive and {n} negative; an AUC needs both")
    above = np.empty((len(scores), m))  # for each positive, the share of negatives it beats
    below = np.empty((len(scores), n))  # for each negative, the share of positives that beat it
    for k in range(len(scores)):
        ranks = _midranks(np.concatenate([positives[k], negatives[k]]))
        above[k] = (ranks[:m] - _midranks(positives[k])) / n
        below[k] = 1 - (ranks[m:] - _midranks(negatives[k])) / m
    return above.mean(axis=1), _covariance(above) / m + _covariance(below) / n


def _covariance(rows: Array) -> Array:
    if rows.shape[1] < 2:
        return np.zeros((len(rows), len(rows)))
    return np.atleast_2d(np.cov(rows))


def _midranks(values: Array) -> Array:
    """Ranks from 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    shared: Array = (last - (counts - 1) / 2)[inverse]
    return shared
