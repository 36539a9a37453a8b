"""From the fields of applications to the numbers that the model sees.

Stateless: a category becomes its position in the schema's list, so that nothing is learned from data and training
and serving cannot differ.
"""

from __future__ import annotations

from typing import Any, Mapping, Tuple

import numpy as np
from numpy.typing import NDArray

from loan_approval.schema import INPUTS, Kind

_CODES = {
    field.name: {level: float(code) for code, level in enumerate(field.levels)}
    for field in INPUTS
    if field.kind is Kind.CATEGORICAL
}

_RESTS = {field.name: _CODES[field.name][field.rest] for field in INPUTS if field.rest is not None}

# The guaranteed amount enters as a share: the amounts themselves are nearly proportional.
_SHARE = {"SBA_Appv": "guaranteed_share"}

FEATURES: Tuple[str, ...] = tuple(_SHARE.get(field.name, field.name) for field in INPUTS)

FEATURE_TYPES: Tuple[str, ...] = tuple("c" if field.name in _CODES else "q" for field in INPUTS)
"""XGBoost's feature types: categorical or quantitative."""


def encode(columns: Mapping[str, Any]) -> NDArray[np.float64]:
    """One row an application, one column a feature, in the order of FEATURES.

    `columns` maps each input field to a sequence of valid values; raises ValueError for a category that the schema
    does not list.
    """
    rows = len(columns[INPUTS[0].name])
    matrix = np.empty((rows, len(INPUTS)))
    for position, field in enumerate(INPUTS):
        values = columns[field.name]
        if field.name in _CODES:
            matrix[:, position] = _codes(field.name, values)
        else:
            matrix[:, position] = values
        if field.name in _SHARE:
            matrix[:, position] /= np.asarray(columns["GrAppv"], dtype=float)
    return matrix


def _codes(name: str, values: Any) -> list[float]:
    codes = _CODES[name]
    if name in _RESTS:
        return [codes.get(value, _RESTS[name]) for value in values]
    try:
        return [codes[value] for value in values]
    except KeyError as error:
        raise ValueError(f"{name}: {error.args[0]!r} is not in the schema") from None
