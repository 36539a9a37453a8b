"""The ledger: every decision of a model with its reason and its inputs, appended and never changed.

One item of the environment's table a decision. The sort key begins with the generation of the release parameters
(the sum of their versions), so entries stand in the order of the decisions, and a decision that is taken again,
since the run before ended half-way, finds its entry there already.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

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
    """The entries of one model. Only PutItem, GetItem and Query: there is no way to change what stands there."""

    def __init__(self, dynamodb: Any, table: str, model: str) -> None:
        self._dynamodb, self._table, self._model = dynamodb, table, model

    def append(self, entry: Entry) -> None:
        """An entry that is there already stays as it is."""
        values = {name: value for name, value in asdict(entry).items() if name not in ("generation", "key")}
        item = {"model": self._model, "entry": sort_key(entry.generation, entry.key), **values}
        if not entry.verdict:
            del item["verdict"]
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item={name: _typed(value) for name, value in item.items()},
                ConditionExpression="attribute_not_exists(#entry)",
                ExpressionAttributeNames={"#entry": "entry"},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def has(self, generation: int, key: str) -> bool:
        answer = self._dynamodb.get_item(
            TableName=self._table,
            Key={"model": {"S": self._model}, "entry": {"S": sort_key(generation, key)}},
            ProjectionExpression="#entry",
            ExpressionAttributeNames={"#entry": "entry"},
            ConsistentRead=True,
        )
        return "Item" in answer

    def had(self, generation: int, key: str) -> bool:
        """Whether an entry of this key was made in this generation or one of the few before it."""
        first, last = sort_key(max(0, generation - REACH), ""), sort_key(generation + 1, "")
        found = self._query("#model = :model AND #entry BETWEEN :first AND :last", {":first": first, ":last": last})
        return any(item["entry"]["S"].partition("#")[2] == key for item in found)

    def stay(self, candidate_version: int) -> Stay:
        """Reads back to the decision that the stay began with."""
        looks, shifts = 0, []
        mark = f"look#{candidate_version}#"
        for item in self._query("#model = :model", {}, newest_first=True):
            if item["kind"]["S"] in ("begin", "rollback"):
                break
            looks += item["entry"]["S"].partition("#")[2].startswith(mark)
            if item["kind"]["S"] == "shift":
                shifts.append(datetime.fromisoformat(item["at"]["S"]))
        return Stay(looks, max(shifts, default=None))

    def _query(
        self, condition: str, values: Mapping[str, str], *, newest_first: bool = False
    ) -> Iterator[Mapping[str, Any]]:
        names = {"#model": "model", "#entry": "entry", "#kind": "kind", "#at": "at"}
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression=condition,
            ProjectionExpression="#entry, #kind, #at",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={
                ":model": {"S": self._model},
                **{name: {"S": value} for name, value in values.items()},
            },
            ScanIndexForward=not newest_first,
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]


def text(value: object) -> str:
    """JSON on one line; what JSON does not know (times) is written as text."""
    return json.dumps(value, default=str, separators=(",", ":"))


def _typed(value: object) -> dict[str, Any]:
    """A DynamoDB attribute of the value's type."""
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": str(value)} if isinstance(value, int) else {"S": str(value)}
