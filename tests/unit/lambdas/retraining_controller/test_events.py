"""Which events wake the controller, which one asks, which mean nothing, which are malformed."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime

import pytest

from tests.real_samples import sample
from tests.unit.lambdas.retraining_controller.names import (
    ALARM,
    ELSEWHERE,
    ENVIRON,
    GROUP,
    LOOK,
    PIPELINE,
    PIPELINE_ARN,
    arn,
)

EXECUTION = {
    "source": "aws.sagemaker",
    "detail-type": "SageMaker Model Building Pipeline Execution Status Change",
    "detail": {"pipelineArn": PIPELINE_ARN, "currentPipelineExecutionStatus": "Succeeded"},
}
DEGRADED = {
    "source": "aws.cloudwatch",
    "detail-type": "CloudWatch Alarm State Change",
    "detail": {"alarmName": ALARM, "state": {"value": "ALARM"}},
}
ARRIVED = {
    "source": "aws.s3",
    "detail-type": "Object Created",
    "detail": {"bucket": {"name": "data"}, "object": {"key": "loan_approval/until=2026-10-31/export/loans.csv"}},
}
PACKAGE = {
    "source": ["aws.sagemaker"],
    "detail-type": "SageMaker Model Package State Change",
    "detail": {
        "ModelPackageGroupName": GROUP,
        "ModelPackageVersion": 3,
        "ModelPackageArn": arn(3),
        "ModelApprovalStatus": "Rejected",
    },
}
SCHEDULE = {"trigger": "schedule", "time": "2026-12-01T04:00:00Z"}


@pytest.fixture
def parse(retraining_controller):
    settings = retraining_controller.settings.Settings.read(ENVIRON)
    return lambda event: retraining_controller.events.parse(event, settings)


def changed(event, *path, value):
    """A copy of the event with this member of it set."""
    event = deepcopy(event)
    *way, last = path
    inside = event
    for key in way:
        inside = inside[key]
    inside[last] = value
    return event


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (EXECUTION, f"an execution of {PIPELINE} became Succeeded"),
        (
            changed(EXECUTION, "detail", "currentPipelineExecutionStatus", value="Failed"),
            f"of {PIPELINE} became Failed",
        ),
        (DEGRADED, f"alarm {ALARM} went off"),
        (changed(DEGRADED, "detail", "alarmName", value=ELSEWHERE), f"alarm {ELSEWHERE} went off"),
        (ARRIVED, "training data arrived: loan_approval/until=2026-10-31/export/loans.csv"),
        (PACKAGE, "version 3 is Rejected"),
        (LOOK, "schedule"),
    ],
)
def test_event_that_wakes(parse, retraining_controller, event, why):
    found = parse(event)
    assert type(found).__name__ == "Wake" and found.why.endswith(why)


@pytest.mark.parametrize(
    "event",
    [
        changed(EXECUTION, "detail", "currentPipelineExecutionStatus", value="Executing"),
        changed(EXECUTION, "detail", "pipelineArn", value=PIPELINE_ARN.replace("training", "monitoring")),
        changed(DEGRADED, "detail", "state", value={"value": "OK"}),
        changed(DEGRADED, "detail", "alarmName", value="another"),
        changed(ARRIVED, "detail", "object", value={"key": "loan_approval/batch/input/loans.csv"}),
        changed(PACKAGE, "detail", "ModelPackageGroupName", value="another"),
    ],
)
def test_event_that_means_nothing(parse, event):
    assert type(parse(event)).__name__ == "Ignored"


def test_own_schedule_asks_for_its_scheduled_time(parse, retraining_controller):
    asked = parse(SCHEDULE)
    assert asked == retraining_controller.events.Asked(datetime(2026, 12, 1, 4, tzinfo=UTC))
    assert asked.why == "the schedule of 2026-12-01 04:00 asks"


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("now", "event: 'now', expected an EventBridge event (a JSON object)"),
        ({}, "detail-type: missing, expected one of CloudWatch Alarm State Change, SageMaker Model Building"),
        (changed(EXECUTION, "source", value="aws.s3"), "source: 'aws.s3', expected aws.sagemaker"),
        (changed(EXECUTION, "detail", value=7), "detail: 7, expected a JSON object"),
        (
            changed(EXECUTION, "detail", "pipelineArn", value="x"),
            "detail.pipelineArn: 'x', expected the ARN of a pipel",
        ),
        (
            changed(EXECUTION, "detail", "currentPipelineExecutionStatus", value="Done"),
            "detail.currentPipelineExecutionStatus: 'Done', expected one of Executing, Stopping, Stopped, Failed, Succ",
        ),
        (changed(DEGRADED, "detail", "state", value={}), "detail.state.value: missing, expected an alarm state"),
        (changed(ARRIVED, "detail", "object", value={}), "detail.object.key: missing, expected the key of an object"),
        ({"trigger": "person"}, "trigger: 'person', expected one of schedule"),
        ({"trigger": "schedule"}, "time: missing, expected a time in UTC such as 2026-11-21T03:00:00Z"),
        ({"trigger": "schedule", "time": "2026-13-01T00:00:00Z"}, "time: '2026-13-01T00:00:00Z', expected a time"),
    ],
)
def test_malformed_event_is_refused_with_place_value_and_what_was_expected(
    parse, retraining_controller, event, message
):
    with pytest.raises(retraining_controller.events.MalformedEvent) as error:
        parse(event)
    assert str(error.value).startswith(message)


def test_real_sample_of_an_execution_wakes_its_own_controller(retraining_controller):
    event = sample("events/pipeline_execution.json")
    settings = retraining_controller.settings.Settings.read(ENVIRON | {"PIPELINE": "myPipeline-123"})
    found = retraining_controller.events.parse(event, settings)
    assert found == retraining_controller.events.Wake("an execution of myPipeline-123 became Succeeded")
