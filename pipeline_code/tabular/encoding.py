"""From the fields of a row to the numbers that a model sees.

Stateless: a category becomes its position in the schema's list, so that nothing is learned from data and training
and serving cannot differ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Dict, List, Mapping, Tuple

import numpy as np
from numpy.typing import NDArray

from tabular.fields import Field, Kind, Level


@dataclass(frozen=True)
class Encoder:
    """Fields in the order of the columns that are made of them."""

    fields: Tuple[Field, ...]

    @property
    def names(self) -> Tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    @property
    def types(self) -> Tuple[str, ...]:
        """XGBoost's feature types: categorical or quantitative."""
        return tuple("c" if field.kind is Kind.CATEGORICAL else "q" for field in self.fields)

    def encode(self, columns: Mapping[str, Any]) -> NDArray[np.float64]:
        """One row a row, one column a field.

        `columns` maps each field to a sequence of valid values; what is absent or None of a nullable field is NaN.
        Raises ValueError for a category that the schema does not list.
        """
        rows = len(columns[self.fields[0].name])
        matrix = np.empty((rows, len(self.fields)))
        for place, field in enumerate(self.fields):
            values = columns.get(field.name) if field.nullable else columns[field.name]
            coded = self._codes.get(field.name)
            if values is None:
                matrix[:, place] = np.nan
            else:
                matrix[:, place] = np.asarray(values, dtype=float) if coded is None else _coded(field, coded, values)
        return matrix

    @cached_property
    def _codes(self) -> Dict[str, Dict[Level, float]]:
        return {
            field.name: {level: float(code) for code, level in enumerate(field.levels)}
            for field in self.fields
            if field.kind is Kind.CATEGORICAL
        }


def _coded(field: Field, codes: Mapping[Level, float], values: Any) -> List[float]:
    if field.nullable:
        said = [value for value in values if not _is_missing(value)]
        coded = iter(_coded(replace(field, nullable=False), codes, said))
        return [np.nan if _is_missing(value) else next(coded) for value in values]
    if field.rest is not None:
        return [codes.get(value, codes[field.rest]) for value in values]
    try:
        return [codes[value] for value in values]
    except KeyError as error:
        raise ValueError(f"{field.name}: {error.args[0]!r} is not in the schema") from None


def _is_missing(value: Any) -> bool:
    return value is None or value != value
