"""Weights of training rows that take away what a group and its labels have to do with each other.

F. Kamiran & T. Calders, "Data preprocessing techniques for classification without discrimination", Knowledge and
Information Systems 33 (2012): a row of group s with label y weighs P(s) P(y) / P(s, y). Counted with these weights
group and label are independent, exactly, and each group, each label and the whole weigh what they did. Nothing else of
a row changes: what other inputs tell of the group still reaches the model.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def reweighing(group: ArrayLike, label: ArrayLike) -> NDArray[np.float64]:
    """One weight a row, of whether it belongs to the group and whether its label is 1.

    Raises ValueError if one of the four kinds of rows does not occur: no weight could make up for it.
    """
    inside, is_one = np.asarray(group).astype(bool), np.asarray(label).astype(bool)
    weights = np.empty(len(inside))
    for s in (False, True):
        for y in (False, True):
            kind = (inside == s) & (is_one == y)
            if not kind.any():
                where = "in" if s else "outside of"
                raise ValueError(f"reweighing: no row {where} the group has label {int(y)}")
            expected = (inside == s).sum() * (is_one == y).sum() / len(inside)
            weights[kind] = expected / kind.sum()
    return weights
