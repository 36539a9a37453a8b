"""`mlops logs`: the run that is meant, its steps with what they wrote, and the exit code of one that is followed."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from mlops import logs, pipelines, target
from mlops.__main__ import main
from mlops.errors import CommandError, UsageError
from mlops.job_logs import JobLogs
from mlops.target import Target
from mlops_constructs.naming import EnvironmentNames
from tests.unit.mlops.world import START, World

ARN = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/mlops-local-loan-approval-{}/execution/{}"
DEFINITION: dict[str, Any] = {
    "Steps": [{"Name": name, "Type": "Processing", "Arguments": {}} for name in ("Validate", "Train")]
}


class FakeLogs:
    """CloudWatch Logs: each stream has its lines, told once."""

    class exceptions:  # noqa: N801
        ResourceNotFoundException = KeyError

    def __init__(self) -> None:
        self.streams = {"validate-1/algo-1": [f"line {number}" for number in range(50)]}
        self.asked: list[str] = []

    def describe_log_streams(self, logGroupName: str, logStreamNamePrefix: str) -> dict[str, Any]:  # noqa: N803
        self.asked.append(f"{logGroupName}:{logStreamNamePrefix}")
        return {
            "logStreams": [{"logStreamName": name} for name in self.streams if name.startswith(logStreamNamePrefix)]
        }

    def get_log_events(self, logStreamName: str, nextToken: str = "", **_: Any) -> dict[str, Any]:  # noqa: N803
        lines = [] if nextToken else self.streams[logStreamName]
        return {"events": [{"message": f"{text}\n"} for text in lines], "nextForwardToken": "end"}


@pytest.fixture
def running(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets executions be there: by pipeline, each with its name, status and minutes after START."""
    steps = [
        {
            "StepName": "Validate",
            "StepStatus": "Failed",
            "StartTime": START,
            "EndTime": START + timedelta(seconds=75),
            "FailureReason": "column GrAppv is missing",
            "Metadata": {"ProcessingJob": {"Arn": "arn:aws:sagemaker:eu-west-1:1:processing-job/validate-1"}},
        }
    ]
    written = FakeLogs()
    before = world.clients

    def add(pipeline: str, name: str, status: str, minutes: int) -> None:
        known = world.registry.executions.setdefault(f"mlops-local-loan-approval-{pipeline}", [])
        known.append(
            {
                "PipelineExecutionArn": ARN.format(pipeline, name),
                "PipelineExecutionStatus": status,
                "StartTime": START + timedelta(minutes=minutes),
            }
        )

    def describe(PipelineExecutionArn: str) -> dict[str, Any]:  # noqa: N803
        found = [each for some in world.registry.executions.values() for each in some]
        status = next(e["PipelineExecutionStatus"] for e in found if e["PipelineExecutionArn"] == PipelineExecutionArn)
        return {
            "PipelineExecutionArn": PipelineExecutionArn,
            "PipelineExecutionStatus": status,
            "CreationTime": START,
            "LastModifiedTime": START,
        }

    fake = world.registry
    monkeypatch.setattr(fake, "describe_pipeline_execution", describe, raising=False)
    monkeypatch.setattr(
        fake,
        "describe_pipeline_definition_for_execution",
        lambda **_: {"PipelineDefinition": json.dumps(DEFINITION)},
        raising=False,
    )
    listed = SimpleNamespace(paginate=lambda **_: [{"PipelineExecutionSteps": steps}])
    monkeypatch.setattr(fake, "get_paginator", lambda _: listed, raising=False)
    monkeypatch.setattr(world, "clients", lambda name: written if name == "logs" else before(name))
    monkeypatch.setattr(pipelines, "time", SimpleNamespace(sleep=lambda _: None))
    return add


def test_the_newest_run_of_all_pipelines_is_shown_unless_one_is_named(
    world: World, running: Callable[..., None]
) -> None:
    running("training", "t1", "Succeeded", 0)
    running("monitoring", "m1", "Succeeded", 5)
    assert logs.find([world.target], None)[1] == ARN.format("monitoring", "m1")
    assert logs.find([world.target], None, "training")[1] == ARN.format("training", "t1")
    assert logs.find([world.target], "t1")[1] == ARN.format("training", "t1")
    assert logs.find([world.target], ARN.format("training", "t0"))[1] == ARN.format("training", "t0")
    with pytest.raises(CommandError, match="execution x9: not found; the newest are m1, t1"):
        logs.find([world.target], "x9")
    with pytest.raises(UsageError, match=r"--pipeline tuning: .* use training or monitoring"):
        logs.find([world.target], None, "tuning")


@pytest.fixture
def both(world: World, running: Callable[..., None]) -> list[Target]:
    """The environment's model and a second one that has only a training pipeline."""
    unwatched = world.target.settings.monitoring.model_copy(update={"enabled": False})
    settings = world.target.settings.model_copy(update={"monitoring": unwatched})
    names = EnvironmentNames("mlops", "local").model("mortgage_approval")
    return [replace(world.target, many=True), replace(world.target, names=names, settings=settings, many=True)]


def test_of_several_models_the_newest_run_of_any_is_shown_with_its_model(
    world: World,
    both: list[Target],
    running: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    running("training", "t1", "Succeeded", 0)
    mortgages = world.registry.executions.setdefault("mlops-local-mortgage-approval-training", [])
    arn = ARN.format("training", "t7").replace("loan", "mortgage")
    mortgages.append(
        {"PipelineExecutionArn": arn, "PipelineExecutionStatus": "Succeeded", "StartTime": START + timedelta(hours=1)}
    )
    assert logs.find(both, None) == (both[1], arn)
    assert logs.find(both, "t1") == (both[0], ARN.format("training", "t1"))
    assert logs.find(both, arn) == (both[1], arn)
    running("monitoring", "m1", "Succeeded", 0)
    assert logs.find(both, None, "monitoring") == (both[0], ARN.format("monitoring", "m1"))
    with pytest.raises(CommandError, match="execution x9: not found; the newest are t7, t1, m1"):
        logs.find(both, "x9")
    with pytest.raises(UsageError, match=r"--pipeline tuning: .* use training or monitoring"):
        logs.find(both, None, "tuning")
    monkeypatch.setattr(target, "find_all", lambda *_: both)
    assert main(["logs"]) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == "mortgage-approval in local; also: mlops logs --model loan-approval"
    assert second.startswith("training t7: Succeeded")


def test_before_the_first_run_of_several_models_the_command_that_starts_one_names_its_model(
    both: list[Target],
) -> None:
    with pytest.raises(CommandError, match="no pipeline has run yet; start one: mlops train --model loan-approval"):
        logs.find(both, None)


def test_before_the_first_run_the_command_that_starts_one_is_named(world: World) -> None:
    with pytest.raises(CommandError, match="no pipeline has run yet; start one: mlops train"):
        logs.find([world.target], None)


def test_steps_come_with_their_states_reasons_and_newest_lines(
    world: World, running: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    running("training", "t1", "Failed", 0)
    assert main(["logs", "--lines", "2"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "training t1: Failed in 1 min 15 s, began 2026-11-21 09:00:00 UTC: Validate: column GrAppv is missing",
        "✗ Validate  Failed     2026-11-21 09:00:00  1 min 15 s",
        "    column GrAppv is missing",
        "    … 48 lines before; --step Validate shows all",
        "    line 48",
        "    line 49",
        "· Train     not run",
    ]


def test_one_step_is_shown_with_all_that_it_wrote(
    world: World, running: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    running("training", "t1", "Failed", 0)
    assert main(["logs", "t1", "--step", "Validate", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["lines"]["Validate"]) == 50
    assert [(each["name"], each["status"]) for each in answer["run"]["steps"]] == [
        ("Validate", "Failed"), ("Train", "NotRun")
    ]  # fmt: skip
    assert main(["logs", "t1", "--step", "Nothing"]) == 2
    assert "t1 has no such step; use Validate, Train" in capsys.readouterr().err


def test_following_a_run_that_fails_ends_with_its_reason_and_code_1(
    world: World, running: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    running("training", "t1", "Failed", 0)
    assert main(["logs", "--follow"]) == 1
    printed = capsys.readouterr()
    assert "Validate           line 49" in printed.out
    assert printed.err == (
        "mlops: pipeline mlops-local-loan-approval-training: Failed: Validate: column GrAppv is missing\n"
    )


def test_the_training_jobs_of_a_tuning_are_found_by_its_name() -> None:
    written = FakeLogs()
    written.streams = {"tune-001-ab/algo-1": ["auc 0.7"], "tuned/algo-1": ["another"]}
    step = {"Metadata": {"TuningJob": {"Arn": "arn:aws:sagemaker:eu-west-1:1:hyper-parameter-tuning-job/tune"}}}
    reader = JobLogs(written)
    assert list(reader.new(step)) == ["auc 0.7"]
    assert list(reader.new(step)) == []
    assert written.asked[0] == "/aws/sagemaker/TrainingJobs:tune-"


def test_steps_are_listed_once_for_the_run_and_for_its_log_lines(
    world: World, running: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    running("training", "t1", "Failed", 0)
    paginator, asked = world.registry.get_paginator("list_pipeline_execution_steps"), []
    monkeypatch.setattr(world.registry, "get_paginator", lambda name: asked.append(name) or paginator)
    read = logs.read(world.target, ARN.format("training", "t1"))
    assert ([each.name for each in read.run.steps], list(read.lines)) == (["Validate", "Train"], ["Validate"])
    assert asked == ["list_pipeline_execution_steps"]
