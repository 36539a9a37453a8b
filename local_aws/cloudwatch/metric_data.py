"""GetMetricData: metrics and metric math over a range of time.

Periods are aligned as on AWS: they begin at multiples of their length. Source: API reference, GetMetricData.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from local_aws.cloudwatch import points, queries
from local_aws.cloudwatch.math_syntax import MathError
from local_aws.cloudwatch.math_values import Many, Series, Value, as_series
from local_aws.core.api import CLOUDWATCH, Context, ValidationException, operation

Row = dict[str, Any]
_MOST = 100_800


@operation("GetMetricData", CLOUDWATCH)
def get_metric_data(ctx: Context, params: Row) -> Row:
    """All in one page: MaxDatapoints is not looked at."""
    given = params["MetricDataQueries"]
    start, end = params["StartTime"].timestamp(), params["EndTime"].timestamp()
    if start >= end:
        raise ValidationException("The parameter StartTime must be less than the parameter EndTime.")
    queries.check(given)
    oldest_first = params.get("ScanBy") == "TimestampAscending"
    results: list[Row] = []
    for query in given:
        if query.get("ReturnData", True):
            results += _results(ctx, given, query, start, end, oldest_first=oldest_first)
    return {"MetricDataResults": results, "Messages": []}


def _results(ctx: Context, given: list[Row], query: Row, start: float, end: float, *, oldest_first: bool) -> list[Row]:
    name = query["Id"]
    period = queries.period_of(given, name)
    first = start // period * period
    starts = [first + number * period for number in range(max(1, int(-(-(end - first) // period))))]
    if len(starts) > _MOST:
        raise ValidationException(f"{name}: {len(starts)} periods are more than the {_MOST} of one request.")
    newest_first = starts[::-1]
    try:
        value = queries.values(
            given,
            name,
            len(starts),
            period,
            lambda statistic: points.between(ctx, statistic, newest_first),
        )
        columns = _columns(value, len(starts))
    except MathError as error:
        raise ValidationException(f"Error in expression '{name}': {error}.") from error
    label = query.get("Label") or _label(query)
    results = []
    for values in columns:
        found = [(at, item) for at, item in zip(newest_first, values, strict=True) if item is not None]
        if oldest_first:
            found.reverse()
        results.append(
            {
                "Id": name,
                "Label": label,
                "Timestamps": [datetime.fromtimestamp(at, UTC) for at, _ in found],
                "Values": [item for _, item in found],
                "StatusCode": "Complete",
            }
        )
    return results


def _columns(value: Value, periods: int) -> list[Series]:
    """An expression may give several time series; each becomes a result of its own."""
    return value.series if isinstance(value, Many) else [as_series(value, periods)]


def _label(query: Row) -> str:
    return str(query["MetricStat"]["Metric"]["MetricName"]) if "MetricStat" in query else str(query["Id"])
