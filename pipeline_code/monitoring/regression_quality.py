"""Model quality of a regression: statistics.json and constraints.json.

Formats and names: developer guide, "Model quality metrics and Amazon CloudWatch monitoring". Model Monitor takes
standard deviations from five random parts of the data; here they are standard errors by the delta method (each
metric's influence function: Hampel, Journal of the American Statistical Association 69, 1974), which is repeatable
and needs one pass.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

LOWER_IS_WORSE, HIGHER_IS_WORSE = ("r2",), ("mae", "mse", "rmse")

Array = NDArray[np.float64]


def statistics(labels: ArrayLike, predictions: ArrayLike) -> Dict[str, Any]:
    """statistics.json of at least one row, in the labels' unit (mse in its square).

    r2 is left out where it is undefined: all labels are equal. Raises ValueError for what is no finite number.
    """
    actual, predicted = (np.asarray(each, dtype=np.float64) for each in (labels, predictions))
    for name, each in (("labels", actual), ("predictions", predicted)):
        if not np.isfinite(each).all():
            raise ValueError(f"{name}: {int((~np.isfinite(each)).sum())} of {len(each)} are no finite numbers")
    residual = actual - predicted
    square, centred = residual**2, (actual - actual.mean()) ** 2
    mse, spread = float(square.mean()), float(centred.mean())
    metrics = {
        "mae": _described(float(np.abs(residual).mean()), np.abs(residual)),
        "mse": _described(mse, square),
        "rmse": _described(mse**0.5, square / (2 * mse**0.5) if mse else square),
    }
    if spread > 0:
        metrics["r2"] = _described(1 - mse / spread, (mse / spread * centred - square) / spread)
    return {"version": 0.0, "dataset": {"item_count": len(actual)}, "regression_metrics": metrics}


def constraints(document: Mapping[str, Any], margin: float = 3.0) -> Dict[str, Any]:
    """constraints.json for the given statistics: `margin` standard deviations on the bad side of each value."""
    metrics = document["regression_metrics"]
    limits = {}
    for names, side, operator in (
        (HIGHER_IS_WORSE, 1, "GreaterThanThreshold"),
        (LOWER_IS_WORSE, -1, "LessThanThreshold"),
    ):
        for name in names:
            if name in metrics:
                limit = metrics[name]["value"] + side * margin * metrics[name]["standard_deviation"]
                limits[name] = {"threshold": limit, "comparison_operator": operator}
    return {"version": 0.0, "regression_constraints": limits}


def _described(value: float, influence: Array) -> Dict[str, float]:
    """A metric and its standard error: each row adds `influence`, up to a constant, to rows times the metric."""
    error = float(np.std(influence, ddof=1)) / len(influence) ** 0.5 if len(influence) > 1 else 0.0
    return {"value": value, "standard_deviation": error}
