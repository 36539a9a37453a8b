"""Stored points by time: statistics of periods, at the cost of what changed since the last look.

Alarms look twice a second at metrics of thousands of points. Each metric's points are kept in the order of their
times, and a statistic is computed again only if other points are in its periods than the last time.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Any

from local_aws import seam
from local_aws.core.api import Context

_MANY = 100  # from here on sorting all is faster than putting each in its place
_MOST_KEPT = 4096  # statistics and metrics remembered, in all


@dataclass(frozen=True)
class Statistic:
    """One statistic of one metric: what MetricStat names, and the older members of an alarm."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    period: int
    stat: str
    unit: str | None = None

    @classmethod
    def of_query(cls, given: dict[str, Any]) -> Statistic:
        """A MetricStat structure."""
        metric = given["Metric"]
        return cls(
            str(metric.get("Namespace", "")),
            str(metric.get("MetricName", "")),
            dimensions_of(metric),
            int(given["Period"]),
            str(given["Stat"]),
            given.get("Unit") or None,
        )

    @classmethod
    def of_alarm(cls, alarm: dict[str, Any]) -> Statistic:
        """An alarm that names one metric."""
        stat = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
        names = (str(alarm["Namespace"]), str(alarm["MetricName"]))
        return cls(*names, dimensions_of(alarm), int(alarm["Period"]), str(stat), alarm.get("Unit") or None)


def dimensions_of(holder: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """The dimensions of a metric as pairs, sorted by name."""
    return tuple(sorted((str(pair["Name"]), str(pair["Value"])) for pair in holder.get("Dimensions") or ()))


class _Series:
    """The points of one metric in the order of their times; `version` changes with them."""

    def __init__(self) -> None:
        self.source: list[dict[str, Any]] = []
        self.read = 0
        self.version = 0
        self.times: list[float] = []
        self.points: list[dict[str, Any]] = []

    def refresh(self, source: list[dict[str, Any]]) -> None:
        """Take in what was written since the last time; all of it where the list is another one."""
        if source is not self.source or len(source) < self.read:
            self.source, self.read, self.times, self.points = source, 0, [], []
            self.version += 1
        if len(source) == self.read:
            return
        new = source[self.read :]
        self.read += len(new)
        self.version += 1
        if len(new) > _MANY:
            self.points = sorted([*self.points, *new], key=lambda point: float(point["Timestamp"]))
            self.times = [float(point["Timestamp"]) for point in self.points]
            return
        for point in new:
            at = bisect_right(self.times, point["Timestamp"])
            self.times.insert(at, point["Timestamp"])
            self.points.insert(at, point)


_lock = threading.Lock()
_series: dict[tuple[Any, ...], _Series] = {}
_known: dict[tuple[Any, ...], tuple[tuple[int, ...], list[float | None]]] = {}


def before(ctx: Context, statistic: Statistic, count: int, end: float) -> list[float | None]:
    """The statistic of the `count` periods that end at `end`, newest first; None where there is no data.

    A period holds what is later than its start, up to and with its end."""
    edges = [end - number * statistic.period for number in range(count + 1)]
    with _lock:
        series = _refreshed(ctx, statistic)
        cuts = tuple(bisect_right(series.times, edge) for edge in edges)
        key = (ctx, statistic, count)
        known = _known.get(key)
        seen = (series.version, *cuts)
        if known is not None and known[0] == seen:
            return list(known[1])
        inside = [series.points[cuts[number + 1] : cuts[number]] for number in range(count)]
        values = [_value(points, statistic) for points in inside]
        if len(_known) >= _MOST_KEPT:
            _known.clear()
        _known[key] = (seen, values)
        return list(values)


def between(ctx: Context, statistic: Statistic, starts: list[float]) -> list[float | None]:
    """The statistic of the periods that begin at each of `starts`, which is included; None where there is no data."""
    with _lock:
        series = _refreshed(ctx, statistic)
        found: list[float | None] = []
        for start in starts:
            low, high = (bisect_left(series.times, edge) for edge in (start, start + statistic.period))
            found.append(_value(series.points[low:high], statistic))
        return found


def _refreshed(ctx: Context, statistic: Statistic) -> _Series:
    key = (ctx, statistic.namespace, statistic.name, statistic.dimensions)
    if key not in _series and len(_series) >= _MOST_KEPT:
        _series.clear()
    series = _series.setdefault(key, _Series())
    series.refresh(seam.metric_points(ctx, statistic.namespace, statistic.name, dict(statistic.dimensions)))
    return series


def _value(points: list[dict[str, Any]], statistic: Statistic) -> float | None:
    if statistic.unit is not None:
        points = [point for point in points if point.get("Unit") == statistic.unit]
    return seam.statistic(points, statistic.stat) if points else None
