"""Starts a SageMaker pipeline and follows it: each step's state and log, as they come."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops.errors import CommandError
from mlops.job_logs import JobLogs

RUNNING = ("Executing", "Stopping")
"""States of an execution that has not ended."""
_DONE = {"Succeeded", "Failed", "Stopped"}
Say = Callable[[str, str], None]


def start(sagemaker: Any, pipeline: str, parameters: Mapping[str, str]) -> str:
    """Start an execution with these parameters; returns its ARN."""
    arn: str = sagemaker.start_pipeline_execution(
        PipelineName=pipeline,
        PipelineParameters=[{"Name": name, "Value": value} for name, value in parameters.items()],
    )["PipelineExecutionArn"]
    return arn


def run(clients: Callable[[str], Any], pipeline: str, parameters: Mapping[str, str], say: Say) -> "Follower":
    """Start an execution and follow it to its end; raises CommandError with the reason if it does not succeed."""
    follower = Follower(clients("sagemaker"), clients("logs"), start(clients("sagemaker"), pipeline, parameters), say)
    execution = follower.follow()
    if (status := execution["PipelineExecutionStatus"]) != "Succeeded":
        raise CommandError(f"pipeline {pipeline}: {status}: {follower.failure(execution)}")
    return follower


@dataclass
class Follower:
    """Follows one execution. `say(step, text)` is called for each new log line and state change."""

    sagemaker: Any
    logs: Any
    execution_arn: str
    say: Say
    _states: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._read = JobLogs(self.logs)

    def follow(self, poll_seconds: float = 0.5) -> dict[str, Any]:
        """Block until the execution has ended; returns DescribePipelineExecution's answer."""
        while True:
            execution: dict[str, Any] = self.sagemaker.describe_pipeline_execution(
                PipelineExecutionArn=self.execution_arn
            )
            for step in self.steps():
                self._report(step)
            if execution["PipelineExecutionStatus"] in _DONE:
                return execution
            time.sleep(poll_seconds)

    def steps(self) -> list[dict[str, Any]]:
        """The execution's steps, first started first."""
        return listed_steps(self.sagemaker, self.execution_arn)

    def failure(self, execution: Mapping[str, Any]) -> str:
        """Why an execution failed: the first failed step's reason, or the execution's own."""
        for step in self.steps():
            if step["StepStatus"] == "Failed":
                return f"{step['StepName']}: {step.get('FailureReason', 'no reason given')}"
        return str(execution.get("FailureReason", "no reason given"))

    def _report(self, step: Mapping[str, Any]) -> None:
        name, status = step["StepName"], step["StepStatus"]
        if name not in self._states:
            self.say(name, "started")
        for text in self._new_log_lines(step):
            self.say(name, text)
        if self._states.get(name) != status and status in _DONE:
            self.say(name, _ended(step))
        self._states[name] = status

    def _new_log_lines(self, step: Mapping[str, Any]) -> Iterator[str]:
        # A step taken from the cache shows the earlier run's job: its log was read then.
        if "CacheHitResult" not in step and self._states.get(step["StepName"]) not in _DONE:
            yield from self._read.new(step)


def _ended(step: Mapping[str, Any]) -> str:
    if step["StepStatus"] != "Succeeded":
        return f"{step['StepStatus'].lower()}: {step.get('FailureReason', 'no reason given')}"
    if "CacheHitResult" in step:
        return "succeeded (cached: same arguments as an earlier run)"
    return f"succeeded in {(step['EndTime'] - step['StartTime']).total_seconds():.1f} s"


def listed_steps(sagemaker: Any, arn: str) -> list[dict[str, Any]]:
    """What ListPipelineExecutionSteps says of an execution, first started first."""
    pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
        PipelineExecutionArn=arn, SortOrder="Ascending"
    )
    return [step for page in pages for step in page["PipelineExecutionSteps"]]


def duration(step: Mapping[str, Any]) -> dict[str, Any]:
    """What a step took, and whether it was taken from the cache instead of run."""
    seconds = (step["EndTime"] - step["StartTime"]).total_seconds()
    return {"seconds": round(seconds, 2), "cached": "CacheHitResult" in step}


def stop_running(sagemaker: Any, pipeline: str) -> list[str]:
    """Stop executions that an interrupted run left behind; returns their ARNs once all have ended."""
    stopped = []
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(PipelineName=pipeline)
    for execution in (item for page in pages for item in page["PipelineExecutionSummaries"]):
        if execution["PipelineExecutionStatus"] in RUNNING:
            arn = execution["PipelineExecutionArn"]
            if execution["PipelineExecutionStatus"] == "Executing":
                sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=f"stop-{arn}"[-128:])
            stopped.append(arn)
    for arn in stopped:
        while sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"] not in _DONE:
            time.sleep(0.2)
    return stopped
