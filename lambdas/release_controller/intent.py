"""A write that people are to be told of, kept in the lock while it happens.

If the run ends between the write and the telling, the next one finds the intent and tells.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from ledger import Entry
from shared.entries import text
from state import Parameter, Parameters


@dataclass(frozen=True)
class Intent:
    """A parameter is about to be written: name, new value, and its version before; then it is told and noted."""

    name: str
    value: str
    version: int
    entry: Entry
    subject: str
    message: str

    def came_true(self, parameters: Parameters) -> bool:
        parameter: Parameter = getattr(parameters, self.name.replace("-", "_"))
        return parameter.version > self.version and parameter.value == self.value

    def stored(self) -> str:
        return text(asdict(self))

    @classmethod
    def read(cls, stored: str) -> Intent:
        values = json.loads(stored)
        return cls(**values | {"entry": Entry(**values["entry"])})
