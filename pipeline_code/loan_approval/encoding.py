"""From the fields of applications to the numbers that the model sees.

Stateless: a category becomes its position in the schema's list, so that nothing is learned from data and training
and serving cannot differ.
"""

from __future__ import annotations

from typing import Any, Mapping, Tuple

import numpy as np
from numpy.typing import NDArray

from loan_approval.schema import SEEN
from tabular.encoding import Encoder

_ENCODER = Encoder(SEEN)

# The guaranteed amount enters as a share: the amounts themselves are nearly proportional.
_SHARE = {"SBA_Appv": "guaranteed_share"}

FEATURES: Tuple[str, ...] = tuple(_SHARE.get(name, name) for name in _ENCODER.names)

FEATURE_TYPES: Tuple[str, ...] = _ENCODER.types
"""XGBoost's feature types: categorical or quantitative."""


def encode(columns: Mapping[str, Any]) -> NDArray[np.float64]:
    """One row an application, one column a feature, in the order of FEATURES.

    `columns` maps each input field to a sequence of valid values, and history, as far as it is known, to numbers or
    None; what is not known is NaN. Raises ValueError for a category that the schema does not list.
    """
    matrix = _ENCODER.encode(columns)
    for name in _SHARE:
        matrix[:, _ENCODER.names.index(name)] /= np.asarray(columns["GrAppv"], dtype=float)
    return matrix
