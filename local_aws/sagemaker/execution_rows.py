"""The rows of pipeline executions and their steps, and the events that their changes send."""

from typing import Any

from local_aws.core import events, store
from local_aws.core.api import Context, ResourceNotFound
from local_aws.sagemaker import pipeline_metrics, times

Row = dict[str, Any]

executions = store.table("pipeline-executions")
steps = store.table("pipeline-execution-steps")

RUNNING = ("Executing", "Stopping")
RUNNING_STEP = ("Starting", "Executing", "Stopping")


def find(ctx: Context, arn: str) -> Row:
    """An execution's row; ResourceNotFound where there is none."""
    row = executions.get((ctx.account, ctx.region, arn))
    if row is None:
        raise ResourceNotFound(f"Pipeline execution with ARN {arn} does not exist.")
    return row


def change(ctx: Context, arn: str, changes: Row) -> Row:
    """Replace an execution's row; a new status is told to EventBridge."""
    with store.lock:
        before = find(ctx, arn)
        row = {**before, **changes, "LastModifiedTime": store.now()}
        executions[ctx.account, ctx.region, arn] = row
    if row["PipelineExecutionStatus"] != before["PipelineExecutionStatus"]:
        tell(ctx, row, before["PipelineExecutionStatus"])
    return row


def step_rows(ctx: Context, arn: str) -> list[Row]:
    return [row for row in steps.rows(ctx.account, ctx.region) if row["_Execution"] == arn]


def change_step(ctx: Context, arn: str, name: str, changes: Row) -> Row:
    """Replace, or make, the row of a step; a new status is told to EventBridge."""
    key = (ctx.account, ctx.region, f"{arn}#{name}")
    with store.lock:
        before = steps.get(key, {})
        row = {**before, **changes}
        steps[key] = row
    if row["StepStatus"] != before.get("StepStatus"):
        _tell_step(ctx, row, before.get("StepStatus"))
    return row


def tell(ctx: Context, row: Row, previous: str | None) -> None:
    """Emit the execution's status change event, and its metrics."""
    pipeline_metrics.execution(ctx, row, previous)
    detail = {
        "pipelineExecutionDisplayName": row["PipelineExecutionDisplayName"],
        "currentPipelineExecutionStatus": row["PipelineExecutionStatus"],
        "executionStartTime": times.seconds(row["CreationTime"]),
        "pipelineExecutionDescription": row.get("PipelineExecutionDescription", ""),
        "pipelineArn": row["PipelineArn"],
        "pipelineExecutionArn": row["PipelineExecutionArn"],
    }
    if previous is not None:
        detail["previousPipelineExecutionStatus"] = previous
    if row["PipelineExecutionStatus"] not in RUNNING:
        detail["executionEndTime"] = times.seconds(row["LastModifiedTime"])
    _emit(ctx, "Execution Status Change", detail)


def _tell_step(ctx: Context, row: Row, previous: str | None) -> None:
    pipeline_metrics.step(ctx, row)
    detail: Row = {
        # As in "processingJob": {"arn": …}: names and members begin in lower case here.
        "metadata": {
            _lower(kind): {_lower(key): value for key, value in body.items()}
            for kind, body in row.get("Metadata", {}).items()
        },
        "stepStartTime": times.seconds(row["StartTime"]),
        "stepName": row["StepName"],
        "stepType": row["_Type"],
        "currentStepStatus": row["StepStatus"],
        "pipelineArn": row["_PipelineArn"],
        "pipelineExecutionArn": row["_Execution"],
    }
    if previous is not None:
        detail["previousStepStatus"] = previous
    if "EndTime" in row:
        detail["stepEndTime"] = times.seconds(row["EndTime"])
    _emit(ctx, "Execution Step Status Change", detail)


def _emit(ctx: Context, what: str, detail: Row) -> None:
    resources = [detail["pipelineArn"], detail["pipelineExecutionArn"]]
    events.emit(ctx, f"SageMaker Model Building Pipeline {what}", detail, resources)


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]
