"""Runs of the pipeline in MLflow: what they say, when they are told of, and what they never stand in the way of."""

from __future__ import annotations

import json

import pytest

from tests.unit.lambdas.record_keeper.fakes.pipeline import execution
from tests.unit.lambdas.record_keeper.names import CODE, GROUP, PIPELINE, SNAPSHOT, TRACKING, arn, refused
from tests.unit.lambdas.record_keeper.test_convergence import crash
from tests.unit.lambdas.record_keeper.test_handler import CHEAP, GIVE, TAKE
from tests.unit.lambdas.record_keeper.world import CrashError, World

DOWN = (503, {"message": "Service Unavailable"})
FORBIDDEN = (403, {"Message": "User is not authorized to perform: sagemaker-mlflow:SearchRuns"})


@pytest.fixture
def tracking(start):
    """A keeper that tracks."""
    return start(TRACKING=TRACKING)


def asked(world):
    return [call for call in world.calls if call.startswith("mlflow ")]


class TestRuns:
    def test_run_says_what_went_in_and_what_came_out(self, tracking):
        tracking.world.train(1)
        tracking.happen()
        world, run = tracking.world, tracking.world.mlflow.run("run1")
        began = world.pipeline.runs[1]
        assert list(world.mlflow.experiments) == [GROUP]
        assert run["status"] == "FINISHED"
        assert (run["started"], run["ended"]) == tuple(
            round(each.timestamp() * 1000) for each in (began.started, began.ended)
        )
        assert run["params"] == {
            "pipeline/InputDataUri": SNAPSHOT, "pipeline/CodeCommit": "none",
            "TrainModel/max_depth": "4", "TrainModel/eta": "0.05", "TrainModel/empty": "",
        }  # fmt: skip
        assert run["metrics"] == [
            ("TrainModel/validation/auc", 0.8, run["ended"]), ("TrainModel/seconds", 61.0, run["ended"]),
            ("auc", 0.79, run["ended"]),
        ]  # fmt: skip
        tags = dict(run["tags"])
        assert len(tags.pop("mlops.definition_sha256")) == 64
        assert tags == {
            "mlops.execution": execution(1), "mlops.environment": "test", "mlops.model": "loan-approval",
            "mlops.code": CODE, "mlops.code_sha256": "c" * 64, "mlops.commit": "0" * 40, "mlops.data_sha256": "d" * 64,
            "mlops.package": arn(1), "mlops.version": "1", "mlops.approval": "PendingManualApproval",
            "mlflow.runName": "run1", "mlflow.source.name": PIPELINE, "mlflow.source.type": "JOB",
            "mlflow.source.git.commit": "0" * 40,
        }  # fmt: skip

    def test_manifest_names_the_run_in_its_first_complete_revision(self, tracking):
        tracking.world.train(1)
        tracking.happen()
        [id_] = tracking.world.mlflow.runs
        assert tracking.world.manifest(1)["experiment"] == {"tracking": TRACKING, "run": id_, "experiment": GROUP}
        assert len(tracking.world.revisions(1)) == 1

    def test_open_execution_is_no_run_yet(self, tracking):
        tracking.world.train(1, ended=False)
        tracking.happen()
        assert not asked(tracking.world) and tracking.world.manifest(1)["experiment"] is None
        tracking.world.end(1)
        tracking.happen()
        assert tracking.world.manifest(1)["experiment"]["run"] in tracking.world.mlflow.runs

    @pytest.mark.parametrize(("stopped", "status"), [(False, "FAILED"), (True, "KILLED")])
    def test_execution_without_a_version_is_a_run_too(self, tracking, stopped, status):
        tracking.world.fail(1, stopped=stopped)
        tracking.happen()
        run = tracking.world.mlflow.run("run1")
        assert run["status"] == status
        assert ("auc", 0.79) in [metric[:2] for metric in run["metrics"]]
        assert "mlops.version" not in run["tags"] and run["tags"]["mlops.code"] == CODE
        assert run["tags"].get("mlops.failure") == (None if stopped else "Step failure: EvaluateModel")
        assert not tracking.world.revisions(1)

    def test_execution_that_failed_early_says_what_there_is(self, tracking):
        tracking.world.fail(1, "ValidateData")
        tracking.happen()
        run = tracking.world.mlflow.run("run1")
        assert (run["status"], run["metrics"]) == ("FAILED", [])
        assert set(run["params"]) == {"pipeline/InputDataUri", "pipeline/CodeCommit"}

    def test_best_job_of_a_tuning_is_what_was_trained(self, tracking):
        tracking.world.train(1, tuned=True)
        tracking.happen()
        assert tracking.world.mlflow.run("run1")["params"]["TrainModel/eta"] == "0.05"

    def test_jobs_that_are_not_known_any_more_leave_a_run_with_what_is(self, tracking):
        tracking.world.train(1)
        tracking.world.pipeline.forgotten.add("pipelines-run1-TrainModel")
        tracking.happen()
        assert tracking.world.mlflow.run("run1")["metrics"] == [
            ("auc", 0.79, tracking.world.mlflow.run("run1")["ended"])
        ]

    def test_retirement_and_approval_become_tags_of_the_run_and_no_other_run(self, tracking):
        tracking.world.train(1)
        tracking.happen()
        for what, status in ((tracking.world.decide, "Approved"), (tracking.world.retire, "Retired")):
            what(1)
            tracking.happen()
            assert tracking.world.mlflow.run("run1")["tags"]["mlops.approval"] == status
        assert len(tracking.world.mlflow.run("run1")["metrics"]) == 3

    def test_approval_that_is_taken_back_and_given_again_is_told_each_time(self, tracking):
        tracking.world.train(1)
        for status in ("Approved", "Rejected", "Approved"):
            tracking.world.decide(1, status)
            tracking.happen()
            assert tracking.world.mlflow.run("run1")["tags"]["mlops.approval"] == status


class TestWhere:
    def test_nothing_is_asked_where_config_names_no_mlflow(self, trained):
        assert not asked(trained.world) and "ListPipelineExecutions" not in trained.world.calls

    def test_nothing_is_tracked_where_versions_come_from_elsewhere(self, start):
        keeper = start(TRACKING=TRACKING, TAKES_FROM="staging")
        keeper.world.train(1)
        keeper.happen()
        assert not asked(keeper.world) and keeper.world.manifest(1)["experiment"] is None

    def test_what_was_tracked_elsewhere_stays_there(self, tracking, start):
        tracking.world.train(1)
        tracking.happen()
        keeper = start(tracking.world, TRACKING=f"{TRACKING}-2")
        tracking.world.calls.clear()
        keeper.world.decide(1)
        keeper.happen()
        assert not asked(keeper.world)
        assert keeper.world.manifest(1)["experiment"]["tracking"] == TRACKING

    def test_switching_it_off_leaves_the_manifest_as_it_is(self, tracking, start):
        tracking.world.train(1)
        tracking.happen()
        start(tracking.world).hours(24)
        assert len(tracking.world.revisions(1)) == 1
        assert tracking.world.manifest(1)["experiment"]["tracking"] == TRACKING

    @pytest.mark.parametrize("text", ["https://mlflow.example.com", "arn:aws-cn:sagemaker:cn-north-1:1:mlflow-app/a"])
    def test_variable_that_is_no_managed_mlflow_is_refused(self, start, record_keeper, text):
        with pytest.raises(record_keeper.environment.ConfigurationError, match=r"^TRACKING: "):
            start(TRACKING=text)


class TestCosts:
    def test_look_without_a_change_is_one_list_more(self, tracking):
        tracking.world.train(1)
        tracking.happen()
        tracking.world.clock.pass_seconds(13 * 3600)
        tracking.look()
        tracking.world.calls.clear()
        assert tracking.look() == "nothing changed"
        calls = [call for call in tracking.world.calls if call not in (TAKE, GIVE)]
        assert sorted(set(calls)) == sorted({*CHEAP, "ListPipelineExecutions"})
        assert calls.count("ListPipelineExecutions") == 1

    def test_run_takes_six_requests_and_a_decision_three(self, tracking):
        tracking.world.train(1)
        tracking.happen()
        assert asked(tracking.world) == [
            f"mlflow {path}"
            for path in ("experiments/get-by-name", "experiments/create", "runs/search", "runs/create",
                         "runs/log-batch", "runs/update")
        ]  # fmt: skip
        tracking.world.calls.clear()
        tracking.world.decide(1)
        tracking.happen()
        assert asked(tracking.world) == [
            f"mlflow {path}" for path in ("experiments/get-by-name", "runs/search", "runs/log-batch")
        ]

    def test_what_was_there_before_tracking_is_caught_up_with_over_the_hours(self, start):
        world = World(checked=False)
        for number in range(1, 13):
            world.fail(number)
        world.events.clear()
        keeper = start(world, TRACKING=TRACKING)
        assert keeper.look() == "nothing changed; tracked run12, run11, run10, run9, run8"
        keeper.hours(2)
        assert len(world.mlflow.runs) == 12
        assert keeper.look() == "nothing changed"


class TestTroubles:
    @pytest.mark.parametrize("trouble", [DOWN, FORBIDDEN])
    def test_mlflow_that_does_not_answer_costs_one_request_and_no_manifest(self, tracking, trouble):
        for version in (1, 2):
            tracking.world.train(version)
        tracking.world.mlflow.trouble = trouble
        tracking.world.events.clear()
        assert tracking.look() == "versions 2, 1"
        assert len(asked(tracking.world)) == 1
        assert tracking.world.manifest(1)["experiment"] is None
        tracking.world.mlflow.trouble = None
        tracking.look()
        for version in (1, 2):
            manifest = tracking.world.manifest(version)
            assert manifest["reason"] == "changed: experiment"
            assert manifest["experiment"]["run"] == tracking.world.mlflow.run(f"run{version}")["id"]

    def test_slow_mlflow_leaves_the_versions_their_time(self, tracking):
        world = tracking.world
        for version in (1, 2, 3):
            world.train(version)
        world.before_call = lambda name: world.clock.pass_seconds(2.9) if name.startswith("mlflow ") else None
        assert tracking.look().startswith("versions 3, 2, 1")
        tracking.hours(8)
        assert [world.manifest(version)["experiment"] is None for version in (1, 2, 3)] == [False] * 3
        assert len(world.mlflow.runs) == 3

    def test_run_that_mlflow_refuses_keeps_no_other_from_it(self, tracking, caplog):
        world = tracking.world
        for number in (1, 2, 3):
            world.fail(number)
        answer = world.mlflow.answer

        def refusing(method, path, fields):
            if path == "runs/create" and fields["run_name"] == "run2":
                return 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "no\nsuch"}
            return answer(method, path, fields)

        world.mlflow.answer = refusing
        assert tracking.look() == "nothing changed; tracked run3, run1"
        world.mlflow.answer = answer
        assert tracking.look() == "nothing changed; tracked run2"

    def test_run_that_somebody_deleted_is_not_made_again(self, tracking):
        tracking.world.train(1)
        tracking.happen()
        tracking.world.mlflow.run("run1")["stage"] = "deleted"
        tracking.world.decide(1)
        tracking.happen()
        tracking.world.calls.clear()
        tracking.hours(2)
        assert not asked(tracking.world)
        assert len(tracking.world.mlflow.runs) == 1
        assert tracking.world.mlflow.run("run1")["tags"]["mlops.approval"] == "PendingManualApproval"

    def test_half_made_run_that_somebody_deleted_is_neither_filled_nor_made_again(self, tracking):
        tracking.world.fail(1)
        tracking.world.after_call = lambda name: crash(name) if name == "mlflow runs/create" else None
        with pytest.raises(CrashError):
            tracking.look()
        tracking.world.after_call = lambda name: None
        tracking.world.mlflow.run("run1")["stage"] = "deleted"
        tracking.hours(1)
        assert tracking.look() == "nothing changed"
        assert tracking.world.mlflow.run("run1")["params"] == {}
        assert "run#run1#0001" in tracking.world.index()

    def test_experiment_that_somebody_deleted_is_not_made_again(self, tracking):
        tracking.world.mlflow.experiments[GROUP] = {"experiment_id": "1", "name": GROUP, "lifecycle_stage": "deleted"}
        for number in (1, 2):
            tracking.world.fail(number)
        assert tracking.look() == "nothing changed"
        assert len(asked(tracking.world)) == 1
        tracking.world.mlflow.experiments[GROUP]["lifecycle_stage"] = "active"
        assert tracking.look() == "nothing changed; tracked run2, run1"

    @pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException", "ResourceNotFound"])
    def test_executions_that_cannot_be_listed_keep_no_version_from_its_manifest(self, tracking, code):
        def refuse(name):
            if name == "ListPipelineExecutions":
                raise refused(code, "no", name)

        tracking.world.train(1)
        tracking.world.before_call = refuse
        assert tracking.look() == "versions 1"
        tracking.world.before_call = lambda name: None
        assert tracking.look() == "versions 1; tracked run1"

    def test_execution_that_aws_cannot_describe_keeps_no_other_from_it(self, tracking):
        for number in (1, 2):
            tracking.world.fail(number)
        described = tracking.world.pipeline.describe_pipeline_execution

        def refuse(PipelineExecutionArn):  # noqa: N803 - spelled as AWS spells it
            if PipelineExecutionArn == execution(2):
                raise refused("InternalFailure", "no", "DescribePipelineExecution")
            return described(PipelineExecutionArn)

        tracking.world.pipeline.describe_pipeline_execution = refuse
        assert tracking.look() == "nothing changed; tracked run1"

    @pytest.mark.parametrize("answer", [{}, {"experiment": None}, {"experiment": {}}])
    def test_answer_of_another_shape_keeps_no_version_from_its_manifest(self, tracking, answer):
        tracking.world.train(1)
        tracking.world.mlflow.trouble = (200, answer)
        assert tracking.look() == "versions 1"

    def test_ledger_keeps_what_was_told(self, tracking):
        tracking.world.train(1)
        tracking.happen()
        tracking.world.decide(1)
        tracking.happen()
        assert [key for key in tracking.world.index() if key.startswith("run#")] == ["run#run1#0001", "run#run1#0002"]


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("validation:auc", "validation/auc"), ("f1 score", "f1 score"), ("a*b", "a_b"), ("a//b", "a/b"),
        ("/a/../b/", "a/b"), ("::", "_"), ("précision", "pr_cision"), ("x" * 300, "x" * 250),
    ],
)  # fmt: skip
def test_names_are_what_every_mlflow_takes(record_keeper, name, taken):
    assert record_keeper.experiments._name(name) == taken


def test_values_that_are_no_numbers_are_left_out_and_long_texts_are_cut(record_keeper, start):
    state, settings = record_keeper.state, start(TRACKING=TRACKING).settings
    job = {
        "TrainingJobArn": "x",
        "HyperParameters": {"text": "v" * 7000},
        "FinalMetricDataList": [{"MetricName": "loss", "Value": float("nan")}, {"MetricName": "auc", "Value": 0.5}],
    }
    making = state.Making(
        execution={
            "PipelineExecutionStatus": "Failed", "FailureReason": "w" * 9000,
            "CreationTime": "2026-11-21T00:00:00.000Z", "LastModifiedTime": "2026-11-21T00:00:01.500Z",
        },
        steps=(state.Step("Train", "Training", "Failed", described=job),),
    )  # fmt: skip
    run = record_keeper.experiments.run_of(state.Ended(execution(1), making), "", settings)
    assert run.metrics == {"Train/auc": 0.5}
    assert len(run.params["Train/text"]) == 6000 and len(run.tags["mlops.failure"]) == 5000
    assert run.ended - run.started == 1500
    json.dumps([run.metrics, run.params, run.tags], allow_nan=False)


def test_version_that_a_step_took_from_another_run_is_that_runs(tracking):
    tracking.world.train(1)
    tracking.world.train(2)
    listed = tracking.world.pipeline._listed

    def took(run, step):
        row = listed(run, step)
        if step == "RegisterModel" and run.version == 2:
            cached = {"CacheHitResult": {"SourcePipelineExecutionArn": execution(1)}}
            return {**row, "Metadata": {"RegisterModel": {"Arn": arn(1)}}, **cached}
        return row

    tracking.world.pipeline._listed = took
    tracking.happen()
    assert tracking.world.mlflow.run("run1")["tags"]["mlops.version"] == "1"
    assert "mlops.version" not in tracking.world.mlflow.run("run2")["tags"]
