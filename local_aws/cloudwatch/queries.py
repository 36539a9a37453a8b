"""MetricDataQueries, of alarms and of GetMetricData: what is checked of them, and their values.

All metrics that an expression uses must have the same period here. Source: API reference, MetricDataQuery.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from local_aws.cloudwatch import math_values
from local_aws.cloudwatch.math_syntax import MathError, functions, names, parse
from local_aws.cloudwatch.math_values import Inputs, Series, Value
from local_aws.cloudwatch.points import Statistic
from local_aws.core.api import ValidationException

Query = dict[str, Any]
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
_SECONDS = (1, 5, 10, 20, 30)


def check(queries: Sequence[Query]) -> None:
    """Refuse queries that cannot be computed.

    Errors: ValidationException."""
    ids = [str(query["Id"]) for query in queries]
    for query in queries:
        name = query["Id"]
        if not _ID.fullmatch(name):
            raise ValidationException(
                f"The value {name} for parameter Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."
            )
        if ids.count(name) > 1:
            raise ValidationException(f"The values for parameter id in Metrics are not unique: {name}.")
        if ("Expression" in query) == ("MetricStat" in query):
            raise ValidationException(f"{name}: exactly one of MetricStat and Expression must be given.")
        if "AccountId" in query:
            raise ValidationException(f"{name}: AccountId, a metric of another account, is not emulated locally.")
        if "MetricStat" in query:
            check_period(query["MetricStat"]["Period"])
    for query in queries:
        if "Expression" in query:
            check_expression(query, ids)
    order(queries)


def check_expression(query: Query, ids: Sequence[str]) -> None:
    """Errors: ValidationException for an expression that is none, or uses what is not emulated."""
    try:
        math_values.check(query["Expression"], ids)
    except MathError as error:
        raise ValidationException(f"Error in expression '{query['Id']}': {error}.") from error


def check_period(period: int) -> None:
    """Errors: ValidationException for a period that AWS does not have."""
    if period not in _SECONDS and (period < 60 or period % 60):
        raise ValidationException(f"Period must be 10, 20, 30 or a multiple of 60; it is {period}.")


def period_of(queries: Sequence[Query], name: str) -> int:
    """The period of the metrics behind a query.

    Errors: ValidationException where there are several, or none."""
    by_id = {query["Id"]: query for query in queries}
    found = {by_id[each]["MetricStat"]["Period"] for each in _metrics_behind(by_id, name)}
    given = by_id[name].get("Period")
    if not found and given:
        return int(given)
    if len(found) != 1:
        what = f"periods {sorted(found)}" if found else "no metric"
        raise ValidationException(f"{name}: its expression has {what}; the local AWS needs metrics of one period.")
    return int(found.pop())


def order(queries: Sequence[Query]) -> list[Query]:
    """The queries, each after those that it refers to.

    Errors: ValidationException for a circle."""
    by_id = {str(query["Id"]): query for query in queries}
    sorted_ids: list[str] = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise ValidationException(f"Circular reference between expressions: {' -> '.join([*path, name])}.")
        if name in sorted_ids or name not in by_id:
            return
        for other in _references(by_id, name):
            visit(other, (*path, name))
        sorted_ids.append(name)

    for name in by_id:
        visit(name, ())
    return [by_id[name] for name in sorted_ids]


def values(
    queries: Sequence[Query],
    wanted: str,
    periods: int,
    period: int,
    series: Callable[[Statistic], Series],
) -> Value:
    """The value of the query `wanted`, over so many periods.

    Errors: MathError, as for a list of time series where one is needed."""
    by_id = {str(query["Id"]): query for query in queries}
    needed = {wanted, *_behind(by_id, wanted)}
    computed: dict[str, Value] = {}
    metrics = [name for name, query in by_id.items() if "MetricStat" in query and name in needed]
    for query in order(queries):
        name = str(query["Id"])
        if name not in needed:
            continue
        if "MetricStat" in query:
            computed[name] = series(Statistic.of_query(query["MetricStat"]))
        else:
            inputs = Inputs(computed, metrics, periods, period)
            computed[name] = math_values.compute(query["Expression"], inputs)
    return computed[wanted]


def _references(by_id: dict[str, Query], name: str) -> list[str]:
    query = by_id[name]
    if "Expression" not in query:
        return []
    tree = parse(query["Expression"])
    found = [other for other in sorted(names(tree)) if other in by_id]
    if "METRICS" in functions(tree):
        found += [other for other, each in by_id.items() if "MetricStat" in each]
    return found


def _behind(by_id: dict[str, Query], name: str) -> set[str]:
    """Every query that this one is computed from, directly or not."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for other in _references(by_id, waiting.pop()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


def _metrics_behind(by_id: dict[str, Query], name: str) -> set[str]:
    return {each for each in {name, *_behind(by_id, name)} if "MetricStat" in by_id[each]}
