from __future__ import annotations

import json
from typing import Any

import pytest

from local_aws import clients, lambda_events, seam
from local_aws.core.api import Context

ARN = "arn:aws:lambda:eu-west-1:111122223333:function:controller"
QUEUE = "arn:aws:sqs:eu-west-1:111122223333:dead-letters"
OK: dict[str, Any] = {"body": None}
FAILED: dict[str, Any] = {"error": True, "body": {"errorMessage": "no"}, "function_error": "Unhandled"}
THROTTLED: dict[str, Any] = {"error": True, "throttle": True, "body": {"Reason": "Reserved"}}


class World:
    """Answers invocations in turn, and takes what is sent to queues; waiting takes no time."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.waits: list[float] = []
        self.sent: list[dict[str, Any]] = []

    def execute(self, _ctx: Context, _function: dict[str, Any], _event: Any) -> dict[str, Any]:
        return self.answers.pop(0)

    def get_queue_url(self, QueueName: str) -> dict[str, str]:  # noqa: N803 - boto3's name
        return {"QueueUrl": f"http://127.0.0.1/{QueueName}"}

    def send_message(self, **message: Any) -> None:
        self.sent.append(message)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(seam, "execute_function", world.execute)
    monkeypatch.setattr(clients, "client", lambda _service, _ctx, *_role: world)
    monkeypatch.setattr(lambda_events.time, "sleep", world.waits.append)
    return world


def run(ctx: Context, **settings: Any) -> None:
    function = {
        "config": {"FunctionName": "controller", "FunctionArn": ARN},
        "event_invoke_configs": {"$LATEST": settings},
    }
    lambda_events._run(ctx, function, {"number": 7})


def test_what_works_is_run_once(ctx: Context, world: World) -> None:
    world.answers = [OK]
    run(ctx)
    assert (world.answers, world.waits) == ([], [])


def test_an_error_is_retried_twice_with_growing_waits(ctx: Context, world: World) -> None:
    world.answers = [FAILED, FAILED, OK]
    run(ctx)
    assert world.answers == []
    assert world.waits == [1.0, 2.0]


def test_a_throttle_waits_and_is_not_an_attempt(ctx: Context, world: World) -> None:
    world.answers = [THROTTLED] * 8 + [OK]
    run(ctx, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": QUEUE}})
    assert world.answers == []
    assert world.sent == []
    assert world.waits[-1] == world.waits[-2] == 1.0


def test_a_failure_goes_to_its_destination_with_the_number_of_attempts(ctx: Context, world: World) -> None:
    world.answers = [FAILED, FAILED]
    run(ctx, MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": QUEUE}})
    (message,) = world.sent
    record = json.loads(message["MessageBody"])
    assert message["QueueUrl"].endswith("/dead-letters")
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["requestContext"]["functionArn"] == f"{ARN}:$LATEST"
    assert record["requestPayload"] == {"number": 7}
    assert record["responsePayload"] == {"errorMessage": "no"}


def test_a_failure_that_has_nowhere_to_go_ends_quietly(ctx: Context, world: World) -> None:
    world.answers = [FAILED]
    run(ctx, MaximumRetryAttempts=0)
    assert world.sent == []


def test_a_dead_letter_queue_gets_the_event_itself(ctx: Context, world: World) -> None:
    world.answers = [FAILED]
    function = {
        "config": {"FunctionName": "c", "FunctionArn": ARN, "DeadLetterConfig": {"TargetArn": QUEUE}},
        "event_invoke_config": {"MaximumRetryAttempts": 0},
    }
    lambda_events._run(ctx, function, {"number": 7})
    (message,) = world.sent
    assert json.loads(message["MessageBody"]) == {"number": 7}
    assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == "no"
