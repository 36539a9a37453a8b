"""The ledger: every decision of a model with its reason and its inputs, appended and never changed.

One item of the environment's table a decision. The sort key begins with the generation of the release parameters
(the sum of their versions), so entries stand in the order of the decisions, and a decision that is taken again,
since the run before ended half-way, finds its entry there already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from shared.entries import Entries

REACH = 20
"""Generations within which an action that writes several parameters is known again; people write some meanwhile."""


@dataclass(frozen=True)
class Entry:
    """A decision. key: what it was about, unique in its generation; told: whether people are told of it too.

    verdict, observed: JSON texts; verdict is empty for a decision without one. at: ISO 8601, UTC, milliseconds.
    """

    generation: int
    key: str
    at: str
    kind: str
    package: str
    version: int
    stage: str
    reason: str
    verdict: str
    observed: str
    told: bool


@dataclass(frozen=True)
class Stay:
    """What the ledger knows of the candidate's stay in its stage: looks taken, when the weights last moved."""

    looks: int
    shifted: datetime | None


def sort_key(generation: int, key: str) -> str:
    """The key of an entry in the table."""
    return f"{generation:010d}#{key}"


class Ledger:
    """The entries of one model."""

    def __init__(self, dynamodb: Any, table: str, model: str) -> None:
        self._entries = Entries(dynamodb, table, model)

    def append(self, entry: Entry) -> None:
        """An entry that is there already stays as it is."""
        values = {name: value for name, value in asdict(entry).items() if name not in ("generation", "key")}
        if not entry.verdict:
            del values["verdict"]
        self._entries.append(sort_key(entry.generation, entry.key), values)

    def has(self, generation: int, key: str) -> bool:
        return self._entries.has(sort_key(generation, key))

    def had(self, generation: int, key: str) -> bool:
        """Whether an entry of this key was made in this generation or one of the few before it."""
        found = self._entries.between(sort_key(max(0, generation - REACH), ""), sort_key(generation + 1, ""))
        return any(_key(item) == key for item in found)

    def stay(self, candidate_version: int) -> Stay:
        """Reads back to the decision that the stay began with."""
        looks, shifts = 0, []
        mark = f"look#{candidate_version}#"
        for item in self._entries.newest_first("kind", "at"):
            if item["kind"] in ("begin", "rollback"):
                break
            looks += _key(item).startswith(mark)
            if item["kind"] == "shift":
                shifts.append(datetime.fromisoformat(item["at"]))
        return Stay(looks, max(shifts, default=None))


def _key(item: Mapping[str, str]) -> str:
    return item["entry"].partition("#")[2]
