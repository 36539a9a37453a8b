"""What a model of declared fields is about: the probability of one of two outcomes, by the inputs of a row.

Steps, endpoint and monitors of such a model are made from it (`tabular.steps`, `tabular.scoring`, `tabular.monitored`).
This module imports nothing but declarations: every step and the endpoint load it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, List, Tuple

from tabular.encoding import Encoder
from tabular.fields import Field, Level, Role
from tabular.serving import Form


@dataclass(frozen=True)
class Task:
    """positive: the level of the outcome whose probability the model gives, and which nobody hopes for.

    row, called: what a row is, and what those with the positive outcome are, in the words of logs and documents.
    """

    fields: Tuple[Field, ...]
    positive: Level
    row: str = "row"
    called: str = "positive"

    @cached_property
    def outcome(self) -> Field:
        [field] = [field for field in self.fields if field.role is Role.OUTCOME]
        return field

    @property
    def label(self) -> str:
        return self.outcome.name

    @cached_property
    def inputs(self) -> Tuple[Field, ...]:
        return tuple(field for field in self.fields if field.role is Role.INPUT)

    @cached_property
    def form(self) -> Form:
        return Form(self.inputs)

    @cached_property
    def encoder(self) -> Encoder:
        return Encoder(self.inputs)

    def is_positive(self, rows: Any) -> List[bool]:
        """Of each row of a frame, whether its outcome is the positive one."""
        return [value == self.positive for value in rows[self.label].tolist()]
