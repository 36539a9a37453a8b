"""Which events wake the controller, which mean nothing, which are malformed."""

from __future__ import annotations

from copy import deepcopy

import pytest

from tests.real_samples import sample
from tests.unit.lambdas.release_controller.names import ENVIRON, GROUP, SCHEDULE, STACK, STACK_ID, P, arn

APPROVAL = {
    "source": ["aws.sagemaker"],
    "detail-type": "SageMaker Model Package State Change",
    "detail": {
        "ModelPackageGroupName": GROUP,
        "ModelPackageVersion": 3,
        "ModelPackageArn": arn(3),
        "ModelPackageStatus": "Completed",
        "ModelApprovalStatus": "Approved",
    },
}
STACK_EVENT = {
    "source": "aws.cloudformation",
    "detail-type": "CloudFormation Stack Status Change",
    "detail": {"stack-id": STACK_ID, "status-details": {"status": "UPDATE_COMPLETE", "status-reason": ""}},
}
ENDPOINT_EVENT = {
    "source": "aws.sagemaker",
    "detail-type": "SageMaker Endpoint State Change",
    "detail": {"EndpointName": GROUP, "EndpointStatus": "IN_SERVICE"},
}
ALARM_EVENT = {
    "source": "aws.cloudwatch",
    "detail-type": "CloudWatch Alarm State Change",
    "detail": {"alarmName": f"{STACK}-ShadowErrors-1A2B", "state": {"value": "ALARM", "reason": "4 errors"}},
}
OBJECT_EVENT = {
    "source": "aws.s3",
    "detail-type": "Object Created",
    "detail": {"bucket": {"name": "capture"}, "object": {"key": "loan_approval/ground-truth/2026/11/21/12/a.jsonl"}},
}
PARAMETER_EVENT = {
    "source": "aws.ssm",
    "detail-type": "Parameter Store Change",
    "detail": {"operation": "Update", "name": f"{P}command", "type": "String"},
}
DELETE = object()


def changed(event, path, value):
    """The event with one place changed (path is dotted), or taken away."""
    event = deepcopy(event)
    *parents, last = path.split(".")
    place = event
    for parent in parents:
        place = place[parent]
    if value is DELETE:
        del place[last]
    else:
        place[last] = value
    return event


@pytest.fixture
def parse(release_controller):
    settings = release_controller.settings.Settings.read(ENVIRON)
    return lambda event: release_controller.events.parse(event, settings)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (APPROVAL, "version 3 is Approved"),
        (changed(APPROVAL, "detail.ModelApprovalStatus", "Rejected"), "version 3 is Rejected"),
        (
            changed(APPROVAL, "detail.ModelApprovalStatus", "PendingManualApproval"),
            "version 3 is PendingManualApproval",
        ),
        (
            changed(APPROVAL, "detail.UpdatedModelPackageFields", ["CustomerMetadataProperties"]),
            "version 3 is Approved, CustomerMetadataProperties edited",
        ),
        (changed(APPROVAL, "detail.ModelPackageStatus", DELETE), "version 3 is Approved"),
        (ENDPOINT_EVENT, f"endpoint {GROUP} became IN_SERVICE"),
        (changed(ENDPOINT_EVENT, "detail.EndpointStatus", "FAILED"), f"endpoint {GROUP} became FAILED"),
        (
            changed(ENDPOINT_EVENT, "detail.EndpointStatus", "UPDATE_ROLLBACK_FAILED"),
            f"endpoint {GROUP} became UPDATE_ROLLBACK_FAILED",
        ),
        (ALARM_EVENT, f"alarm {STACK}-ShadowErrors-1A2B went off"),
        (OBJECT_EVENT, "outcomes arrived"),
        (PARAMETER_EVENT, f"Update of parameter {P}command"),
        (changed(PARAMETER_EVENT, "detail.name", f"{P}allowed"), f"Update of parameter {P}allowed"),
    ],
)
def test_wakes_with_its_reason(parse, release_controller, event, why):
    assert parse(event) == release_controller.events.Wake(why)


@pytest.mark.parametrize("source", ["aws.events", "aws.scheduler"])
def test_schedule_wakes_whatever_its_detail(parse, release_controller, source):
    for detail in ({}, "{}"):
        event = {**SCHEDULE, "source": source, "detail": detail}
        assert parse(event) == release_controller.events.Wake("schedule")


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"])
def test_end_of_the_stacks_operation_wakes_with_its_status(parse, status):
    wake = parse(changed(STACK_EVENT, "detail.status-details.status", status))
    assert wake.why.endswith(f"became {status}")


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (
            changed(APPROVAL, "detail.ModelPackageGroupName", "other"),
            f"model package group other is not {GROUP}",
        ),
        (
            changed(APPROVAL, "detail.ModelPackageStatus", "InProgress"),
            "version 3 is Approved, but its package is InProgress",
        ),
        (
            changed(ENDPOINT_EVENT, "detail.EndpointStatus", "ROLLING_BACK"),
            f"endpoint {GROUP} is ROLLING_BACK: its end will wake the controller",
        ),
        (changed(ENDPOINT_EVENT, "detail.EndpointName", "other"), f"endpoint other is not {GROUP}"),
        (changed(ALARM_EVENT, "detail.state.value", "OK"), f"alarm {STACK}-ShadowErrors-1A2B is OK"),
        (
            changed(ALARM_EVENT, "detail.alarmName", f"{STACK}2-Errors"),
            f"alarm {STACK}2-Errors is not one of stack {STACK}",
        ),
        (changed(OBJECT_EVENT, "detail.object.key", "loan_approval/a.csv"), "object loan_approval/a.csv is no outcome"),
        (changed(PARAMETER_EVENT, "detail.name", f"{P}champion"), f"parameter {P}champion is not for people to write"),
        (
            changed(STACK_EVENT, "detail.status-details.status", "UPDATE_IN_PROGRESS"),
            f"stack {STACK} is UPDATE_IN_PROGRESS: its end will wake the controller",
        ),
        (
            changed(STACK_EVENT, "detail.stack-id", STACK_ID.replace(STACK, f"{STACK}-2")),
            f"stack {STACK}-2 is not {STACK}",
        ),
    ],
)
def test_ignored_with_its_reason(parse, release_controller, event, why):
    assert parse(event) == release_controller.events.Ignored(why)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (7, "event: 7, expected an EventBridge event (a JSON object)"),
        (None, "event: None, expected an EventBridge event (a JSON object)"),
        (
            {},
            "detail-type: missing, expected one of SageMaker Model Package State Change, SageMaker Endpoint State "
            "Change, CloudFormation Stack Status Change, CloudWatch Alarm State Change, Object Created, Parameter "
            "Store Change, Scheduled Event",
        ),
        (changed(APPROVAL, "source", "my.app"), "source: 'my.app', expected aws.sagemaker"),
        (changed(APPROVAL, "source", []), "source: [], expected aws.sagemaker"),
        (changed(APPROVAL, "source", {"a": 1}), "source: {'a': 1}, expected aws.sagemaker"),
        (changed(APPROVAL, "source", DELETE), "source: missing, expected aws.sagemaker"),
        (changed(APPROVAL, "detail", "{}"), "detail: '{}', expected a JSON object"),
        (changed(APPROVAL, "detail", DELETE), "detail: missing, expected a JSON object"),
        (
            changed(APPROVAL, "detail.ModelPackageGroupName", DELETE),
            "detail.ModelPackageGroupName: missing, expected the name of a model package group",
        ),
        (
            changed(APPROVAL, "detail.ModelPackageVersion", "3"),
            "detail.ModelPackageVersion: '3', expected a whole number of 1 or more",
        ),
        (
            changed(APPROVAL, "detail.ModelPackageVersion", True),
            "detail.ModelPackageVersion: True, expected a whole number of 1 or more",
        ),
        (
            changed(APPROVAL, "detail.ModelPackageArn", "arn:aws:s3:::a"),
            "detail.ModelPackageArn: 'arn:aws:s3:::a', expected the ARN of model package version 3",
        ),
        (
            changed(APPROVAL, "detail.ModelApprovalStatus", "approved"),
            "detail.ModelApprovalStatus: 'approved', expected one of Approved, Rejected, PendingManualApproval",
        ),
        (
            changed(APPROVAL, "detail.ModelPackageStatus", 1),
            "detail.ModelPackageStatus: 1, expected one of Pending, InProgress, Completed, Failed, Deleting",
        ),
        (
            changed(APPROVAL, "detail.UpdatedModelPackageFields", "ModelLifeCycle"),
            "detail.UpdatedModelPackageFields: 'ModelLifeCycle', expected a list of field names",
        ),
        (
            changed(STACK_EVENT, "detail.stack-id", STACK),
            f"detail.stack-id: '{STACK}', expected the ARN of a stack",
        ),
        (
            changed(STACK_EVENT, "detail.status-details", []),
            "detail.status-details: [], expected a JSON object",
        ),
        (
            changed(STACK_EVENT, "detail.status-details.status", "done"),
            "detail.status-details.status: 'done', expected a stack status such as UPDATE_COMPLETE",
        ),
        (changed(ENDPOINT_EVENT, "source", "aws.s3"), "source: 'aws.s3', expected aws.sagemaker"),
        (
            changed(ENDPOINT_EVENT, "detail.EndpointName", 1),
            "detail.EndpointName: 1, expected the name of an endpoint",
        ),
        (
            changed(ENDPOINT_EVENT, "detail.EndpointStatus", "InService"),
            "detail.EndpointStatus: 'InService', expected an endpoint status such as IN_SERVICE",
        ),
        (changed(ALARM_EVENT, "detail.alarmName", ""), "detail.alarmName: '', expected the name of an alarm"),
        (changed(ALARM_EVENT, "detail.state", "ALARM"), "detail.state: 'ALARM', expected a JSON object"),
        (
            changed(ALARM_EVENT, "detail.state.value", DELETE),
            "detail.state.value: missing, expected an alarm state such as ALARM",
        ),
        (changed(OBJECT_EVENT, "detail.object", None), "detail.object.key: missing, expected the key of an object"),
        (changed(OBJECT_EVENT, "detail.object.key", 3), "detail.object.key: 3, expected the key of an object"),
        (changed(PARAMETER_EVENT, "detail.name", DELETE), "detail.name: missing, expected the name of a parameter"),
        (
            changed(PARAMETER_EVENT, "detail.operation", "Read"),
            "detail.operation: 'Read', expected one of Create, Update, Delete, LabelParameterVersion",
        ),
    ],
)
def test_malformed_names_place_value_and_what_was_expected(parse, release_controller, event, message):
    with pytest.raises(release_controller.events.MalformedEvent) as error:
        parse(event)
    assert str(error.value) == message


def test_malformed_value_is_shortened_and_plain(parse, release_controller):
    with pytest.raises(release_controller.events.MalformedEvent) as error:
        parse(changed(APPROVAL, "detail", "é\n" * 1000))
    assert len(str(error.value)) < 200
    assert str(error.value).isascii()
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("model_package.json", "version 2 is Rejected"),
        (
            "model_package_2025_with_UpdatedModelPackageFields.repaired.json",
            "version 2 is Rejected, ModelLifeCycle edited",
        ),
    ],
)
def test_real_package_events_are_understood(parse, release_controller, name, why):
    events, event = release_controller.events, sample(f"events/{name}")
    assert isinstance(parse(event), events.Ignored)
    settings = release_controller.settings.Settings.read(
        ENVIRON | {"MODEL_PACKAGE_GROUP": event["detail"]["ModelPackageGroupName"]}
    )
    assert events.parse(event, settings) == events.Wake(why)


def test_real_endpoint_event_is_understood(parse, release_controller):
    events, event = release_controller.events, sample("events/endpoint_state.json")
    assert isinstance(parse(event), events.Ignored)
    settings = release_controller.settings.Settings.read(ENVIRON | {"ENDPOINT_NAME": "MyEndpoint"})
    assert events.parse(event, settings) == events.Wake("endpoint MyEndpoint became IN_SERVICE")
