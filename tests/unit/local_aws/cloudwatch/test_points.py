from __future__ import annotations

from typing import Any

import pytest

from local_aws import seam
from local_aws.cloudwatch import points
from local_aws.cloudwatch.points import Statistic
from local_aws.core.api import Context

SUM = Statistic("loans", "rows", (("Endpoint", "e"),), 10, "Sum")


class Metric:
    """One metric's list of points, and how often a statistic of them was computed."""

    def __init__(self) -> None:
        self.points: list[dict[str, Any]] = []
        self.computed = 0

    def put(self, at: float, value: float) -> None:
        self.points.append({"Timestamp": at, "Value": value})

    def statistic(self, inside: list[dict[str, Any]], _name: str) -> float:
        self.computed += 1
        return float(sum(point["Value"] for point in inside))


@pytest.fixture
def metric(monkeypatch: pytest.MonkeyPatch) -> Metric:
    fake = Metric()
    monkeypatch.setattr(points, "_series", {})
    monkeypatch.setattr(points, "_known", {})
    monkeypatch.setattr(seam, "metric_points", lambda *_: fake.points)
    monkeypatch.setattr(seam, "statistic", fake.statistic)
    return fake


def test_a_period_includes_its_end_and_not_its_start(ctx: Context, metric: Metric) -> None:
    for at, value in [(80, 1), (80.1, 2), (90, 4), (91, 8), (100, 16), (100.5, 32)]:
        metric.put(at, value)
    assert points.before(ctx, SUM, 2, 100.0) == [24.0, 6.0]


def test_points_may_be_written_in_any_order(ctx: Context, metric: Metric) -> None:
    metric.put(95, 1)
    assert points.before(ctx, SUM, 2, 100.0) == [1.0, None]
    metric.put(85, 2)
    metric.put(99, 4)
    assert points.before(ctx, SUM, 2, 100.0) == [5.0, 2.0]


def test_many_points_at_once_are_sorted_too(ctx: Context, metric: Metric) -> None:
    metric.put(95, 1)
    assert points.before(ctx, SUM, 1, 100.0) == [1.0]
    for number in range(1000):
        metric.put(100 - number / 10, 1)
    assert points.before(ctx, SUM, 2, 100.0) == [101.0, 100.0]


def test_a_second_look_computes_nothing_until_other_points_count(ctx: Context, metric: Metric) -> None:
    metric.put(95, 1)
    points.before(ctx, SUM, 1, 100.0)
    points.before(ctx, SUM, 1, 101.0)
    assert metric.computed == 1
    assert points.before(ctx, SUM, 1, 105.0) == [None]
    metric.put(104, 2)
    assert points.before(ctx, SUM, 1, 105.0) == [2.0]


def test_another_list_of_points_is_read_anew(ctx: Context, metric: Metric) -> None:
    metric.put(95, 1)
    points.before(ctx, SUM, 1, 100.0)
    metric.points = [{"Timestamp": 99.0, "Value": 7.0}]
    assert points.before(ctx, SUM, 1, 100.0) == [7.0]


def test_aligned_periods_include_their_start(ctx: Context, metric: Metric) -> None:
    for at, value in [(80, 1), (89.9, 2), (90, 4)]:
        metric.put(at, value)
    assert points.between(ctx, SUM, [90.0, 80.0, 70.0]) == [4.0, 3.0, None]


def test_only_points_of_the_unit_count(ctx: Context, metric: Metric) -> None:
    metric.points = [
        {"Timestamp": 95.0, "Value": 1.0, "Unit": "Count"},
        {"Timestamp": 95.0, "Value": 5.0, "Unit": "Bytes"},
    ]
    counted = Statistic("loans", "rows", (), 10, "Sum", "Count")
    assert points.before(ctx, counted, 1, 100.0) == [1.0]
