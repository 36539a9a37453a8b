"""How good probabilities of a charge-off are: ranking, calibration, and what a threshold would have meant.

Everywhere `labels` are 1 for a charge-off and 0 otherwise, `probabilities` the model's, both of the same length.
"""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

SMALLEST = 1e-6  # log odds need probabilities within 0 and 1
NEWTON_STEPS = 50  # a handful does, unless a score separates the outcomes, so that no slope is the likeliest
_STEP, _ROUNDING = 1e-10, 1e-12


def kolmogorov_smirnov(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Largest distance between the distributions of the probability among paid and charged-off loans."""
    is_bad, p = np.asarray(labels) == 1, np.asarray(probabilities, dtype=np.float64)
    grid = np.unique(p)
    paid, charged_off = (np.searchsorted(np.sort(p[side]), grid, "right") / side.sum() for side in (~is_bad, is_bad))
    return float(np.abs(paid - charged_off).max())


def brier(labels: ArrayLike, probabilities: ArrayLike) -> Dict[str, float]:
    """Mean squared error of the probabilities, that of always saying the base rate, and the share saved."""
    y, p = np.asarray(labels, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
    value, reference = float(np.mean((p - y) ** 2)), float(y.mean() * (1 - y.mean()))
    return {"value": value, "base_rate": reference, "skill": 1 - value / reference}


def calibration(labels: ArrayLike, probabilities: ArrayLike, groups: int = 10) -> Dict[str, Any]:
    """Expected against observed charge-offs, by groups of equal size, and the calibration line.

    Intercept and slope are those of a logistic regression of the label on the log odds of the probability (Cox,
    Biometrika 45, 1958): 0 and 1 are perfect, a slope below 1 means that the probabilities are too extreme.
    """
    y, p = np.asarray(labels, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
    inside = np.clip(p, SMALLEST, 1 - SMALLEST)
    intercept, slope = _logistic_line(y, np.log(inside / (1 - inside)))
    table = [
        {
            "rows": len(part),
            "lowest": float(p[part[0]]),
            "highest": float(p[part[-1]]),
            "expected": float(p[part].mean()),
            "observed": float(y[part].mean()),
        }
        for part in np.array_split(np.argsort(p, kind="stable"), groups)
        if len(part)
    ]
    return {
        "expected": float(p.mean()),
        "observed": float(y.mean()),
        "intercept": intercept,
        "slope": slope,
        "table": table,
    }


def _logistic_line(labels: Array, at: Array) -> Tuple[float, float]:
    """Intercept and slope of greatest likelihood, by Newton's method; a step that overshoots is halved.

    Finite also where a score separates the outcomes, and steps could go on. Raises ValueError for one outcome only.
    """
    if len(np.unique(labels)) != 2:
        raise ValueError(f"labels: {len(labels)} with one outcome only; a calibration line needs both")
    design, line = np.column_stack([np.ones_like(at), at]), np.zeros(2)
    for _ in range(NEWTON_STEPS):
        chances = 0.5 + 0.5 * np.tanh(0.5 * (design @ line))
        curvature = design.T @ (design * (chances * (1 - chances))[:, None])
        # Equal scores leave the slope open; the shortest step does not make one up.
        step = np.linalg.lstsq(curvature, design.T @ (labels - chances), rcond=None)[0]
        least = _log_likelihood(labels, design @ line) - _ROUNDING * len(labels)
        while _log_likelihood(labels, design @ (line + step)) < least:
            step /= 2
        line = line + step
        if np.abs(step).max() < _STEP:
            break
    return float(line[0]), float(line[1])


def _log_likelihood(labels: Array, log_odds: Array) -> float:
    return float((labels * log_odds - np.logaddexp(0, log_odds)).sum())


def decision_table(labels: ArrayLike, probabilities: ArrayLike, thresholds: Sequence[float]) -> List[Dict[str, Any]]:
    """What approving up to each threshold would have meant; the charge-off rate is None if nothing is approved."""
    is_bad, p = np.asarray(labels) == 1, np.asarray(probabilities, dtype=np.float64)
    rows = []
    for threshold in thresholds:
        approved = p <= threshold
        count, bad = int(approved.sum()), int((approved & is_bad).sum())
        rows.append(
            {
                "threshold": float(threshold),
                "approved": count,
                "approval_rate": count / len(p),
                "charge_off_rate": bad / count if count else None,
                "charge_offs_avoided": 1 - bad / int(is_bad.sum()),
            }
        )
    return rows
