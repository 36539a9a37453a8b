"""`mlops train`: what is started, from which data, and when nothing is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from mlops import checkout, pipelines, target, train
from mlops.__main__ import main
from mlops.errors import UsageError
from mlops.snapshots import Snapshots
from tests.unit.mlops.world import World

PIPELINE = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/mlops-local-loan-approval-training"
BUCKET = "train-data"
CODE = "s3://assets/1.tar.gz"


def definition(code: str = CODE) -> str:
    parameters = [
        {"Name": "InputDataUri", "Type": "String"},
        {"Name": "Share", "Type": "Float", "DefaultValue": 0.30},
        {"Name": "Tune", "Type": "Boolean", "DefaultValue": False},
        {"Name": "CodeCommit", "Type": "String", "DefaultValue": "none"},
    ]
    return json.dumps({"Version": "2020-12-01", "Parameters": parameters, "Steps": [{"Code": code}]})


@dataclass
class SageMaker:
    """One pipeline, whose executions end as they are told to; a registry with the versions that came of them."""

    definition: str = field(default_factory=definition)
    ends: str = "Succeeded"
    lists_defaults: bool = True
    executions: list[dict[str, Any]] = field(default_factory=list)
    group: list[str] = field(default_factory=list)

    def describe_pipeline(self, PipelineName: str) -> dict[str, Any]:  # noqa: N803
        return {"PipelineDefinition": self.definition}

    def start_pipeline_execution(self, **request: Any) -> dict[str, Any]:
        token = request["ClientRequestToken"]
        assert 32 <= len(token) <= 128
        for each in self.executions:
            if each["token"] == token:
                return {"PipelineExecutionArn": each["PipelineExecutionArn"]}
        given = {each["Name"]: each["Value"] for each in request["PipelineParameters"]}
        arn = f"{PIPELINE}/execution/{len(self.executions) + 1}"
        self.executions.insert(
            0,
            {
                "PipelineExecutionArn": arn,
                "PipelineExecutionStatus": "Executing",
                "definition": self.definition,
                "given": given,
                "token": token,
            },
        )
        return {"PipelineExecutionArn": arn}

    def describe_pipeline_execution(self, PipelineExecutionArn: str) -> dict[str, Any]:  # noqa: N803
        found = self._find(PipelineExecutionArn)
        if found["PipelineExecutionStatus"] == "Executing":
            found["PipelineExecutionStatus"] = self.ends
            self.group += ["version"] if self.ends == "Succeeded" else []
        return found

    def describe_pipeline_definition_for_execution(self, PipelineExecutionArn: str) -> dict[str, Any]:  # noqa: N803
        return {"PipelineDefinition": self._find(PipelineExecutionArn)["definition"]}

    def list_model_packages(self, **_: Any) -> dict[str, Any]:
        return {"ModelPackageSummaryList": [{"ModelPackageArn": "newest"}]}

    def describe_model_package(self, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803
        return {"ModelPackageVersion": len(self.group), "ModelApprovalStatus": "PendingManualApproval"}

    def get_paginator(self, operation: str) -> Any:
        def pages(**request: Any) -> list[dict[str, Any]]:
            if operation == "list_pipeline_executions":
                assert request["SortOrder"] == "Descending", "the oldest first, it would compare with the first run"
                return [{"PipelineExecutionSummaries": self.executions}]
            if operation == "list_pipeline_execution_steps":
                return [{"PipelineExecutionSteps": self._steps(request["PipelineExecutionArn"])}]
            given = self._find(request["PipelineExecutionArn"])["given"]
            declared = {
                each["Name"]: each.get("DefaultValue", "") for each in json.loads(self.definition)["Parameters"]
            }
            shown = {**declared, **given} if self.lists_defaults else given
            return [{"PipelineParameters": [{"Name": name, "Value": str(value)} for name, value in shown.items()]}]

        return type("Paginator", (), {"paginate": lambda _, **request: pages(**request)})()

    def _steps(self, arn: str) -> list[dict[str, Any]]:
        failed = self._find(arn)["PipelineExecutionStatus"] == "Failed"
        reason = {"FailureReason": "gate failed: AUC 0.61"} if failed else {}
        now = datetime(2026, 1, 1, tzinfo=UTC)
        status = "Failed" if failed else "Succeeded"
        return [{"StepName": "GateModel", "StepStatus": status, "StartTime": now, "EndTime": now, **reason}]

    def _find(self, arn: str) -> dict[str, Any]:
        return next(each for each in self.executions if each["PipelineExecutionArn"] == arn)


@pytest.fixture
def sagemaker(world: World, monkeypatch: pytest.MonkeyPatch) -> SageMaker:
    made = SageMaker()
    clients = world.clients
    played = {"sagemaker": made, "logs": made}
    monkeypatch.setattr(target.aws, "local_clients", lambda: lambda name: played.get(name) or clients(name))
    monkeypatch.setattr(target.Target, "output", lambda _self, _stack, key: {"DataBucket": BUCKET}[key])
    monkeypatch.setattr(pipelines.time, "sleep", lambda _: None)
    monkeypatch.setattr(checkout, "commit", lambda _: "def5678")
    bucket = {"LocationConstraint": "eu-west-1"}
    clients("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=bucket)
    put(world, "loan_approval/until=2006-12-31/a/loans.csv")
    return made


def put(world: World, key: str, body: bytes = b"x") -> None:
    world.clients("s3").put_object(Bucket=BUCKET, Key=key, Body=body)


def told(sagemaker: SageMaker) -> dict[str, str]:
    """Parameters of the newest execution."""
    given: dict[str, str] = sagemaker.executions[0]["given"]
    return given


def test_the_newest_snapshot_is_learned_from_and_the_commit_noted(
    world: World, sagemaker: SageMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    put(world, "loan_approval/until=2008-12-31/b/loans.csv")
    assert main(["train", "--commit", "abc1234", "--parameter", "Share=0.2"]) == 0
    assert told(sagemaker) == {
        "InputDataUri": f"s3://{BUCKET}/loan_approval/until=2008-12-31/b/",
        "CodeCommit": "abc1234",
        "Share": "0.2",
    }
    said = capsys.readouterr().out
    assert "GateModel        succeeded in 0.0 s" in said
    assert "version 1 is registered, PendingManualApproval; mlops approve 1" in said


def test_what_has_been_made_from_the_same_is_not_made_again(
    sagemaker: SageMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--if-changed", "--commit", "one"]) == 0
    assert main(["train", "--if-changed", "--commit", "two"]) == 0, "a commit that changed no code of the model"
    assert len(sagemaker.executions) == 1
    assert f"unchanged definition, parameters and data: {PIPELINE}/execution/1 has made it" in capsys.readouterr().out
    assert main(["train"]) == 0
    assert len(sagemaker.executions) == 2, "asked for without a condition, it is made"


@pytest.mark.parametrize("lists_defaults", [True, False])
def test_defaults_count_whether_sagemaker_lists_them_or_not(sagemaker: SageMaker, lists_defaults: bool) -> None:
    sagemaker.lists_defaults = lists_defaults
    assert main(["train"]) == 0
    assert main(["train", "--if-changed", "--parameter", "Share=0.30", "--parameter", "Tune=false"]) == 0
    assert len(sagemaker.executions) == 1


def test_a_run_that_is_under_way_counts_and_is_not_waited_for(
    sagemaker: SageMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--no-wait"]) == 0
    assert main(["train", "--if-changed"]) == 0
    assert "execution/1 runs already" in capsys.readouterr().out
    assert [each["PipelineExecutionStatus"] for each in sagemaker.executions] == ["Executing"]


@pytest.mark.parametrize("change", ["code", "data", "parameter"])
def test_each_change_is_trained(world: World, sagemaker: SageMaker, change: str) -> None:
    assert main(["train"]) == 0
    if change == "code":
        sagemaker.definition = definition("s3://assets/2.tar.gz")
    if change == "data":
        put(world, "loan_approval/until=2006-12-31/b/loans.csv")
    given = ["--parameter", "Share=0.2"] if change == "parameter" else []
    assert main(["train", "--if-changed", *given]) == 0
    assert len(sagemaker.executions) == 2


def test_what_failed_is_tried_again(sagemaker: SageMaker, capsys: pytest.CaptureFixture[str]) -> None:
    sagemaker.ends = "Failed"
    assert main(["train", "--if-changed"]) == 1
    assert "GateModel: gate failed: AUC 0.61" in capsys.readouterr().err
    sagemaker.ends = "Succeeded"
    assert main(["train", "--if-changed"]) == 0
    assert len(sagemaker.executions) == 2


def test_a_retraining_of_the_same_definition_between_them_changes_nothing(sagemaker: SageMaker) -> None:
    assert main(["train"]) == 0
    assert main(["train", "--parameter", "Share=0.2"]) == 0
    assert main(["train", "--if-changed"]) == 0
    assert len(sagemaker.executions) == 2


def test_what_was_undone_is_made_again(sagemaker: SageMaker) -> None:
    """Its version is older than the one of the change that was taken back."""
    first = sagemaker.definition
    for each in (first, definition("s3://assets/2.tar.gz"), first):
        sagemaker.definition = each
        assert main(["train", "--if-changed"]) == 0
    assert len(sagemaker.executions) == 3


def test_two_that_start_the_same_at_the_same_time_start_one(
    sagemaker: SageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both looked before either had started."""
    model = target.find("local", "loan_approval")
    monkeypatch.setattr(train, "_executions", lambda *_: iter(()))
    arns = {train.of(model, None, date(2026, 1, 1), {}, "none").start() for _ in range(2)}
    assert len(arns) == len(sagemaker.executions) == 1


def test_every_model_of_the_environment_is_trained(sagemaker: SageMaker, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--all", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [each["model"] for each in answer["trained"]] == ["loan-approval"]
    assert answer["trained"][0]["version"] == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--parameter", "Shere=1"], "--parameter Shere: the pipeline has no such parameter; use Share"),
        (["--parameter", "InputDataUri=s3://x/"], "--parameter InputDataUri: the data are named by --data"),
        (
            ["--all", "--data", "x"],
            "--all: trains every model as it is; --model, --data and --parameter are of one model",
        ),
        (
            ["--data", "nowhere"],
            "--data nowhere: no such folder; give a folder with the files, or s3://<bucket>/<prefix>/",
        ),
        (["--until", "2026-01-01"], "--until: says how new the files of a folder are; give --data FOLDER too"),
    ],
)
def test_what_cannot_be_started_is_refused_in_one_line(
    sagemaker: SageMaker, capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    assert main(["train", *arguments]) == 2
    assert capsys.readouterr().err == f"mlops: {line}\n"
    assert sagemaker.executions == []


def test_where_versions_come_from_elsewhere_it_says_where_to_train(
    prod: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--env", "prod"]) == 2
    assert capsys.readouterr().err == (
        "mlops: loan-approval in prod: is not trained here: mlops train --env staging --model loan-approval\n"
    )


class TestSnapshots:
    @pytest.fixture
    def snapshots(self, world: World, sagemaker: SageMaker) -> Snapshots:
        return Snapshots(world.clients("s3"), BUCKET, "churn")

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "churn.csv").write_text("a,b\n1,2\n")
        (tmp_path / "SOURCE.md").write_text("where it is from")
        (tmp_path / ".hidden").write_text("x")
        return tmp_path

    def test_the_same_files_have_one_address_whatever_the_day(self, snapshots: Snapshots, folder: Path) -> None:
        first = snapshots.upload(folder, date(2026, 1, 1))
        (folder / "SOURCE.md").write_text("a better note")
        assert snapshots.upload(folder, date(2026, 1, 2)) == first == snapshots.newest()
        assert first.startswith(f"s3://{BUCKET}/churn/until=2026-01-01/")
        keys = [each["Key"] for each in snapshots.s3.list_objects_v2(Bucket=BUCKET, Prefix="churn/")["Contents"]]
        assert [key.rpartition("/")[2] for key in keys] == ["churn.csv"]

    def test_other_files_have_another(self, snapshots: Snapshots, folder: Path) -> None:
        first = snapshots.upload(folder, date(2026, 1, 1))
        (folder / "churn.csv").write_text("a,b\n1,3\n")
        assert snapshots.upload(folder, date(2026, 1, 1)) != first
        second = snapshots.upload(folder, date(2026, 1, 2))
        assert second == snapshots.upload(folder, date(2026, 1, 3)), "as it is there already"

    def test_there_may_be_none(self, snapshots: Snapshots, tmp_path: Path) -> None:
        assert snapshots.newest() == ""
        with pytest.raises(UsageError, match="holds no file of data"):
            snapshots.upload(tmp_path, date(2026, 1, 1))
