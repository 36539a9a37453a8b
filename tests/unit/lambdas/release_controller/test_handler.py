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
from tests.unit.lambdas.release_controller.names import ENVIRON, MODEL, PARAMETERS, SCHEDULE, TABLE, P, arn, refused
from tests.unit.lambdas.release_controller.plays import Play, Step, approve, command, standing
from tests.unit.lambdas.release_controller.world import IDLE, MEASURE, World

BARE = {"PATH": os.environ["PATH"], "PYTHONPATH": str(LAMBDAS)}
TAKE, GIVE = "UpdateItem", "DeleteItem"
OBSERVE = ["DescribeStacks", "GetParameters"]
NOTE, INTEND, TELL, WRITE = "PutItem", "UpdateItem", "Publish", "PutParameter"


def released(start, *versions, **world):
    """A controller in a world where these versions were released, one after the other."""
    controller = start(World(**world))
    for version in versions:
        controller.world.register(version)
        controller.world.approve(version)
        controller.settle()
    return controller


def through(controller):
    """The stack's operation runs to its end; returns the event of that end."""
    while controller.world.serving.operation:
        controller.world.step()
    return controller.world.events.pop()


def test_first_release_and_its_end_call_by_call(start):
    controller = start()
    controller.world.approve(1)
    begin = [INTEND, WRITE, TELL, NOTE]
    assert controller.calls(controller.world.events.pop()) == [
        TAKE,
        *OBSERVE, "ListModelPackages", *begin,
        *OBSERVE, "ListModelPackages", NOTE, WRITE,
        *OBSERVE, "DescribeStackEvents", NOTE, "UpdateStack",
        MEASURE, GIVE,
    ]  # fmt: skip
    done = ["Query", TELL, "PutEvents", NOTE, "LabelParameterVersion"]
    look = [*OBSERVE, "DescribeEndpoint"]
    assert controller.calls(through(controller)) == [
        TAKE,
        *look, *done,
        *look, "ListModelPackages", NOTE, WRITE,
        *look, "ListModelPackages",
        MEASURE, GIVE,
    ]  # fmt: skip
    assert controller.world.final()["endpoint"] == ("InService", "config-champion1", {"champion": 1.0})


def test_scheduled_run_with_nothing_to_do_only_reads_and_measures_beside_the_lock(start):
    calls = released(start, 1).calls(SCHEDULE)
    assert calls == [TAKE, *OBSERVE, "DescribeEndpoint", "ListModelPackages", MEASURE, GIVE]


def test_scheduled_run_during_a_release_reads_twice(start):
    controller = start()
    controller.world.approve(1)
    controller.run(controller.world.events.pop())
    assert controller.calls(SCHEDULE) == [TAKE, *OBSERVE, MEASURE, GIVE]


def test_failed_release_is_noted_told_and_put_back(start):
    controller = released(start, 1, bad={2})
    controller.world.approve(2)
    controller.settle()
    final = controller.world.final()
    assert (final["parameters"]["champion"], final["parameters"]["failed"]) == (arn(1), arn(2))
    assert controller.world.told[-1] == f"[test] {MODEL}: the release of version 2 failed"
    body = controller.world.outlets.bodies[-1]
    assert "Endpoint: alarm p99 fired during the canary" in body
    assert "goes on serving version 1" in body
    assert f"--name {P}failed --value none" in body


def test_failed_version_is_never_tried_again_but_a_newer_one_is(start):
    controller = released(start, 1, 2, bad={2})
    controller.world.approve(2, "Rejected")
    controller.world.approve(2)
    controller.settle()
    assert controller.world.serving.attempts == ["config-champion1", "config-champion2"]
    controller.world.approve(3)
    controller.settle()
    assert controller.world.ssm.released == arn(3)


def test_failed_version_is_tried_again_after_a_person_cleared_it(start):
    controller = released(start, 1, 2, bad={2})
    controller.world.serving.bad.clear()
    controller.world.ssm.write("failed", "none")
    controller.settle()
    assert controller.world.ssm.released == arn(2)


def test_newest_is_chosen_by_number_over_pages(start):
    controller = start(World(page_size=3))
    for version in range(1, 13):
        controller.world.register(version, "Approved" if version in (2, 4) else "Rejected")
    controller.settle()
    assert controller.world.serving.attempts == ["config-champion4"]


def test_package_that_is_not_completed_is_not_released(start):
    controller = start()
    controller.world.registry.unfinished.add(2)
    controller.world.approve(2)
    controller.world.approve(1)
    controller.settle()
    assert controller.world.ssm.released == arn(1)


@pytest.mark.parametrize("change", ["other group", "in progress", "own parameter"])
def test_ignorable_event_makes_no_call(start, change):
    controller = released(start, 1)
    if change == "in progress":
        controller.world.serving.deploy(ends="bad", shadow=arn(9))
        event = controller.world.events.pop()
    elif change == "own parameter":
        controller.world._person_writes("champion", arn(1))
        event = controller.world.events.pop()
    else:
        controller.world.approve(2)
        event = controller.world.events.pop()
        event["detail"] |= {"ModelPackageGroupName": "another"}
    assert controller.calls(event) == []


def test_malformed_event_goes_to_the_dead_letter_queue_with_its_reason(start):
    controller = start()
    event = {"source": "aws.sagemaker", "detail-type": "SageMaker Model Package State Change", "detail": 7}
    assert controller.calls(event) == ["SendMessage"]
    letter = {"reason": "detail: 7, expected a JSON object", "event": event}
    assert controller.world.outlets.dead_letters == [letter]


def test_duplicates_of_every_event_change_nothing_and_tell_nothing_twice(start):
    controller = start(World(bad={2}))
    world = controller.world
    for version in (1, 2, 3):
        world.approve(version)
        for _ in range(8):
            for event in world.events[:]:
                controller.run(event)
                controller.run(event)
            world.step()
    assert len(world.told) == len(set(world.told)) == 6
    assert world.serving.attempts == ["config-champion1", "config-champion2", "config-champion3"]


def test_release_is_told_although_every_stack_event_was_lost(start):
    controller = start()
    controller.world.approve(1)
    controller.run(controller.world.events.pop())
    through(controller)
    controller.world.events.clear()
    assert controller.wake() == "Wait"
    assert controller.world.told[-1].endswith("version 1 is released")


def test_endpoint_that_is_scaling_is_not_updated(start):
    controller = released(start, 1)
    controller.world.serving.scale()
    controller.world.approve(2)
    for event in controller.world.events:
        controller.run(event)
    assert controller.world.serving.attempts == ["config-champion1"]
    controller.world.serving.scale()
    controller.settle()
    assert controller.world.ssm.released == arn(2)


def test_update_refused_because_a_deployment_was_faster_waits(start):
    controller = released(start, 1)
    world = controller.world
    world.approve(2)
    world.before_call = lambda name: name == "UpdateStack" and world.serving.deploy(ends="bad", champion=arn(1))
    assert controller.run(world.events.pop(0))["action"] == "Apply"
    world.before_call = lambda name: None
    controller.settle()
    assert world.ssm.released == arn(2)
    assert world.value("failed") == "none"


def test_weights_refused_because_the_endpoint_was_changing_are_set_later(start):
    controller = start(World(quality={2: "better"}), stages=["challenger"])
    world = controller.world
    refusals = []

    def scale_first(name):
        if name == "UpdateEndpointWeightsAndCapacities" and not refusals:
            world.serving.scale()
            refusals.append(name)

    world.before_call = scale_first
    for version in (1, 2):
        world.approve(version)
        Play(controller, (Step(lambda world: world.serving.scale(), _scaling),)).to_the_end() if version == 2 else (
            controller.settle()
        )
    assert refusals
    assert world.ssm.released == arn(2)
    assert world.serving.violations == []


def _scaling(world):
    return (
        world.serving.endpoint_status == "Updating" and not world.serving.operation and not world.serving.wanted_weights
    )


def test_challenger_gets_its_share_in_steps_and_all_weights_are_whole(start):
    controller = start(World(quality={2: "better"}), stages=["challenger"])
    shares = []
    controller.world.after_call = lambda name: (
        shares.append(controller.world.serving.wanted_weights["challenger"])
        if name == "UpdateEndpointWeightsAndCapacities"
        else None
    )
    for version in (1, 2):
        controller.world.approve(version)
        controller.settle()
    assert shares == [0.25, 0.5, 0.0]


def test_stack_that_cannot_roll_back_asks_for_help_once_a_day_and_goes_on_when_repaired(start):
    controller = released(start, 1, stuck={2})
    world = controller.world
    world.approve(2)
    controller.run(world.events.pop())
    controller.run(through(controller))
    assert world.told[-1].endswith("the serving stack is UPDATE_ROLLBACK_FAILED")
    assert "continue-update-rollback" in world.outlets.bodies[-1]
    assert "version 2 was on its way (promote)" in world.outlets.bodies[-1]
    told = len(world.told)
    for _ in range(3):
        assert controller.wake() == "Wait"
    assert len(world.told) == told
    world.clock.pass_seconds(86400)
    controller.wake()
    assert len(world.told) == told + 1
    world.serving.continue_rollback()
    controller.settle()
    assert world.told[-1].endswith("the release of version 2 failed")
    assert world.final()["parameters"]["champion"] == arn(1)


def test_endpoint_that_cannot_roll_back_asks_for_help_and_no_update_is_tried(start):
    controller = released(start, 1)
    world = controller.world
    world.serving.endpoint_status = "UpdateRollbackFailed"
    world.approve(2)
    for _ in range(3):
        assert controller.wake() == "Wait"
    assert [subject for subject in world.told if "needs help" in subject] == [
        f"[test] {MODEL}: the endpoint needs help: UpdateRollbackFailed"
    ]
    assert "FailureReason" in world.outlets.bodies[-1]
    assert world.serving.attempts == ["config-champion1"]


def test_no_stack_yet_waits(start):
    controller = start(World(status=""))
    controller.world.approve(1)
    assert controller.calls(controller.world.events.pop()) == [TAKE, *OBSERVE, MEASURE, GIVE]
    controller.world.serving.status = "CREATE_COMPLETE"
    controller.settle()
    assert controller.world.ssm.released == arn(1)


def test_release_is_announced_with_what_others_need(start):
    controller = released(start, 1, 2)
    assert controller.world.outlets.announced[-1] == {
        "environment": "test", "model": MODEL, "package": arn(2), "version": 2, "endpoint": ENVIRON["ENDPOINT_NAME"],
        "endpoint_config": "config-champion2", "previous": arn(1),
    }  # fmt: skip


def test_rollback_never_lowers_what_failed(start):
    controller = released(start, 1, 2, 3, bad={3})
    assert controller.world.value("failed") == arn(3)
    controller.world.command("rollback")
    controller.settle()
    assert controller.world.ssm.released == arn(1)
    assert controller.world.value("failed") == arn(3)
    assert controller.world.value("command") == "none"


def test_label_moves_along_when_the_champion_is_put_back(start):
    controller = released(start, 1, 2, bad={2})
    versions = controller.world.ssm.versions[P + "champion"]
    assert controller.world.ssm.labels[P + "champion", "released"] == len(versions)


def test_plan_that_never_rests_is_an_error(start, quiet, monkeypatch):
    controller = released(start, 1)
    write = quiet.state.Write("shadow", "none", "again and again")
    monkeypatch.setattr(quiet.reconcile, "plan", lambda observed: write)
    with pytest.raises(quiet.reconcile.Restless, match="25 actions in one run, the last one Write"):
        controller.wake()


def test_throttling_is_raised_for_lambda_to_retry(start):
    controller = start()

    def throttle(name):
        if name == WRITE:
            raise refused("ThrottlingException", "Rate exceeded", name)

    controller.world.before_call = throttle
    controller.world.approve(1)
    with pytest.raises(ClientError, match="Rate exceeded"):
        controller.run(controller.world.events.pop())


def test_run_at_rest_writes_nothing_whatever_was_before(start):
    controller = start(World(quality={2: "better"}), stages=["shadow", "challenger"])
    steps = (
        Step(approve(1)),
        Step(approve(2)),
        Step(command("pause"), standing(2, "challenger")),
        Step(command("none")),
    )
    Play(controller, steps).to_the_end()
    assert all(name.startswith(IDLE) for name in controller.calls(SCHEDULE))


def test_decision_is_logged_as_one_line_of_json(start, quiet, caplog):
    controller = start()
    log = quiet.logs.log
    log.setLevel(logging.INFO)
    log.addHandler(caplog.handler)
    try:
        controller.wake()
    finally:
        log.removeHandler(caplog.handler)
    lines = [json.loads(record.getMessage()) for record in caplog.records]
    assert [line["message"] for line in lines] == ["woken", "decision"]
    assert (lines[-1]["action"], lines[-1]["decided"]["reason"]) == ("Wait", "no version is approved")
    assert lines[-1]["observed"]["stack"]["status"] == "CREATE_COMPLETE"


def test_import_needs_no_environment_and_settings_name_what_is_missing(release_controller):
    folder = LAMBDAS / "release_controller"
    subprocess.run([sys.executable, "-c", "import handler"], cwd=folder, env=BARE, check=True)
    settings = release_controller.settings
    partial = {key: value for key, value in ENVIRON.items() if key not in ("TOPIC_ARN", "ENVIRONMENT")}
    with pytest.raises(release_controller.environment.ConfigurationError, match="ENVIRONMENT, TOPIC_ARN not set"):
        settings.Settings.read(partial)
    assert settings.Settings.read(ENVIRON | {"TESTS_FUNCTION": ""}).tests_function == ""
    assert settings.Settings.read(ENVIRON).policy.experiment.block_size == 20
    assert settings.Settings.read(ENVIRON).ledger_table == TABLE
    assert release_controller.observe.NAMES == PARAMETERS
