"""Targets: what is sent to them, what is refused, and what becomes of calls that fail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_aws.core.api import ValidationException
from local_aws.scheduler import deliveries

from .conftest import Call, Clock, Services

QUEUE = "arn:aws:sqs:eu-west-1:111122223333:dead"
ARN = "arn:aws:scheduler:eu-west-1:111122223333:schedule/default/watch"


def test_a_universal_target_is_called_with_the_context_attributes(
    create: Call, clock: Clock, services: Services
) -> None:
    parameters = [{"Name": "ScheduledTime", "Value": "<aws.scheduler.scheduled-time>"}]
    given = {
        "PipelineName": "loans",
        "ClientRequestToken": "/".join(
            f"<aws.scheduler.{name}>" for name in ("execution-id", "attempt-number", "schedule-arn")
        ),
        "PipelineParameters": parameters,
    }
    create("at(2026-11-20T12:30:00)", {"Input": json.dumps(given)})
    clock.pass_by(minutes=45)
    ((operation, params),) = services.calls
    assert (operation, params["PipelineName"]) == ("start_pipeline_execution", "loans")
    assert params["PipelineParameters"] == [{"Name": "ScheduledTime", "Value": "2026-11-20T12:30:00Z"}]
    execution, attempt, arn = params["ClientRequestToken"].split("/", 2)
    assert (len(execution), attempt, arn) == (16, "1", ARN)


@pytest.mark.parametrize(
    ("target", "operation", "params"),
    [
        (
            {"Arn": "arn:aws:lambda:eu-west-1:1:function:f"},
            "invoke",
            {"InvocationType": "Event", "Payload": b'{"a": 1}'},
        ),
        ({"Arn": "arn:aws:sns:eu-west-1:1:t"}, "publish", {"Message": '{"a": 1}'}),
        (
            {"Arn": "arn:aws:sqs:eu-west-1:1:q.fifo", "SqsParameters": {"MessageGroupId": "g"}},
            "send_message",
            {"QueueUrl": "http://queues/q.fifo", "MessageBody": '{"a": 1}', "MessageGroupId": "g"},
        ),
        ({"Arn": "arn:aws:states:eu-west-1:1:stateMachine:m"}, "start_execution", {"input": '{"a": 1}'}),
        (
            {
                "Arn": "arn:aws:events:eu-west-1:1:event-bus/default",
                "EventBridgeParameters": {"Source": "mine", "DetailType": "Tick"},
            },
            "put_events",
            {},
        ),
        (
            {
                "Arn": "arn:aws:sagemaker:eu-west-1:1:pipeline/p",
                "SageMakerPipelineParameters": {
                    "PipelineParameterList": [{"Name": "n", "Value": "<aws.scheduler.attempt-number>"}]
                },
            },
            "start_pipeline_execution",
            {"PipelineParameters": [{"Name": "n", "Value": "1"}]},
        ),
    ],
)
def test_templated_targets(
    create: Call, clock: Clock, services: Services, target: dict[str, Any], operation: str, params: dict[str, Any]
) -> None:
    create("rate(1 minute)", {"Input": '{"a": 1}', **target})
    clock.pass_by(minutes=1)
    ((called, given),) = services.calls
    assert called == operation
    assert {name: given[name] for name in params} == params


def test_without_an_input_a_function_gets_the_default_event(create: Call, clock: Clock, services: Services) -> None:
    given = {"Arn": "arn:aws:lambda:eu-west-1:1:function:f", "RoleArn": "arn:aws:iam::111122223333:role/r"}
    create("rate(1 minute)", Target=given)
    clock.pass_by(minutes=1)
    event = json.loads(services.calls[0][1]["Payload"])
    assert (event["source"], event["detail-type"], event["resources"]) == ("aws.scheduler", "Scheduled Event", [ARN])
    assert event["time"] == "2026-11-20T12:01:00Z"


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ({"Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:startPipeline"}, "no operation sagemaker:startPipeline"),
        ({"Arn": "arn:aws:scheduler:::aws-sdk:sagemakers:startPipeline"}, "no operation sagemakers:startPipeline"),
        ({"Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:listPipelines"}, "only reads"),
        ({"Arn": "arn:aws:ecs:eu-west-1:111122223333:cluster/c"}, "not emulated locally"),
        ({"Arn": "arn:aws:events:eu-west-1:111122223333:event-bus/default"}, "EventBridgeParameters must be specified"),
        ({"Input": "loans"}, "Invalid RequestJson provided"),
        ({"Input": '["loans"]'}, "no JSON object"),
        ({"Input": '{"Pipeline": "loans"}'}, "Invalid RequestJson provided. Reason.*PipelineName"),
        ({"DeadLetterConfig": {"Arn": f"{QUEUE}.fifo"}}, "deadLetterConfig.arn"),
    ],
)
def test_a_wrong_target_is_refused_when_the_schedule_is_made(create: Call, target: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationException, match=why):
        create(target=target)


def test_a_refused_call_is_tried_again_with_growing_pauses(create: Call, clock: Clock, services: Services) -> None:
    create("at(2026-11-20T12:01:00)", {"RetryPolicy": {"MaximumRetryAttempts": 5}, "DeadLetterConfig": {"Arn": QUEUE}})
    services.refusals = 2
    clock.pass_by(minutes=1)
    clock.pass_by(seconds=0.9)
    assert len(services.calls) == 1
    clock.pass_by(seconds=0.2)
    clock.pass_by(seconds=1)
    assert len(services.calls) == 2
    clock.pass_by(seconds=1.1)
    clock.pass_by(days=1)
    assert (len(services.calls), services.letters, dict(deliveries.deliveries)) == (3, [], {})
    tokens = {params["ClientRequestToken"] for _, params in services.calls}
    assert len(tokens) == 3  # the execution id is that of the attempt


def test_what_is_given_up_is_a_dead_letter(create: Call, clock: Clock, services: Services) -> None:
    create("at(2026-11-20T12:01:00)", {"RetryPolicy": {"MaximumRetryAttempts": 1}, "DeadLetterConfig": {"Arn": QUEUE}})
    services.refusals = 10
    clock.pass_by(minutes=1)
    clock.pass_by(seconds=2)
    clock.pass_by(hours=1)
    (letter,) = services.letters
    values = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert len(values.pop("EXECUTION_ID")) == 16
    assert values == {
        "ERROR_CODE": "ResourceNotFound",
        "ERROR_MESSAGE": "no such pipeline",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": "1",
        "SCHEDULED_TIME": "2026-11-20T12:01:00Z",
        "SCHEDULE_ARN": ARN,
        "TARGET_ARN": "arn:aws:scheduler:::aws-sdk:sagemaker:startPipelineExecution",
    }
    assert json.loads(letter["MessageBody"])["PipelineName"] == "loans"


def test_a_delivery_that_is_too_old_is_given_up(create: Call, clock: Clock, services: Services) -> None:
    policy = {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 100}
    create("at(2026-11-20T12:01:00)", {"RetryPolicy": policy, "DeadLetterConfig": {"Arn": QUEUE}})
    services.refusals = 100
    clock.pass_by(minutes=1)
    for _ in range(100):
        clock.pass_by(seconds=1)
    (letter,) = services.letters
    values = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert values["EXHAUSTED_RETRY_CONDITION"] == "MaximumEventAgeInSeconds"
    assert int(values["RETRY_ATTEMPTS"]) == 5  # after 1, 2, 4, 8 and 16 seconds; the next one would be too late


def test_a_delivery_that_a_stop_cut_off_is_made_after_the_start(create: Call, clock: Clock, services: Services) -> None:
    create("at(2026-11-20T12:01:00)", {"RetryPolicy": {"MaximumRetryAttempts": 3}})
    services.refusals = 1
    clock.pass_by(minutes=1)
    (row,) = deliveries.deliveries.values()
    assert row["Attempt"] == 2  # all that a checkpoint needs is in the row
    clock.pass_by(hours=3)
    assert (len(services.calls), dict(deliveries.deliveries)) == (2, {})


def test_a_stack_is_updated_on_schedule_with_its_previous_template(
    create: Call, clock: Clock, services: Services
) -> None:
    """As constructs/mlops_constructs/stop_schedules.py asks for it."""
    request = {
        "StackName": "loans-serving",
        "UsePreviousTemplate": True,
        "Parameters": [
            {"ParameterKey": "Running", "ParameterValue": "off"},
            {"ParameterKey": "RunningAsked", "ParameterValue": "on schedule, <aws.scheduler.scheduled-time>"},
            {"ParameterKey": "ChampionPackage", "UsePreviousValue": True},
        ],
        "Capabilities": ["CAPABILITY_IAM"],
    }
    arn = "arn:aws:scheduler:::aws-sdk:cloudformation:updateStack"
    create("cron(0 20 ? * MON-FRI *)", {"Arn": arn, "Input": json.dumps(request)})
    clock.pass_by(hours=9)  # a Friday's
    ((operation, given),) = services.calls
    assert operation == "update_stack"
    assert given["Parameters"][0] == {"ParameterKey": "Running", "ParameterValue": "off"}
    assert given["Parameters"][1]["ParameterValue"] == "on schedule, 2026-11-20T20:00:00Z"
    clock.pass_by(hours=48)
    assert len(services.calls) == 1


def test_a_stack_that_cannot_be_updated_now_is_tried_again(create: Call, clock: Clock, services: Services) -> None:
    services.refusals = 2
    arn = "arn:aws:scheduler:::aws-sdk:cloudformation:updateStack"
    create("at(2026-11-20T12:30:00)", {"Arn": arn, "Input": json.dumps({"StackName": "loans-serving"})})
    for _ in range(12):
        clock.pass_by(minutes=5)
    assert [operation for operation, _ in services.calls] == ["update_stack"] * 3
