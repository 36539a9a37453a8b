"""CloudWatch on ministack's own stores, emptied before and after, with what its actions reach kept in lists."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local_aws import clients, seam
from local_aws.cloudwatch import actions, alarm_operations, alarms, dashboards, metric_data  # noqa: F401
from local_aws.core import api
from local_aws.core.api import CLOUDWATCH, Context

Call = Callable[..., dict[str, Any]]


class Reached:
    """What topics and functions got."""

    def __init__(self) -> None:
        self.topics: list[tuple[str, dict[str, Any]]] = []
        self.functions: list[tuple[str, dict[str, Any]]] = []

    def publish(self, *, TopicArn: str, Message: str, Subject: str) -> None:  # noqa: N803 - boto3's names
        assert len(Subject) <= 100
        if TopicArn.endswith(":gone"):
            raise LookupError("Topic does not exist")
        self.topics.append((TopicArn.rpartition(":")[2], json.loads(Message)))

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> None:  # noqa: N803
        assert InvocationType == "Event"
        self.functions.append((FunctionName.rpartition(":")[2], json.loads(Payload)))

    def states(self) -> list[tuple[str, str, str]]:
        """(alarm, old state, new state) of what the topics got."""
        actions.wait()
        return [(told["AlarmName"], told["OldStateValue"], told["NewStateValue"]) for _, told in self.topics]


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> Reached:
    fake = Reached()
    monkeypatch.setattr(clients, "client", lambda _service, _ctx, *_role: fake)
    return fake


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch, reached: Reached, emitted: list[dict[str, Any]]) -> Iterator[Any]:
    """ministack's CloudWatch, which sends changes of state to our actions."""
    from ministack.services import cloudwatch

    for name in ("_evaluate_alarm", "_dispatch_alarm_actions", "_evict_old_metrics"):
        monkeypatch.setattr(cloudwatch, name, getattr(cloudwatch, name))
    seam.replace_alarm_evaluation(actions.changed)
    cloudwatch.reset()
    yield cloudwatch
    actions.wait()
    cloudwatch.reset()


@pytest.fixture
def call(ctx: Context, stored: Any) -> Call:
    """Call a CloudWatch operation."""
    return lambda operation, **params: api.call(ctx, operation, params, CLOUDWATCH)


@pytest.fixture
def put(ctx: Context, stored: Any) -> Callable[..., None]:
    """Write a value of a metric, some seconds ago."""

    def write(name: str, value: float, age: float = 1.0, **dimensions: str) -> None:
        import time

        with seam.acting_in(ctx):
            at = time.time() - age
            stored._store_datum("loans", name, dimensions, at, "None", value, None, None, None)

    return write


def stat(name: str, period: int = 60, statistic: str = "Sum", **dimensions: str) -> dict[str, Any]:
    """A MetricStat."""
    pairs = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    metric = {"Namespace": "loans", "MetricName": name, "Dimensions": pairs}
    return {"Metric": metric, "Period": period, "Stat": statistic}


def metric_alarm(name: str, **changes: Any) -> dict[str, Any]:
    """PutMetricAlarm's parameters: in ALARM while the metric `name` is 1 or more."""
    return {
        "AlarmName": name,
        "Namespace": "loans",
        "MetricName": name,
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        **changes,
    }
