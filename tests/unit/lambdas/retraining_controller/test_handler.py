"""What the controller does when something happens, and with which calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

from tests.unit.lambdas.conftest import LAMBDAS
from tests.unit.lambdas.retraining_controller.names import ENVIRON, LOOK, refused, uri
from tests.unit.lambdas.retraining_controller.world import CrashError

TAKE, GIVE = "UpdateItem", "DeleteItem"
OBSERVE = [
    "Query", "DescribeAlarms", "GetParameters", "ListPipelineExecutions", "ListModelPackages", "DescribeModelPackage",
    "ListObjectsV2", "ListObjectsV2",
]  # fmt: skip
PARAMETERS = {
    "InputDataUri": uri("2026-10-31"),
    "TrainFrom": "2022-11-01",
    "TrainTo": "2024-07-31",
    "TestFrom": "2024-08-01",
    "TestTo": "2024-10-31",
}


def kinds(controller):
    return [entry["kind"] for entry in controller.world.ledger()]


def test_nothing_happens_without_a_reason(serving):
    controller = serving()
    assert controller.look() == "nothing asks for a retraining"
    assert controller.world.calls == [TAKE, *OBSERVE, GIVE]
    assert controller.world.executions == []


class TestLimits:
    def test_any_execution_that_runs_is_waited_for(self, serving):
        controller = serving()
        controller.world.start_by_hand()
        controller.world.degrade()
        controller.happen()
        assert controller.look() == "execution by-hand-0 of the training pipeline is Executing"
        controller.world.end("Stopped")
        controller.happen()
        assert len(controller.world.retrainings) == 1

    def test_failed_run_is_told_once_with_its_step_and_tried_again_after_the_cooldown(self, serving):
        controller = serving()
        world = controller.world
        world.degrade()
        controller.happen()
        world.end("Failed", "AUC 0.61 is below 0.65")
        controller.happen()
        controller.happen()
        assert world.told == ["retraining started (degradation)", "retraining failed"]
        assert "Why: step GateModel: AUC 0.61 is below 0.65.\n" in world.outlets.bodies[-1]
        assert "tried again after 2026-11-29 00:00 UTC" in world.outlets.bodies[-1]
        controller.pass_days(6)
        assert len(world.executions) == 1
        controller.pass_days(1)
        assert len(world.executions) == 2

    def test_limit_of_the_month_is_told_once_and_ends_with_it(self, serving):
        controller = serving(cooldown_hours=24)
        world = controller.world
        world.degrade()
        for _ in range(6):
            controller.happen()
            if world.running():
                world.end("Failed", "no")
            controller.pass_days(1)
        assert len(world.executions) == 2
        assert world.told.count("retraining is due, but the month's limit is reached") == 1
        assert "no retraining is started before 2026-12-01.\n" in world.outlets.bodies[-1]
        controller.pass_days(3)
        assert len(world.executions) == 3

    def test_stopped_run_is_noted_and_not_told(self, serving):
        controller = serving()
        controller.world.degrade()
        controller.happen()
        controller.world.end("Stopped")
        controller.happen()
        assert kinds(controller) == ["stopped", "start", "started"]
        assert len(controller.world.told) == 1

    def test_execution_that_sagemaker_does_not_know_any_more_counts_as_failed(self, serving):
        controller = serving()
        controller.world.degrade()
        controller.happen()
        controller.world.executions.clear()
        controller.happen()
        assert kinds(controller) == ["failed", "start", "started"]
        assert "does not know its execution any more" in controller.world.outlets.bodies[-1]

    def test_request_that_sagemaker_refuses_is_told_and_not_repeated(self, serving):
        controller = serving()
        controller.world.refuses = "Parameter TrainFrom is not declared"
        controller.world.degrade()
        controller.happen()
        controller.happen()
        assert kinds(controller) == ["failed", "start"]
        assert controller.world.told == ["retraining failed"]
        assert "Why: SageMaker did not start it: Parameter TrainFrom is not decl" in controller.world.outlets.bodies[0]

    def test_pipeline_that_is_not_deployed_is_waited_for(self, serving):
        controller = serving()
        controller.world.deployed = False
        controller.world.degrade()
        controller.happen()
        assert controller.look() == "the training pipeline does not exist: deploy it"


class TestRuns:
    def test_call_by_call(self, serving):
        controller = serving()
        controller.world.degrade()
        observe = [*OBSERVE[:5], "ListObjectsV2", *OBSERVE[5:]]
        start = ["PutItem", "StartPipelineExecution", "Publish", "PutItem"]
        controller.run(controller.world.events.pop())
        assert controller.world.calls == [TAKE, *observe, *start, *observe, GIVE]

    def test_malformed_event_goes_to_the_dead_letter_queue_with_its_reason(self, serving):
        controller = serving()
        event = {"trigger": "schedule", "time": "tomorrow"}
        answer = controller.run(event)
        assert answer["action"] == "Malformed"
        [letter] = controller.world.outlets.dead_letters
        assert letter["event"] == event
        assert letter["reason"] == "time: 'tomorrow', expected a time in UTC such as 2026-11-21T03:00:00Z"
        assert controller.world.calls == ["SendMessage"]

    def test_throttling_is_raised_for_lambda_to_retry_and_leaves_the_lock_free(self, serving):
        controller = serving()

        def throttle(name):
            if name == "ListModelPackages":
                raise refused("ThrottlingException", "Rate exceeded", name)

        controller.world.before_call = throttle
        with pytest.raises(ClientError, match="Rate exceeded"):
            controller.look()
        controller.world.before_call = lambda name: None
        assert controller.look() == "nothing asks for a retraining"

    def test_other_errors_of_a_start_are_raised_and_the_decision_stays(self, serving):
        controller = serving()
        world = controller.world
        world.degrade()

        def full(name):
            if name == "StartPipelineExecution":
                raise refused("ResourceLimitExceeded", "too many", name)

        world.before_call = full
        with pytest.raises(ClientError, match="too many"):
            controller.look()
        world.before_call = lambda name: None
        controller.look()
        assert len(world.executions) == 1
        assert kinds(controller) == ["start", "started"]

    def cut_off(self, serving):
        """A controller whose run ended when it had noted a decision."""
        controller = serving()
        controller.world.degrade()

        def crash(name):
            if name == "PutItem":
                raise CrashError(name)

        controller.world.after_call = crash
        with pytest.raises(CrashError):
            controller.look()
        controller.world.after_call = lambda name: None
        controller.world.clock.pass_seconds(100)
        return controller

    def test_fresh_decision_is_carried_out_as_it_was_made(self, serving):
        controller = self.cut_off(serving)
        controller.world.export("2026-11-30")
        controller.look()
        assert controller.world.executions[0].parameters == PARAMETERS
        assert kinds(controller) == ["start", "started"]

    def test_old_decision_is_withdrawn_and_made_anew(self, serving):
        controller = self.cut_off(serving)
        controller.world.export("2026-11-30")
        controller.world.clock.pass_seconds(1800)
        controller.look()
        assert controller.world.executions[0].parameters["TestTo"] == "2024-11-30"
        assert kinds(controller) == ["withdrawn", "start", "start", "started"]

    def test_old_decision_that_nobody_needs_any_more_is_withdrawn(self, serving):
        controller = self.cut_off(serving)
        controller.world.register(2, data_uri=uri("2026-10-31"))
        assert controller.look().startswith("version 2 is on its way to test: it waits for approval; what was decided")
        controller.world.clock.pass_seconds(1800)
        assert controller.look() == "version 2 is on its way to test: it waits for approval"
        assert kinds(controller) == ["withdrawn", "start"]
        assert controller.world.executions == []

    def test_second_run_ends_as_busy(self, serving):
        controller = serving()
        actions = []

        def beside(name):
            if name == "DescribeAlarms" and not actions:
                actions.append(controller.run(LOOK)["action"])

        controller.world.after_call = beside
        controller.look()
        assert actions == ["Busy"]
        assert controller.world.calls.count("DescribeAlarms") == 2

    def test_plan_that_never_rests_is_an_error(self, serving, quiet, monkeypatch):
        tell = quiet.state.Tell("refused", "key", "again and again")
        monkeypatch.setattr(quiet.reconcile, "plan", lambda observed, policy: tell)
        with pytest.raises(quiet.reconcile.Restless, match="10 actions in one run, the last one Tell"):
            serving().look()


def test_import_needs_no_environment_and_settings_name_what_is_missing(retraining_controller):
    folder = LAMBDAS / "retraining_controller"
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(LAMBDAS)}
    subprocess.run([sys.executable, "-c", "import handler"], cwd=folder, env=bare, check=True)
    read, error = retraining_controller.settings.Settings.read, retraining_controller.environment.ConfigurationError
    with pytest.raises(error, match="ENVIRONMENT, PIPELINE not set"):
        read({key: value for key, value in ENVIRON.items() if key not in ("PIPELINE", "ENVIRONMENT")})
    for name, text in (("PLACES", '[{"alarm":"a"}]'), ("POLICY", "{}"), ("POLICY", '{"parameters":{}}')):
        with pytest.raises(error, match=f"^{name}: "):
            read(ENVIRON | {name: text})
    extra = json.dumps(json.loads(ENVIRON["POLICY"]) | {"unknown": 1})
    with pytest.raises(error, match="POLICY: unknown missing or unknown"):
        read(ENVIRON | {"POLICY": extra})


def test_what_degrades_is_what_the_monitor_means(retraining_controller):
    from monitoring.findings import DEGRADING

    assert retraining_controller.observe.DEGRADING == DEGRADING
