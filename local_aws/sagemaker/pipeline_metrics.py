"""Metrics of pipelines, in the namespace AWS/Sagemaker/ModelBuildingPipeline (spelled so).

Executions have the dimension PipelineName, and once more none, for all pipelines of the account; steps have
PipelineName and StepName. Source: developer guide, monitoring-cloudwatch, "SageMaker pipelines metrics".
"""

from typing import Any

from local_aws.core import metrics
from local_aws.core.api import Context
from local_aws.core.metrics import Measure

Row = dict[str, Any]
NAMESPACE = "AWS/Sagemaker/ModelBuildingPipeline"
_ENDS = ("Succeeded", "Failed", "Stopped")


def execution(ctx: Context, row: Row, previous: str | None) -> None:
    """An execution went into the status that its row has: it began, or came to its end."""
    status = row["PipelineExecutionStatus"]
    measures: list[tuple[str, float, str]] = []
    if status == "Executing" and previous != "Stopping":
        measures = [("ExecutionStarted", 1.0, "Count")]
    elif status in _ENDS:
        took = (row["LastModifiedTime"] - row["CreationTime"]).total_seconds() * 1000
        measures = [(f"Execution{status}", 1.0, "Count"), ("ExecutionDuration", took, "Milliseconds")]
    for dimensions in ({"PipelineName": row["_PipelineName"]}, {}):
        metrics.write(ctx, *(Measure(NAMESPACE, *measure, dimensions) for measure in measures))


def step(ctx: Context, row: Row) -> None:
    """A step went into the status that its row has."""
    status = row["StepStatus"]
    measures: list[tuple[str, float, str]] = []
    if status == "Starting":
        measures = [("StepStarted", 1.0, "Count")]
    elif status in _ENDS:
        took = (row["EndTime"] - row["StartTime"]).total_seconds() * 1000
        measures = [(f"Step{status}", 1.0, "Count"), ("StepDuration", took, "Milliseconds")]
    pipeline = row["_PipelineArn"].rpartition("/")[2]
    dimensions = {"PipelineName": pipeline, "StepName": row["StepName"]}
    metrics.write(ctx, *(Measure(NAMESPACE, *measure, dimensions) for measure in measures))
