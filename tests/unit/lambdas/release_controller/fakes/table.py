# ruff: noqa: N803 - the arguments of the calls are spelled as AWS spells them
"""A DynamoDB table of model and entry, with the conditions that the controller writes."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tests.unit.lambdas.release_controller.names import TABLE, refused

Item = dict[str, dict[str, Any]]

_CLAUSE = re.compile(
    r"(?P<function>attribute_not_exists|attribute_exists)\((?P<of>#\w+)\)"
    r"|(?P<name>#\w+) (?:(?P<operator><=|>=|=|<|>) (?P<value>:\w+)|BETWEEN (?P<low>:\w+) AND (?P<high>:\w+))"
)
_COMPARE = {"<=": operator.le, ">=": operator.ge, "=": operator.eq, "<": operator.lt, ">": operator.gt}


@dataclass
class Table:
    items: dict[tuple[str, str], Item] = field(default_factory=dict)
    page_size: int = 7

    def put_item(
        self, TableName: str, Item: Item, ConditionExpression: str, ExpressionAttributeNames: dict[str, str]
    ) -> dict[str, Any]:
        key = _key(TableName, Item)
        assert not key[0].startswith("lock#")
        self._check("PutItem", key, ConditionExpression, ExpressionAttributeNames, {})
        self.items[key] = Item
        return {}

    def get_item(
        self,
        TableName: str,
        Key: Item,
        ProjectionExpression: str,
        ExpressionAttributeNames: dict[str, str],
        ConsistentRead: bool,
    ) -> dict[str, Any]:
        found = self.items.get(_key(TableName, Key))
        _all_used(ProjectionExpression, ExpressionAttributeNames, {})
        return {} if found is None else {"Item": _projected(found, ProjectionExpression)}

    def update_item(
        self,
        TableName: str,
        Key: Item,
        UpdateExpression: str,
        ConditionExpression: str,
        ExpressionAttributeNames: dict[str, str],
        ExpressionAttributeValues: dict[str, dict[str, Any]],
        ReturnValues: str,
    ) -> dict[str, Any]:
        key = _key(TableName, Key)
        assert key[0].startswith("lock#"), "the ledger is only appended to"
        text = f"{UpdateExpression} {ConditionExpression}"
        _all_used(text, ExpressionAttributeNames, ExpressionAttributeValues)
        self._check("UpdateItem", key, ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues)
        item = {**self.items.get(key, Key)}
        sets, _, removes = UpdateExpression.removeprefix("SET ").partition(" REMOVE ")
        for clause in sets.split(", "):
            name, _, value = clause.partition(" = ")
            item[ExpressionAttributeNames[name]] = ExpressionAttributeValues[value]
        if removes:
            item.pop(ExpressionAttributeNames[removes], None)
        self.items[key] = item
        return {"Attributes": item} if ReturnValues == "ALL_NEW" else {}

    def delete_item(
        self,
        TableName: str,
        Key: Item,
        ConditionExpression: str,
        ExpressionAttributeNames: dict[str, str],
        ExpressionAttributeValues: dict[str, dict[str, Any]],
    ) -> dict[str, Any]:
        key = _key(TableName, Key)
        assert key[0].startswith("lock#"), "the ledger is only appended to"
        _all_used(ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues)
        self._check("DeleteItem", key, ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues)
        self.items.pop(key, None)
        return {}

    def query(
        self,
        TableName: str,
        KeyConditionExpression: str,
        ProjectionExpression: str,
        ExpressionAttributeNames: dict[str, str],
        ExpressionAttributeValues: dict[str, dict[str, Any]],
        ScanIndexForward: bool,
        ConsistentRead: bool,
        ExclusiveStartKey: Item | None = None,
    ) -> dict[str, Any]:
        assert TableName == TABLE
        names, values = ExpressionAttributeNames, ExpressionAttributeValues
        _all_used(f"{KeyConditionExpression} {ProjectionExpression}", names, values)
        partition, also, rest = KeyConditionExpression.partition(" AND ")
        assert (partition, names["#model"]) == ("#model = :model", "model"), "a query is of one partition"
        model = values[":model"]["S"]
        held = [key for key in self.items if key[0] == model]
        if also:
            held = [key for key in held if _holds(rest, self.items[key], names, values)]
        found = [self.items[key] for key in sorted(held, reverse=not ScanIndexForward)]
        start = int(ExclusiveStartKey["position"]["N"]) if ExclusiveStartKey else 0
        stop = start + self.page_size
        more = {"LastEvaluatedKey": {"position": {"N": str(stop)}}} if stop < len(found) else {}
        projection = ", ".join(names[word] for word in ProjectionExpression.split(", "))
        return {"Items": [_projected(item, projection) for item in found[start:stop]], **more}

    def _check(
        self, operation: str, key: tuple[str, str], condition: str, names: dict[str, str], values: dict[str, Any]
    ) -> None:
        if not _holds(condition, self.items.get(key, {}), names, values):
            raise refused("ConditionalCheckFailedException", "The conditional request failed", operation)


def _key(table: str, item: Item) -> tuple[str, str]:
    assert table == TABLE
    return item["model"]["S"], item["entry"]["S"]


def _projected(item: Item, projection: str) -> Item:
    wanted = [name.removeprefix("#") for name in projection.split(", ")]
    return {name: item[name] for name in wanted if name in item}


def _holds(condition: str, item: Item, names: dict[str, str], values: dict[str, Any]) -> bool:
    """Clauses joined by AND or by OR, not by both."""
    results = []
    clauses, joined = _clauses(condition)
    for clause in clauses:
        if clause["function"]:
            results.append((names[clause["of"]] in item) == (clause["function"] == "attribute_exists"))
            continue
        held = _plain(item.get(names[clause["name"]]))
        if held is None:
            results.append(False)
        elif clause["operator"]:
            wanted = _plain(values[clause["value"]])
            results.append(_COMPARE[clause["operator"]](held, wanted))
        else:
            results.append(_plain(values[clause["low"]]) <= held <= _plain(values[clause["high"]]))
    return joined(results)


@cache
def _clauses(condition: str) -> tuple[list[re.Match[str]], Callable[[list[bool]], bool]]:
    """The clauses, and how they are joined. The controller has a dozen conditions and asks them again and again."""
    clauses, rest = [*_CLAUSE.finditer(condition)], _CLAUSE.sub("", condition).split()
    assert len(set(rest)) <= 1 and len(rest) == len(clauses) - 1, condition
    return clauses, any if "OR" in rest else all


def _plain(value: dict[str, Any] | None) -> Any:
    if value is None:
        return None
    ((kind, held),) = value.items()
    return int(held) if kind == "N" else held


def _all_used(text: str, names: dict[str, str], values: dict[str, Any]) -> None:
    """DynamoDB refuses names and values that no expression uses, and those that are used and not given."""
    used_names, used_values = _used(text)
    assert used_names == names.keys(), (text, names)
    assert used_values == values.keys(), (text, values)


@cache
def _used(text: str) -> tuple[frozenset[str], frozenset[str]]:
    return frozenset(re.findall(r"#\w+", text)), frozenset(re.findall(r":\w+", text))
