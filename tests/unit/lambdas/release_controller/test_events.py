"""Which events wake the controller, which mean nothing, which are malformed."""

from __future__ import annotations

from copy import deepcopy

import pytest

from tests.real_samples import sample
from tests.unit.lambdas.release_controller.world import GROUP, SCHEDULE, STACK, STACK_ID, arn

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
    return lambda event: release_controller.events.parse(event, group=GROUP, stack=STACK)


def test_approval_wakes(parse, release_controller):
    assert parse(APPROVAL) == release_controller.events.Wake("version 3 was approved")


@pytest.mark.parametrize("source", ["aws.events", "aws.scheduler"])
def test_schedule_wakes_whatever_its_detail(parse, release_controller, source):
    for detail in ({}, "{}"):
        event = {**SCHEDULE, "source": source, "detail": detail}
        assert parse(event) == release_controller.events.Wake("schedule")


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"])
def test_end_of_the_stacks_operation_wakes_with_its_status(parse, status):
    wake = parse(changed(STACK_EVENT, "detail.status-details.status", status))
    assert wake.stack_status == status


@pytest.mark.parametrize("fields", [["ModelApprovalStatus"], ["ModelApprovalStatus", "ModelLifeCycle"], [], None])
def test_update_that_touches_the_approval_wakes(parse, release_controller, fields):
    wake = parse(changed(APPROVAL, "detail.UpdatedModelPackageFields", fields))
    assert isinstance(wake, release_controller.events.Wake)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (changed(APPROVAL, "detail.ModelApprovalStatus", "Rejected"), "version 3 is Rejected"),
        (
            changed(APPROVAL, "detail.ModelApprovalStatus", "PendingManualApproval"),
            "version 3 is PendingManualApproval",
        ),
        (
            changed(APPROVAL, "detail.ModelPackageGroupName", "other"),
            f"model package group other is not {GROUP}",
        ),
        (
            changed(APPROVAL, "detail.UpdatedModelPackageFields", ["ModelLifeCycle"]),
            "version 3 had only ModelLifeCycle edited: that is no approval",
        ),
        (
            changed(APPROVAL, "detail.ModelPackageStatus", "InProgress"),
            "version 3 is approved, but its package is InProgress",
        ),
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
            "detail-type: missing, expected one of SageMaker Model Package State Change, "
            "CloudFormation Stack Status Change, Scheduled Event",
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
        ("model_package_2025_with_UpdatedModelPackageFields.repaired.json", "version 2 is Rejected"),
    ],
)
def test_real_events_are_understood(release_controller, name, why):
    events = release_controller.events
    event = sample(f"events/{name}")
    group = event["detail"]["ModelPackageGroupName"]
    assert events.parse(event, group=group, stack=STACK) == events.Ignored(why)
    assert isinstance(events.parse(event, group=GROUP, stack=STACK), events.Ignored)
    event["detail"]["ModelApprovalStatus"] = "Approved"
    outcome = events.parse(event, group=group, stack=STACK)
    edited = "UpdatedModelPackageFields" in event["detail"]
    assert isinstance(outcome, events.Ignored if edited else events.Wake)
