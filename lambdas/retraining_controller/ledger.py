"""The ledger of a model's retrainings: who asked, what was decided and why, how it ended; appended, never changed.

One item of the environment's table each, in a partition of its own. The sort key begins with the seconds since 1970
of the decision that it belongs to (of the scheduled time, where the schedule asked), so entries stand in their order,
and what is noted twice is there once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

from shared.entries import Entries, text
from state import NONE, Memory, Outcome, Run, Trigger

START, STARTED, ENDED, ASKED = "start", "started", "ended", "asked"
_READ = ("at", "kind", "package", "stage", "reason", "data", "parameters", "execution")


class Ledger:
    """The entries of one model's retrainings."""

    def __init__(self, dynamodb: Any, table: str, partition: str) -> None:
        self._entries = Entries(dynamodb, table, partition)

    def ask(self, at: datetime) -> None:
        """The schedule asked, at this scheduled time."""
        values = {"kind": ASKED, "package": "", "version": 0, "stage": "schedule", "told": False}
        self.append(int(at.timestamp()), ASKED, at, {**values, "reason": "the schedule asks for a retraining"})

    def append(self, generation: int, key: str, at: datetime, values: Mapping[str, object]) -> None:
        """at: when it happened. An entry that is there already stays as it is."""
        stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._entries.append(f"{generation:010d}#{key}", {"at": stamp, **values})

    def recall(self, since: datetime) -> Memory:
        """Back to the newest retraining that was decided before `since` and did not fail."""
        runs: list[Run] = []
        started: dict[int, Mapping[str, str]] = {}
        asked: list[datetime] = []
        told: set[str] = set()
        for item in self._entries.newest_first(*_READ):
            seconds, _, key = item["entry"].partition("#")
            moment = datetime.fromtimestamp(int(seconds), UTC)
            if runs and runs[-1].decided != moment and runs[-1].serves and runs[-1].begun < since:
                break
            # The last key comes first: `started` before `start`, and that before `ended`.
            match key:
                case "started":
                    started[int(seconds)] = item
                case "start":
                    runs.append(_run(moment, item, started.get(int(seconds))))
                case "ended":
                    runs[-1] = replace(runs[-1], outcome=cast(Outcome, item["kind"]))
                case "asked":
                    asked.append(moment)
                case _:
                    told.add(key)
        return Memory(tuple(runs), tuple(reversed(asked)), frozenset(told))


def decision(run: Run, observed: object) -> dict[str, object]:
    """What the entry of a decision holds beside its time; observed: all that it was made from."""
    return {
        "kind": START,
        "stage": run.trigger,
        "reason": run.reason,
        "data": run.data,
        "parameters": text(dict(run.parameters)),
        "observed": text(observed),
        "told": False,
    }


def _run(decided: datetime, item: Mapping[str, str], started: Mapping[str, str] | None) -> Run:
    return Run(
        decided=decided,
        trigger=cast(Trigger, item["stage"]),
        reason=item["reason"],
        data=item["data"],
        parameters=json.loads(item["parameters"]),
        package=item["package"] or NONE,
        execution=started["execution"] if started else "",
        started=datetime.fromisoformat(started["at"]) if started else None,
    )
