"""Following an execution: every state and log line once, and what an interrupted run left behind."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops import pipelines

ARN = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/p/execution/1"
JOB = "arn:aws:sagemaker:eu-west-1:111122223333:processing-job/validate-1"
START = datetime(2026, 1, 1, tzinfo=UTC)


class FakeSageMaker:
    """An execution that goes through the given lists of steps, one a poll, and then has ended."""

    def __init__(self, polls: list[list[dict[str, Any]]], end: str = "Succeeded") -> None:
        self._polls, self._end, self._at = polls, end, -1
        self.stopped: list[str] = []
        self.executions: dict[str, str] = {}

    def describe_pipeline_execution(self, PipelineExecutionArn: str) -> dict[str, Any]:  # noqa: N803
        if self.executions:
            return {"PipelineExecutionStatus": self.executions[PipelineExecutionArn]}
        self._at += 1
        last = self._at == len(self._polls) - 1
        return {"PipelineExecutionStatus": self._end if last else "Executing"}

    def get_paginator(self, operation: str) -> Any:
        pages: dict[str, Any] = {
            "list_pipeline_execution_steps": lambda: {"PipelineExecutionSteps": self._polls[self._at]},
            "list_pipeline_executions": lambda: {
                "PipelineExecutionSummaries": [
                    {"PipelineExecutionArn": arn, "PipelineExecutionStatus": status}
                    for arn, status in self.executions.items()
                ]
            },
        }
        return type("Paginator", (), {"paginate": lambda _, **__: [pages[operation]()]})()

    def stop_pipeline_execution(self, PipelineExecutionArn: str, ClientRequestToken: str) -> None:  # noqa: N803
        assert 32 <= len(ClientRequestToken) <= 128
        self.stopped.append(PipelineExecutionArn)
        self.executions[PipelineExecutionArn] = "Stopped"


class FakeLogs:
    """One stream whose lines appear poll by poll."""

    class exceptions:  # noqa: N801
        ResourceNotFoundException = KeyError

    def __init__(self, chunks: list[list[str]]) -> None:
        self._chunks: Iterator[list[str]] = iter(chunks)

    def describe_log_streams(self, logGroupName: str, logStreamNamePrefix: str) -> dict[str, Any]:  # noqa: N803
        return {"logStreams": [{"logStreamName": f"{logStreamNamePrefix}algo-1-0"}]}

    def get_log_events(self, **_: Any) -> dict[str, Any]:
        lines = next(self._chunks, [])
        return {"events": [{"message": text + "\n"} for text in lines], "nextForwardToken": "f/1"}


def step(status: str, **more: Any) -> dict[str, Any]:
    metadata = {"Metadata": {"ProcessingJob": {"Arn": JOB}}}
    times = {"StartTime": START, "EndTime": START + timedelta(seconds=2)}
    return {"StepName": "ValidateData", "StepStatus": status, **metadata, **times, **more}


@pytest.fixture
def said() -> list[tuple[str, str]]:
    return []


def follow(sagemaker: FakeSageMaker, logs: FakeLogs, said: list[tuple[str, str]]) -> dict[str, Any]:
    follower = pipelines.Follower(sagemaker, logs, ARN, lambda who, text: said.append((who, text)))
    return follower.follow(poll_seconds=0)


def test_each_state_and_log_line_is_told_once(said: list[tuple[str, str]]) -> None:
    sagemaker = FakeSageMaker([[step("Executing")], [step("Executing")], [step("Succeeded")]])
    logs = FakeLogs([["reading"], [], ["59,400 rows"], [], ["done"], []])
    follow(sagemaker, logs, said)
    assert [text for _, text in said] == ["started", "reading", "59,400 rows", "done", "succeeded in 2.0 s"]


def test_a_failed_step_tells_its_reason(said: list[tuple[str, str]]) -> None:
    sagemaker = FakeSageMaker([[step("Failed", FailureReason="column GrAppv is missing")]], end="Failed")
    assert follow(sagemaker, FakeLogs([]), said)["PipelineExecutionStatus"] == "Failed"
    assert said[-1] == ("ValidateData", "failed: column GrAppv is missing")


def test_a_cached_step_does_not_repeat_the_earlier_runs_log(said: list[tuple[str, str]]) -> None:
    cached = step("Succeeded", CacheHitResult={"SourcePipelineExecutionArn": ARN})
    follow(FakeSageMaker([[cached]]), FakeLogs([["a line of the earlier run"], []]), said)
    assert said[-1][1].startswith("succeeded (cached")
    assert all("earlier run's" not in text and "a line" not in text for _, text in said)
    assert pipelines.duration(cached) == {"seconds": 2.0, "cached": True}


def test_executions_left_behind_are_stopped_and_ended_ones_left_alone() -> None:
    sagemaker = FakeSageMaker([[]])
    sagemaker.executions = {ARN: "Executing", ARN + "2": "Succeeded"}
    assert pipelines.stop_running(sagemaker, "p") == [ARN]
    assert sagemaker.stopped == [ARN]
