"""The ledger of a model's releases: every decision of the controller with its reason, as the table keeps it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from mlops.aws import is_missing
from mlops.errors import CommandError
from mlops.release_state import version_of

Item = Mapping[str, Mapping[str, Any]]

_STEPS = frozenset({"write", "apply", "shift", "look"})
"""Kinds of entries that follow from a decision, and looks that decided nothing: there are many of them."""

ENDED = {
    "lost": "lost", "inconclusive": "inconclusive", "failed": "failed", "rejected": "rejected",
    "revert": "rolled back", "rollback": "rolled back",
}  # fmt: skip
"""What became of a version, by the kind of its entry: the same word on every page."""

# All but `observed`, which is larger than the rest together.
_READ = ("entry", "at", "kind", "package", "version", "stage", "reason", "verdict")


@dataclass(frozen=True)
class Entry:
    """One decision. generation: grows with every change of the release state, so it orders the entries.

    verdict: the figures of the comparison that led to it, or nothing.
    """

    key: str
    at: datetime
    kind: str
    package: str
    version: int
    stage: str
    reason: str
    verdict: Mapping[str, Any] | None

    @property
    def generation(self) -> int:
        return int(self.key.partition("#")[0])

    @property
    def is_step(self) -> bool:
        """Whether it only carries out, or does not change, what was decided before."""
        return self.kind in _STEPS

    @property
    def happened(self) -> str:
        """The kind as a person reads it."""
        return ENDED.get(self.kind, self.kind)


def newest(dynamodb: Any, table: str, model: str, limit: int, *, steps: bool = True) -> list[Entry]:
    """The newest `limit` entries of a model, newest first; without `steps` only decisions."""
    entries: list[Entry] = []
    for entry in _backwards(dynamodb, table, model):
        if entry.is_step and not steps:
            continue
        # Keys order the entries of one generation by name, not by time: all of them are read before they are cut.
        if len(entries) >= limit and entry.generation != entries[-1].generation:
            break
        entries.append(entry)
    return sorted(entries, key=_order, reverse=True)[:limit]


def since(dynamodb: Any, table: str, model: str, generation: int) -> list[Entry]:
    """The entries of a model from a generation on, oldest first."""
    pages = _pages(
        dynamodb,
        table,
        condition="#model = :model AND #entry >= :first",
        values={":model": {"S": model}, ":first": {"S": f"{generation:010d}"}},
        forward=True,
    )
    return sorted(pages, key=_order)


def _backwards(dynamodb: Any, table: str, model: str) -> Iterator[Entry]:
    return _pages(
        dynamodb,
        table,
        condition="#model = :model",
        values={":model": {"S": model}},
        forward=False,
    )


def _pages(dynamodb: Any, table: str, *, condition: str, values: dict[str, Any], forward: bool) -> Iterator[Entry]:
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression=condition,
        ProjectionExpression=", ".join(f"#{name}" for name in _READ),
        ExpressionAttributeNames={f"#{name}": name for name in ("model", *_READ)},
        ExpressionAttributeValues=values,
        ScanIndexForward=forward,
        ConsistentRead=True,
    )
    try:
        for page in pages:
            yield from (_entry(item) for item in page["Items"])
    except ClientError as error:
        if is_missing(error, "ResourceNotFoundException"):
            raise CommandError(f"table {table}: does not exist; deploy the foundation") from error
        raise


def _entry(item: Item) -> Entry:
    package = item.get("package", {}).get("S", "")
    verdict = item.get("verdict", {}).get("S", "")
    return Entry(
        key=item["entry"]["S"],
        at=datetime.fromisoformat(item["at"]["S"]),
        kind=item["kind"]["S"],
        package=package,
        version=int(item["version"]["N"]) if "version" in item else version_of(package),
        stage=item.get("stage", {}).get("S", ""),
        reason=item.get("reason", {}).get("S", ""),
        verdict=json.loads(verdict) if verdict else None,
    )


def _order(entry: Entry) -> tuple[int, datetime]:
    return entry.generation, entry.at
