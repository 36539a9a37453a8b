"""Entries of the environment's ledger table: one item each, appended and never changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError


class Entries:
    """The items of one partition. Only PutItem, GetItem and Query: there is no way to change what stands there."""

    def __init__(self, dynamodb: Any, table: str, partition: str) -> None:
        self._dynamodb, self._table, self._partition = dynamodb, table, partition

    def append(self, key: str, values: Mapping[str, object]) -> None:
        """An entry that is there already stays as it is. values: texts, whole numbers, true or false."""
        item = {"model": self._partition, "entry": key, **values}
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item={name: _typed(value) for name, value in item.items()},
                ConditionExpression="attribute_not_exists(#entry)",
                ExpressionAttributeNames={"#entry": "entry"},
            )
        except ClientError as error:
            if not was_refused(error):
                raise

    def has(self, key: str) -> bool:
        answer = self._dynamodb.get_item(
            TableName=self._table,
            Key={"model": {"S": self._partition}, "entry": {"S": key}},
            ProjectionExpression="#entry",
            ExpressionAttributeNames={"#entry": "entry"},
            ConsistentRead=True,
        )
        return "Item" in answer

    def newest_first(self, *members: str) -> Iterator[dict[str, str]]:
        """All entries, the last key first; their key (`entry`) and these members as texts, "" where one has none."""
        return self._query("#model = :model", {}, members, forward=False)

    def between(self, first: str, last: str) -> Iterator[dict[str, str]]:
        """The keys, as `entry`, from `first` up to `last`, in their order."""
        return self._query("#model = :model AND #entry BETWEEN :first AND :last", {":first": first, ":last": last}, ())

    def _query(
        self, condition: str, values: Mapping[str, str], members: tuple[str, ...], *, forward: bool = True
    ) -> Iterator[dict[str, str]]:
        read = ("entry", *members)
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression=condition,
            ProjectionExpression=", ".join(f"#{name}" for name in read),
            ExpressionAttributeNames={f"#{name}": name for name in ("model", *read)},
            ExpressionAttributeValues={
                ":model": {"S": self._partition},
                **{name: {"S": value} for name, value in values.items()},
            },
            ScanIndexForward=forward,
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                yield {name: str(next(iter(item[name].values()))) if name in item else "" for name in read}


def was_refused(error: ClientError) -> bool:
    """Whether the condition of a write did not hold, which is an answer; every other error is to be raised."""
    return bool(error.response["Error"]["Code"] == "ConditionalCheckFailedException")


def text(value: object) -> str:
    """JSON on one line; what JSON does not know (times) is written as text."""
    return json.dumps(value, default=str, separators=(",", ":"))


def _typed(value: object) -> dict[str, Any]:
    """A DynamoDB attribute of the value's type."""
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": str(value)} if isinstance(value, int) else {"S": str(value)}
