"""Drift rules that others use by default, recomputed: whether they would call a window drifted.

- PSI > 0.2 in any feature, over the deciles of the reference; empty bins count as 0.0001.
- Model Monitor's "Robust" distance > 0.1 in any feature: the largest difference of the (cumulated) shares less
  1.8 * sqrt((n + m) / (n * m)), as Deequ computes it.
- evidently's DataDriftPreset for references of more than 1,000 rows: the Wasserstein distance over the reference's
  standard deviation of numbers (of those with more than five values), the Jensen-Shannon distance of categories; a
  column drifts at 0.1, the data if half of the columns do.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial import distance

Columns = dict[str, NDArray[Any]]
RIVALS = ("psi_0_2", "robust_0_1", "evidently_default")
_EMPTY = 1e-4
_FEW = 5


def verdicts(reference: Mapping[str, NDArray[Any]], window: Mapping[str, NDArray[Any]]) -> dict[str, bool]:
    """By rule, whether the window drifted; numbers are float arrays, categories arrays of texts."""
    drifted = [evidently_column(values, window[name]) for name, values in reference.items()]
    return {
        "psi_0_2": any(psi(values, window[name]) > 0.2 for name, values in reference.items()),
        "robust_0_1": any(robust(values, window[name]) > 0.1 for name, values in reference.items()),
        "evidently_default": sum(drifted) >= 0.5 * len(drifted),
    }


def psi(reference: NDArray[Any], window: NDArray[Any]) -> float:
    if reference.dtype.kind == "f":
        edges = np.unique(np.quantile(reference, np.arange(0.1, 1, 0.1)))
        expected, actual = (_binned(values, edges) for values in (reference, window))
    else:
        expected, actual = shares(reference, window)
    expected, actual = np.where(expected == 0, _EMPTY, expected), np.where(actual == 0, _EMPTY, actual)
    return float(((actual - expected) * np.log(actual / expected)).sum())


def robust(reference: NDArray[Any], window: NDArray[Any]) -> float:
    n, m = len(window), len(reference)
    if reference.dtype.kind == "f":
        at, known = np.sort(window), np.sort(reference)
        last = np.append(at[1:] != at[:-1], True)  # of equal values
        first = np.append(True, last[:-1])
        ends = np.arange(1, n + 1) / n
        low, high = (np.searchsorted(known, at, side) / m for side in ("left", "right"))
        largest = max(np.abs(ends - high)[last].max(), np.abs(ends - 1 / n - low)[first].max())
    else:
        expected, actual = shares(reference, window)
        largest = np.abs(actual - expected).max()
    return max(0.0, float(largest) - 1.8 * float(np.sqrt((n + m) / (n * m))))


def evidently_column(reference: NDArray[Any], window: NDArray[Any]) -> bool:
    if reference.dtype.kind == "f" and _more_than_few(reference, window):
        norm = max(float(np.std(reference)), 0.001)
        return bool(stats.wasserstein_distance(reference, window) / norm >= 0.1)
    return bool(distance.jensenshannon(*shares(reference, window)) >= 0.1)


def _more_than_few(reference: NDArray[Any], window: NDArray[Any]) -> bool:
    """Whether there are more than five values; a look at the first rows mostly tells."""
    if len(np.unique(window[:100])) > _FEW:
        return True
    return len(np.union1d(reference, window)) > _FEW


def shares(reference: NDArray[Any], window: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of each category that either has, in the reference and in the window."""
    _, codes = np.unique(np.concatenate([reference, window]), return_inverse=True)
    m, count = len(reference), int(codes.max()) + 1
    return (
        np.bincount(codes[:m], minlength=count) / m,
        np.bincount(codes[m:], minlength=count) / len(window),
    )


def _binned(values: NDArray[Any], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.bincount(np.searchsorted(edges, values, "left"), minlength=len(edges) + 1) / len(values)
