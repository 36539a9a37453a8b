"""Which tables a query reads, and which of their partitions its conditions leave.

DuckDB parses the query. Of a SELECT's WHERE, those parts count that all rows must satisfy (joined by AND) and that
compare a partition column with texts; others are left to the query itself, which then reads more than it needs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local_aws.athena.tables import Table

Node = dict[str, Any]
Test = Callable[[Mapping[str, str]], bool]

_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "COMPARE_EQUAL": str.__eq__,
    "COMPARE_LESSTHAN": str.__lt__,
    "COMPARE_LESSTHANOREQUALTO": str.__le__,
    "COMPARE_GREATERTHAN": str.__gt__,
    "COMPARE_GREATERTHANOREQUALTO": str.__ge__,
}

_STATIC_EQUALITIES = frozenset({"COMPARE_EQUAL", "COMPARE_IN"})


class ConstraintViolation(Exception):
    """The query lacks a condition that Athena needs to find the table's partitions."""


@dataclass(frozen=True, eq=False)
class Used:
    """A table of a query, and the test that its partitions must pass to be read."""

    database: str
    table: Table
    keeps: Test


def tables(sql: str, database: str, find: Callable[[str, str], Table | None]) -> list[Used]:
    """The tables of the query that `find` knows, each once, with the partitions that any mention of it needs.

    Raises ConstraintViolation where a mention gives no value of a partition that is injected by the query.
    """
    tests: dict[tuple[str, str], list[Test]] = {}
    found: dict[tuple[str, str], Table] = {}
    tree = _parsed(sql)
    named = {entry["key"] for select in _nodes(tree, "SELECT_NODE") for entry in select["cte_map"]["map"]}
    for select in _nodes(tree, "SELECT_NODE"):
        sources = list(_base_tables(select.get("from_table")))
        for source in sources:
            if not source["schema_name"] and source["table_name"] in named:
                continue  # a WITH of the query itself
            place = (source["schema_name"] or database, source["table_name"])
            if place not in found:
                if (table := find(*place)) is None:
                    continue
                found[place] = table
            names = {str(source["alias"] or source["table_name"]).lower()}
            where, alone = select.get("where_clause"), len(sources) == 1
            _check_injected(where, found[place], names, alone=alone)
            test = _test(where, found[place], names, alone=alone)
            tests.setdefault(place, []).append(test)
    return [Used(place[0], table, _any(tests[place])) for place, table in found.items()]


def _parsed(sql: str) -> Any:
    import duckdb

    with duckdb.connect() as connection:
        [[text]] = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    # What is no SELECT has no tree; DuckDB says what is wrong with it when it runs.
    return json.loads(text).get("statements", [])


def _nodes(tree: Any, kind: str) -> Iterator[Node]:
    if isinstance(tree, dict):
        if tree.get("type") == kind:
            yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for item in tree:
            yield from _nodes(item, kind)


def _base_tables(source: Node | None) -> Iterator[Node]:
    """The tables that a FROM names itself; those of subqueries belong to the subqueries."""
    if source and source["type"] == "JOIN":
        yield from _base_tables(source["left"])
        yield from _base_tables(source["right"])
    elif source and source["type"] == "BASE_TABLE":
        yield source


def _test(where: Node | None, table: Table, names: set[str], *, alone: bool) -> Test:
    parts = [_comparison(part, table, names, alone=alone) for part in _conjuncts(where)]
    tests = [part for part in parts if part is not None]
    return lambda values: all(test(values) for test in tests)


def _check_injected(where: Node | None, table: Table, names: set[str], *, alone: bool) -> None:
    """Source of the rule and its text: Athena user guide, partition-projection-dynamic-id-partitioning."""
    for key in table.injected:
        kinds = [part["type"] for part in _conjuncts(where) if key in _compared(part, table, names, alone=alone)]
        if not kinds or not set(kinds) <= _STATIC_EQUALITIES:
            raise ConstraintViolation(
                f"CONSTRAINT_VIOLATION: For the injected projected partition column {key}, the WHERE clause must "
                "contain only static equality conditions, and at least one such condition must be present."
            )


def _compared(part: Node, table: Table, names: set[str], *, alone: bool) -> set[str]:
    """The partition columns in a condition; none if it is an equality with something but texts."""
    columns = {_column(node, table, names, alone=alone) for node in _nodes(part, "COLUMN_REF")} - {None}
    if part["type"] in _STATIC_EQUALITIES and _comparison(part, table, names, alone=alone) is None:
        return set()
    return {column for column in columns if column is not None}


def _conjuncts(where: Node | None) -> list[Node]:
    if where is None:
        return []
    if where["type"] == "CONJUNCTION_AND":
        return [inner for child in where["children"] for inner in _conjuncts(child)]
    return [where]


def _comparison(part: Node, table: Table, names: set[str], *, alone: bool) -> Test | None:
    """The test of one comparison; None if it is not of a partition column with texts."""
    children = part.get("children") or [part.get(side) for side in ("left", "right", "input", "lower", "upper")]
    if not (given := [child for child in children if child]):
        return None  # a column that is a condition itself
    column, *others = given
    texts = [_text(other) for other in others]
    key = _column(column, table, names, alone=alone)
    if key is None or None in texts:
        return None
    return _test_of(part["type"], key, [text for text in texts if text is not None])


def _test_of(kind: str, key: str, texts: list[str]) -> Test | None:
    if kind == "COMPARE_BETWEEN":
        return lambda values: texts[0] <= values[key] <= texts[1]
    if kind == "COMPARE_IN":
        return lambda values: values[key] in texts
    if compare := _COMPARISONS.get(kind):
        return lambda values: compare(values[key], texts[0])
    return None


def _column(node: Node, table: Table, names: set[str], *, alone: bool) -> str | None:
    """The partition column that a node names; None for anything else."""
    if node["type"] != "COLUMN_REF":
        return None
    *qualifier, name = [str(part).lower() for part in node["column_names"]]
    ours = qualifier[-1] in names if qualifier else alone
    return name if ours and name in table.keys else None


def _text(node: Node) -> str | None:
    if node["type"] != "VALUE_CONSTANT" or node["literal"]["kind"] != "STRING":
        return None
    return str(node["literal"]["text"])


def _any(tests: list[Test]) -> Test:
    return lambda values: any(test(values) for test in tests)
