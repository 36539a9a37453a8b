"""What is expected of a feature, in Model Monitor's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

FRACTIONAL, INTEGRAL, STRING = "Fractional", "Integral", "String"


@dataclass(frozen=True)
class Feature:
    """What is expected of a feature; coded categories are of type String, since arithmetic on codes means nothing."""

    name: str
    inferred_type: str
    completeness: float = 1.0
    non_negative: bool = False
    domain: Tuple[str, ...] = ()
