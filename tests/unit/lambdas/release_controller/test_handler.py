"""What the handler does, and with which calls."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

from tests.unit.lambdas.conftest import LAMBDAS
from tests.unit.lambdas.release_controller.world import ENVIRON, SCHEDULE, arn, refused

OBSERVE = ["DescribeStacks", "GetParameters"]


def released(start, *versions, **arguments):
    """A controller in a world where these versions were released, one after the other."""
    controller = start(**arguments)
    for version in versions:
        controller.world.register(version)
        controller.world.approve(version)
        controller.settle()
    return controller


def through(controller):
    """The stack's operation runs to its end; returns the event of that end."""
    while controller.world.operation:
        controller.world.step()
    return controller.world.events.pop()


def test_first_release_makes_six_calls_and_its_end_six(start):
    controller = start()
    controller.world.approve(1)
    assert controller.calls(controller.world.events.pop()) == [
        *OBSERVE, "ListModelPackages", "PutParameter", "UpdateStack", "Publish",
    ]  # fmt: skip
    assert controller.calls(through(controller)) == [
        *OBSERVE, "DescribeEndpoint", "Publish", "LabelParameterVersion", "ListModelPackages",
    ]  # fmt: skip
    assert controller.world.final()["endpoint"] == {
        "EndpointConfigName": "config-1", "EndpointStatus": "InService",
    }  # fmt: skip


def test_next_release_looks_at_the_endpoint_once_before_it_updates_it(start):
    controller = released(start, 1)
    controller.world.approve(2)
    assert controller.calls(controller.world.events.pop()) == [
        *OBSERVE, "ListModelPackages", "DescribeEndpoint", "PutParameter", "UpdateStack", "Publish",
    ]  # fmt: skip


def test_scheduled_run_with_nothing_to_do_makes_three_calls(start):
    assert released(start, 1).calls(SCHEDULE) == [*OBSERVE, "ListModelPackages"]


def test_scheduled_run_during_a_release_makes_two_calls(start):
    controller = start()
    controller.world.approve(1)
    controller.run(controller.world.events.pop())
    assert controller.calls(SCHEDULE) == OBSERVE


def test_failed_release_is_noted_told_and_put_back(start):
    controller = released(start, 1, bad={2})
    controller.world.approve(2)
    controller.run(controller.world.events.pop())
    assert controller.calls(through(controller)) == [
        *OBSERVE, *["DescribeStackEvents"] * 2, "PutParameter", "Publish", "PutParameter",
        "LabelParameterVersion", "ListModelPackages",
    ]  # fmt: skip
    assert controller.world.final()["champion"] == arn(1)
    assert controller.world.final()["failed"] == arn(2)
    assert controller.world.told[-1] == f"[test] {ENVIRON['MODEL_PACKAGE_GROUP']}: the release of version 2 failed"
    body = controller.world.bodies[-1]
    assert "Endpoint: alarm p99 fired during the canary" in body
    assert "goes on serving version 1" in body
    assert f"--name {ENVIRON['FAILED_PARAMETER']} --value none" in body


def test_failed_version_is_never_tried_again_but_a_newer_one_is(start):
    controller = released(start, 1, 2, bad={2})
    controller.world.approve(2, "Rejected")
    controller.world.approve(2)
    controller.settle()
    assert controller.world.attempts == [arn(1), arn(2)]
    controller.world.approve(3)
    controller.settle()
    assert controller.world.attempts == [arn(1), arn(2), arn(3)]
    assert controller.world.released == arn(3)


def test_failed_version_is_tried_again_after_a_person_cleared_it(start):
    controller = released(start, 1, 2, bad={2})
    controller.world.bad.clear()
    controller.world._write(ENVIRON["FAILED_PARAMETER"], "none")
    controller.settle()
    assert controller.world.released == arn(2)


def test_version_failed_earlier_is_not_tried_when_a_newer_failed_one_is_rejected(start):
    controller = released(start, 1, 2, 3, bad={2, 3})
    controller.world.approve(3, "Rejected")
    controller.settle()
    assert controller.world.attempts == [arn(1), arn(2), arn(3)]


def test_newest_is_chosen_by_number_over_pages_that_may_be_empty(start):
    controller = start(page_size=3)
    for version in range(1, 13):
        controller.world.register(version, "Approved" if version in (2, 4) else "Rejected")
    controller.world.events.clear()
    controller.settle()
    assert controller.world.attempts == [arn(4)]
    assert controller.world.calls[:6] == [*OBSERVE, *["ListModelPackages"] * 3, "PutParameter"]


def test_older_version_approved_later_waits(start):
    controller = released(start, 5)
    controller.world.approve(4)
    controller.world.packages[5] = "Rejected"
    assert controller.calls(controller.world.events.pop()) == [*OBSERVE, "ListModelPackages"]
    assert controller.world.attempts == [arn(5)]


@pytest.mark.parametrize("change", ["pending", "rejected", "edited", "other group", "in progress"])
def test_ignorable_event_makes_no_call(start, change):
    controller = released(start, 1)
    if change == "edited":
        controller.world.edit_metadata(1)
    elif change == "in progress":
        controller.world.deploy(ends="bad")
    else:
        controller.world.register(2, {"rejected": "Rejected"}.get(change, "PendingManualApproval"))
    event = controller.world.events.pop()
    if change == "other group":
        event["detail"] |= {"ModelPackageGroupName": "another", "ModelApprovalStatus": "Approved"}
    assert controller.calls(event) == []


def test_malformed_event_goes_to_the_dead_letter_queue_with_its_reason(start):
    controller = start()
    event = {"source": "aws.sagemaker", "detail-type": "SageMaker Model Package State Change", "detail": 7}
    assert controller.calls(event) == ["SendMessage"]
    letter = {"reason": "detail: 7, expected a JSON object", "event": event}
    assert controller.world.dead_letters == [letter]


def test_duplicates_of_every_event_change_nothing_and_tell_nothing_twice(start):
    controller = start(bad={2})
    for version in (1, 2, 3):
        controller.world.approve(version)
        for _ in range(8):
            for event in controller.world.events[:]:
                controller.run(event)
                controller.run(event)
            controller.world.step()
    assert len(controller.world.told) == len(set(controller.world.told)) == 6
    assert controller.world.attempts == [arn(1), arn(2), arn(3)]


def test_release_is_told_although_every_stack_event_was_lost(start):
    controller = start()
    controller.world.approve(1)
    controller.run(controller.world.events.pop())
    through(controller)
    controller.world.events.clear()
    assert controller.wake() == "Wait"
    assert controller.world.told[-1].endswith("version 1 is released")


def test_version_approved_during_a_release_follows_at_its_end(start):
    controller = start()
    controller.world.approve(1)
    controller.run(controller.world.events.pop())
    controller.world.approve(2)
    assert controller.calls(controller.world.events.pop()) == OBSERVE
    controller.run(through(controller))
    assert controller.world.attempts == [arn(1), arn(2)]


def test_newer_version_follows_a_failure_in_the_same_run(start):
    controller = start(bad={1})
    controller.world.approve(1)
    controller.run(controller.world.events.pop())
    controller.world.approve(2)
    controller.run(through(controller))
    assert controller.world.attempts == [arn(1), arn(2)]


def test_endpoint_that_is_scaling_is_not_updated(start):
    controller = released(start, 1)
    controller.world.endpoint["EndpointStatus"] = "Updating"
    controller.world.approve(2)
    controller.run(controller.world.events.pop())
    assert controller.world.attempts == [arn(1)]
    controller.world.endpoint["EndpointStatus"] = "InService"
    controller.wake()
    assert controller.world.attempts == [arn(1), arn(2)]


def test_release_is_not_done_while_the_endpoint_serves_another_configuration(start):
    controller = start()
    controller.world.approve(1)
    controller.run(controller.world.events.pop())
    end = through(controller)
    controller.world.endpoint["EndpointConfigName"] = "made-by-hand"
    controller.run(end)
    assert controller.world.released == "none"
    assert not any("is released" in subject for subject in controller.world.told)


def test_stack_busy_with_a_deployment_waits_and_then_releases(start):
    controller = released(start, 1)
    controller.world.deploy()
    controller.world.approve(2)
    assert controller.calls(controller.world.events.pop()) == OBSERVE
    controller.run(through(controller))
    assert controller.world.attempts == [arn(1), arn(2)]


def test_update_refused_because_a_deployment_was_faster_waits(start):
    controller = released(start, 1)
    controller.world.approve(2)
    controller.world.before_call = lambda name: name == "UpdateStack" and controller.world.deploy(ends="bad")
    assert controller.calls(controller.world.events.pop(0))[-1] == "UpdateStack"
    controller.world.before_call = lambda name: None
    controller.settle()
    assert controller.world.released == arn(2)


def test_update_with_nothing_to_do_counts_as_applied(start):
    controller = released(start, 1)
    controller.world._write(ENVIRON["CHAMPION_PARAMETER"], "none")
    assert controller.wake() == "Release"
    assert controller.world.attempts == [arn(1)]
    assert controller.wake() == "Wait"
    assert controller.world.final()["champion"] == arn(1)


def test_deployment_of_a_change_set_with_old_values_is_undone(start):
    controller = released(start, 1, 2)
    controller.world.deploy(value=arn(1))
    controller.run(through(controller))
    controller.settle()
    assert controller.world.attempts == [arn(1), arn(2), arn(2)]
    assert controller.world.stack_champion == controller.world.released == arn(2)
    assert sum("is released" in subject for subject in controller.world.told) == 2


def test_failed_deployment_of_a_person_does_not_condemn_the_version(start):
    controller = released(start, 1)
    controller.world.approve(2)
    controller.world.after_call = lambda name: name == "PutParameter" and controller.world.deploy(ends="bad")
    controller.run(controller.world.events.pop(0))
    controller.world.after_call = lambda name: None
    controller.settle()
    assert controller.world.value("failed") == "none"
    assert controller.world.released == arn(2)


def test_stack_that_cannot_roll_back_asks_for_help_once_and_goes_on_when_repaired(start):
    controller = released(start, 1, stuck={2})
    controller.world.approve(2)
    controller.settle()
    assert controller.world.told[-1].endswith("the serving stack is UPDATE_ROLLBACK_FAILED")
    assert "continue-update-rollback" in controller.world.bodies[-1]
    told = len(controller.world.told)
    for _ in range(3):
        assert controller.wake() == "Wait"
    assert len(controller.world.told) == told
    controller.world.continue_rollback()
    controller.settle()
    assert controller.world.told[-1].endswith("the release of version 2 failed")
    assert controller.world.attempts == [arn(1), arn(2)]
    assert controller.world.final()["champion"] == arn(1)


def test_stack_left_broken_by_a_deployment_is_told_by_its_event_only(start):
    controller = released(start, 1)
    controller.world.status = "UPDATE_ROLLBACK_FAILED"
    assert controller.wake() == "Wait"
    controller.world._set("cdk-deploy", "UPDATE_ROLLBACK_FAILED")
    controller.run(controller.world.events.pop())
    assert controller.world.told[-1].endswith("the serving stack is UPDATE_ROLLBACK_FAILED")
    assert controller.world.value("failed") == "none"


def test_no_stack_yet_waits(start):
    controller = start(status="")
    controller.world.approve(1)
    assert controller.calls(controller.world.events.pop()) == OBSERVE
    controller.world.status = "CREATE_COMPLETE"
    controller.settle()
    assert controller.world.released == arn(1)


def test_throttling_is_raised_for_lambda_to_retry(start):
    controller = start()

    def throttle(name):
        if name == "PutParameter":
            raise refused("ThrottlingException", "Rate exceeded", name)

    controller.world.before_call = throttle
    controller.world.approve(1)
    with pytest.raises(ClientError, match="Rate exceeded"):
        controller.run(controller.world.events.pop())


def test_decision_is_logged_as_one_line_of_json(start, release_controller, caplog):
    controller = start()
    log = release_controller.logs.log
    log.setLevel(logging.INFO)
    log.addHandler(caplog.handler)
    try:
        controller.wake()
    finally:
        log.removeHandler(caplog.handler)
    lines = [json.loads(record.getMessage()) for record in caplog.records]
    assert [line["message"] for line in lines] == ["woken", "decision"]
    assert lines[-1]["action"] == "Wait"
    assert lines[-1]["reason"] == "no version is approved"
    assert lines[-1]["observed"]["stack"]["status"] == "CREATE_COMPLETE"


def test_import_needs_no_environment_and_settings_name_what_is_missing(release_controller):
    folder = LAMBDAS / "release_controller"
    subprocess.run([sys.executable, "-c", "import handler"], cwd=folder, env={"PATH": os.environ["PATH"]}, check=True)
    partial = {key: value for key, value in ENVIRON.items() if key not in ("TOPIC_ARN", "ENVIRONMENT")}
    with pytest.raises(release_controller.gateway.ConfigurationError, match="TOPIC_ARN, ENVIRONMENT not set"):
        release_controller.gateway.Settings.read(partial)
