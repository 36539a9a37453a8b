"""What a column of a model's data is, and how its values are read: from a request, and from a file.

A model's schema is a list of these; validation, features, requests and monitoring are made from it. This module imports
nothing but the standard library: every step and the endpoint load it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any, Optional, Tuple, Union

Level = Union[int, str]
Value = Union[float, int, str]


class Kind(Enum):
    """How a field's values are to be read."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    DATE = "date"


class Role(Enum):
    """When a field is known and what it may be used for, which decides whether a model may see it."""

    INPUT = "input"
    HISTORY = "history"
    CONTEXT = "context"
    PROTECTED = "protected"
    OUTCOME = "outcome"


@dataclass(frozen=True)
class Field:
    """One column of the data; inputs are also members of a request, and history may be.

    What is protected is kept to measure what a model does to whom, and is never shown to it.
    """

    name: str
    kind: Kind
    role: Role
    meaning: str
    minimum: Optional[float] = None
    maximum: Optional[float] = None
    whole: bool = False
    levels: Tuple[Level, ...] = ()
    rest: Optional[str] = None  # the level that every unlisted text counts as; without one, it is refused
    nullable: bool = False

    def read(self, value: Any) -> Value:
        """The value as given in JSON; raises ValueError with what is wrong, without the field's name."""
        if value is None:
            raise ValueError("missing")
        if self.kind is Kind.CATEGORICAL:
            return self._level(value)
        return self._number(value)

    def read_text(self, text: str) -> Value:
        """The same from CSV, where everything is text."""
        text = text.strip()
        if not text:
            return self.read(None)
        if self.kind is Kind.CATEGORICAL and not self.has_numeric_levels:
            return self.read(text)
        if not _is_number(text):
            raise ValueError(f"{_shown(text)} is not a number")
        return self.read(float(text))

    @property
    def has_numeric_levels(self) -> bool:
        return bool(self.levels) and not isinstance(self.levels[0], str)

    def _level(self, value: Any) -> Level:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, (int, str)) and not isinstance(value, bool) and value in self.levels:
            return value
        if self.rest is not None and isinstance(value, str) and value.strip():
            return self.rest
        if self.rest is not None:
            raise ValueError(f"{_shown(value)} is not a name")
        raise ValueError(f"{_shown(value)} is not one of {', '.join(map(str, self.levels))}")

    def _number(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{_shown(value)} is not a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise ValueError(f"{_shown(value)} is not a finite number")
        if self.whole and not number.is_integer():
            raise ValueError(f"{_shown(value)} is not a whole number")
        if self.minimum is not None and number < self.minimum:
            raise ValueError(f"{_shown(value)} is below {self.minimum:g}")
        if self.maximum is not None and number > self.maximum:
            raise ValueError(f"{_shown(value)} is above {self.maximum:.10g}")
        return number


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
