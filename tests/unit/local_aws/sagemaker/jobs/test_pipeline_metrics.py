"""The metrics of pipelines, and their events against the samples that AWS publishes."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local_aws.core import store
from local_aws.core.api import Context
from local_aws.core.metrics import Measure
from local_aws.sagemaker import execution_rows, pipeline_metrics

FIXTURES = Path(__file__).resolve().parents[6] / "shared" / "fixtures" / "events"
ARN = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/Watch"
RUN = f"{ARN}/execution/abc"


@pytest.fixture
def execution(ctx: Context, emitted: list[dict[str, Any]]) -> dict[str, Any]:
    now = store.now() - timedelta(seconds=5)
    row = {
        "PipelineArn": ARN,
        "PipelineExecutionArn": RUN,
        "PipelineExecutionStatus": "Executing",
        "PipelineExecutionDisplayName": "execution-1",
        "CreationTime": now,
        "LastModifiedTime": now,
        "_PipelineName": "Watch",
    }
    execution_rows.executions[ctx.account, ctx.region, RUN] = row
    return row


def written(measured: list[Measure], **dimensions: str) -> dict[str, float]:
    assert {measure.namespace for measure in measured} == {"AWS/Sagemaker/ModelBuildingPipeline"}
    return {measure.name: measure.value for measure in measured if measure.dimensions == dimensions}


@pytest.mark.parametrize("end", ["Succeeded", "Failed", "Stopped"])
def test_an_execution_writes_its_start_its_end_and_how_long_it_took(
    ctx: Context, execution: dict[str, Any], measured: list[Measure], end: str
) -> None:
    execution_rows.tell(ctx, execution, None)
    execution_rows.change(ctx, RUN, {"PipelineExecutionStatus": end})
    found = written(measured, PipelineName="Watch")
    assert 5000 <= found.pop("ExecutionDuration") < 10_000
    assert found == {"ExecutionStarted": 1.0, f"Execution{end}": 1.0}
    assert found.items() <= written(measured).items()  # once more for all pipelines


def test_a_stop_under_way_is_neither_start_nor_end(
    ctx: Context, execution: dict[str, Any], measured: list[Measure]
) -> None:
    execution_rows.change(ctx, RUN, {"PipelineExecutionStatus": "Stopping"})
    assert measured == []


def test_a_step_has_metrics_of_its_own(ctx: Context, measured: list[Measure], emitted: list[dict[str, Any]]) -> None:
    row = {"StepName": "WatchInputs", "StepStatus": "Starting", "StartTime": store.now(), "_PipelineArn": ARN}
    execution_rows.change_step(ctx, RUN, "WatchInputs", {**row, "_Execution": RUN, "_Type": "Processing"})
    execution_rows.change_step(ctx, RUN, "WatchInputs", {"StepStatus": "Executing"})
    execution_rows.change_step(ctx, RUN, "WatchInputs", {"StepStatus": "Failed", "EndTime": store.now()})
    found = written(measured, PipelineName="Watch", StepName="WatchInputs")
    assert found.pop("StepDuration") >= 1
    assert found == {"StepStarted": 1.0, "StepFailed": 1.0}


def test_the_namespace_is_spelled_as_aws_spells_it() -> None:
    assert pipeline_metrics.NAMESPACE == "AWS/Sagemaker/ModelBuildingPipeline"


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the samples of AWS's events are not here")
def test_events_have_the_members_of_the_samples(
    ctx: Context, execution: dict[str, Any], emitted: list[dict[str, Any]], call: Callable[..., Any]
) -> None:
    execution_rows.change(ctx, RUN, {"PipelineExecutionStatus": "Succeeded"})
    job = {"ProcessingJob": {"Arn": "arn:aws:sagemaker:eu-west-1:111122223333:processing-job/j"}}
    row = {"StepName": "A", "StepStatus": "Executing", "StartTime": store.now(), "_PipelineArn": ARN, "Metadata": job}
    execution_rows.change_step(ctx, RUN, "A", {**row, "_Execution": RUN, "_Type": "Processing"})
    execution_rows.change_step(ctx, RUN, "A", {"StepStatus": "Succeeded", "EndTime": store.now()})
    for event, name in [(emitted[0], "pipeline_execution"), (emitted[-1], "pipeline_step")]:
        sample = json.loads((FIXTURES / f"{name}.json").read_text())
        assert event["detail-type"] == sample["detail-type"]
        assert set(event["detail"]) == set(sample["detail"])
        assert len(event["resources"]) == len(sample["resources"])
