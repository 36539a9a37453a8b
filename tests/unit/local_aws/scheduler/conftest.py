"""EventBridge Scheduler with the clock and the services behind its targets injected."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import clients
from local_aws.core import api, store
from local_aws.core.api import SCHEDULER, Context
from local_aws.scheduler import deliveries, groups, schedules  # noqa: F401

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday
UNIVERSAL = "arn:aws:scheduler:::aws-sdk:sagemaker:startPipelineExecution"
ROLE = "arn:aws:iam::111122223333:role/scheduler"
TARGET = {
    "Arn": UNIVERSAL,
    "RoleArn": ROLE,
    "Input": '{"PipelineName": "loans", "ClientRequestToken": "<aws.scheduler.execution-id>-of-the-schedule"}',
}
Call = Callable[..., dict[str, Any]]


class Services:
    """Every service behind targets: calls are noted, and refused as long as `refusals` says."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.letters: list[dict[str, Any]] = []
        self.refusals = 0

    def get_queue_url(self, *, QueueName: str) -> dict[str, str]:  # noqa: N803 - boto3's name
        return {"QueueUrl": f"http://queues/{QueueName}"}

    def send_message(self, **params: Any) -> None:
        if "MessageAttributes" in params:
            self.letters.append(params)
        else:
            self._called("send_message", params)

    def __getattr__(self, operation: str) -> Callable[..., None]:
        return lambda **params: self._called(operation, params)

    def _called(self, operation: str, params: dict[str, Any]) -> None:
        self.calls.append((operation, params))
        if self.refusals:
            self.refusals -= 1
            raise ClientError({"Error": {"Code": "ResourceNotFound", "Message": "no such pipeline"}}, operation)


class Clock:
    """Time, that passes with `pass_by`, in which due deliveries are made."""

    def __init__(self) -> None:
        self.now = START

    def pass_by(self, **passed: float) -> None:
        self.now += timedelta(**passed)
        deliveries.look(self.now)
        deliveries.wait()


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    fake = Services()
    monkeypatch.setattr(clients, "client", lambda _service, _ctx, *_role: fake)
    return fake


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, services: Services) -> Clock:
    fake = Clock()
    monkeypatch.setattr(store, "now", lambda: fake.now)
    return fake


@pytest.fixture
def call(ctx: Context, clock: Clock) -> Call:
    """Call an operation of Scheduler."""
    return lambda operation, **params: api.call(ctx, operation, params, SCHEDULER)


@pytest.fixture
def create(call: Call) -> Call:
    """CreateSchedule with defaults for what a test does not care about."""

    def run(expression: str = "rate(1 hour)", target: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        given = {"Name": "watch", "ScheduleExpression": expression, "FlexibleTimeWindow": {"Mode": "OFF"}}
        return call("CreateSchedule", **{**given, "Target": {**TARGET, **(target or {})}, **changes})

    return run
