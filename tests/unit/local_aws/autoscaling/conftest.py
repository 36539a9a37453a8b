"""Application Auto Scaling over one endpoint of this file, with CloudWatch's metrics and the clock injected."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local_aws import clients, seam
from local_aws.autoscaling import policies, scaling, scheduled_actions  # noqa: F401
from local_aws.core import api, store
from local_aws.core.api import APPLICATION_AUTOSCALING, Context, ValidationException

CHAMPION = "endpoint/Loans/variant/champion"
TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": CHAMPION,
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday


class Endpoint:
    """An endpoint with the variants champion and challenger, of one instance each."""

    def __init__(self) -> None:
        self.counts = {"champion": 1, "challenger": 1}
        self.status = "InService"
        self.changes: list[int] = []
        self.refusal = ""

    def describe(self, _ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
        if params["EndpointName"] != "Loans":
            raise ValidationException('Could not find endpoint "none".')
        variants = [{"VariantName": name, "DesiredInstanceCount": count} for name, count in self.counts.items()]
        arn = "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/loans"
        return {"EndpointArn": arn, "EndpointStatus": self.status, "ProductionVariants": variants}

    def change(self, _ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
        if self.refusal:
            raise ValidationException(self.refusal)
        for change in params["DesiredWeightsAndCapacities"]:
            self.counts[change["VariantName"]] = change["DesiredInstanceCount"]
            self.changes.append(change["DesiredInstanceCount"])
        return {"EndpointArn": "arn"}


class CloudWatch:
    """The alarms that were made, and requests an instance in each minute before now, newest first."""

    def __init__(self) -> None:
        self.alarms: dict[str, dict[str, Any]] = {}
        self.minutes: list[float] = []
        self.now = START

    def put_metric_alarm(self, **alarm: Any) -> None:
        self.alarms[alarm["AlarmName"]] = alarm

    def delete_alarms(self, AlarmNames: list[str]) -> None:  # noqa: N803 - boto3's name
        for name in AlarmNames:
            del self.alarms[name]

    def points(self, _ctx: Context, namespace: str, name: str, dimensions: dict[str, str]) -> list[dict[str, Any]]:
        asked = (namespace, name, dimensions)
        assert asked == (
            "AWS/SageMaker",
            "InvocationsPerInstance",
            {"EndpointName": "Loans", "VariantName": "champion"},
        )
        return [
            {"Timestamp": self.now.timestamp() - 60 * age - 30, "Value": value}
            for age, value in enumerate(self.minutes)
            if value
        ]


def summed(points: list[dict[str, Any]], name: str) -> float | None:
    assert name == "Sum"
    return sum(point["Value"] for point in points) if points else None


@pytest.fixture
def cloudwatch(monkeypatch: pytest.MonkeyPatch) -> CloudWatch:
    fake = CloudWatch()
    monkeypatch.setattr(clients, "client", lambda _service, _ctx, *_role: fake)
    monkeypatch.setattr(seam, "metric_points", fake.points)
    monkeypatch.setattr(seam, "statistic", summed)
    monkeypatch.setattr(store, "now", lambda: fake.now)
    return fake


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch, cloudwatch: CloudWatch) -> Endpoint:
    fake = Endpoint()
    monkeypatch.setitem(api.operations, "DescribeEndpoint", fake.describe)
    monkeypatch.setitem(api.operations, "UpdateEndpointWeightsAndCapacities", fake.change)
    return fake


Call = Callable[..., dict[str, Any]]


@pytest.fixture
def call(ctx: Context, endpoint: Endpoint) -> Call:
    """Call an operation on the champion, or on what the arguments name instead."""

    def run(operation: str, **params: Any) -> dict[str, Any]:
        target = {"ServiceNamespace": "sagemaker"} if operation.startswith("Describe") else TARGET
        return api.call(ctx, operation, {**target, **params}, APPLICATION_AUTOSCALING)

    return run


@pytest.fixture
def later(cloudwatch: CloudWatch) -> Callable[..., None]:
    """Let time pass, then tick; `load` is what an instance got in each minute, newest first."""

    def run(load: list[float] | None = None, **passed: float) -> None:
        cloudwatch.now += timedelta(**passed)
        if load is not None:
            cloudwatch.minutes = load
        scaling.scale_all(cloudwatch.now)

    return run
