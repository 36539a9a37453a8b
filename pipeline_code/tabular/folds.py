"""What a model says of rows that it did not learn from, although all of them are learned from in the end."""

from __future__ import annotations

from typing import Callable

import numpy as np
from numpy.typing import NDArray

FOLDS = 5

Learn = Callable[[NDArray[np.bool_], NDArray[np.bool_]], NDArray[np.float64]]
"""(rows to learn from, rows to score) to the scores of the latter."""


def cross_fit(rows: int, seed: int, learn: Learn) -> NDArray[np.float64]:
    """A score of each row by a model of the other folds; which row is in which fold, the seed decides."""
    folds = np.random.default_rng(seed).permutation(rows) % FOLDS
    scores = np.empty(rows)
    for fold in range(FOLDS):
        scores[folds == fold] = learn(folds != fold, folds == fold)
    return scores
