"""Invocation metrics: values whose average is a rate, in batches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local_aws.core.api import Context
from local_aws.sagemaker.metrics import Invocation, metric_data

AT = datetime(2026, 11, 21, 10, 0, 0, 400_000, UTC)


def invocation(ctx: Context, status: int = 200, **changes: Any) -> Invocation:
    given: dict[str, Any] = {
        "endpoint": "loans",
        "config": "loans-2",
        "variant": "champion",
        "instances": 2,
        "status": status,
        "model_latency": 1500,
        "overhead_latency": 300,
        "at": AT,
    }
    return Invocation(ctx, **{**given, **changes})


def values(data: list[dict[str, Any]], name: str, dimensions: int = 2) -> dict[float, float]:
    found: dict[float, float] = {}
    for datum in data:
        if datum["MetricName"] == name and len(datum["Dimensions"]) == dimensions:
            for value, count in zip(datum["Values"], datum["Counts"], strict=True):
                found[value] = found.get(value, 0) + count
    return found


@pytest.mark.parametrize(
    ("status", "client", "server", "model"),
    [(200, 0, 0, 0), (400, 1, 0, 1), (415, 1, 0, 1), (500, 0, 1, 1), (0, 0, 1, 1)],
)
def test_each_invocation_gives_each_error_metric_a_zero_or_a_one(
    ctx: Context, status: int, client: int, server: int, model: int
) -> None:
    data = metric_data([invocation(ctx, status)])
    assert values(data, "Invocations") == {1: 1}
    assert values(data, "Invocation4XXErrors") == {client: 1}
    assert values(data, "Invocation5XXErrors") == {server: 1}
    assert values(data, "InvocationModelErrors") == {model: 1}
    assert values(data, "InvocationsPerInstance") == {0.5: 1}


def test_the_average_of_an_error_metric_is_the_rate(ctx: Context) -> None:
    data = metric_data([invocation(ctx, 500), *(invocation(ctx) for _ in range(3))])
    counted = values(data, "Invocation5XXErrors", dimensions=3)
    assert sum(v * n for v, n in counted.items()) / sum(counted.values()) == 0.25


def test_latencies_are_microseconds(ctx: Context) -> None:
    data = metric_data([invocation(ctx)])
    assert values(data, "ModelLatency") == {1500: 1}
    assert values(data, "OverheadLatency") == {300: 1}
    assert {d["Unit"] for d in data if d["MetricName"].endswith("Latency")} == {"Microseconds"}


def test_each_metric_has_both_sets_of_dimensions(ctx: Context) -> None:
    data = metric_data([invocation(ctx)])
    base = [{"Name": "EndpointName", "Value": "loans"}, {"Name": "VariantName", "Value": "champion"}]
    both = [base, [*base, {"Name": "EndpointConfigName", "Value": "loans-2"}]]
    for name in {datum["MetricName"] for datum in data}:
        assert [datum["Dimensions"] for datum in data if datum["MetricName"] == name] == both


def test_two_fleets_share_the_variant_and_differ_in_the_configuration(ctx: Context) -> None:
    data = metric_data([invocation(ctx, config="old"), invocation(ctx, 500, config="new")])
    assert values(data, "Invocation5XXErrors") == {0: 1, 1: 1}
    third = {d["Dimensions"][2]["Value"]: d["Values"] for d in data if len(d["Dimensions"]) == 3}
    assert set(third) == {"old", "new"}


def test_values_stay_in_their_second_and_a_datum_holds_at_most_150(ctx: Context) -> None:
    many = [invocation(ctx, model_latency=n) for n in range(400)]
    data = metric_data([*many, invocation(ctx, at=AT + timedelta(seconds=1))])
    assert max(len(datum["Values"]) for datum in data) == 150
    assert sum(values(data, "ModelLatency").values()) == 401
    assert {datum["Timestamp"].second for datum in data} == {0, 1}
    assert len(values(data, "ModelLatency")) == 401
