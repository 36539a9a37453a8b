"""Executions of pipelines: start, stop, retry, describe, update, and their steps and parameters."""

import secrets
import string
from typing import Any

from local_aws.core import listing, store
from local_aws.core.api import ConflictException, Context, ValidationException, operation
from local_aws.sagemaker import definition, execution_rows, pipeline_parameters, pipeline_runs, pipelines, times
from local_aws.sagemaker.expressions import Scope, text

Row = dict[str, Any]

_ALPHABET = string.ascii_lowercase + string.digits
_ID_LENGTH = 12


@operation("StartPipelineExecution")
def start_pipeline_execution(ctx: Context, params: Row) -> Row:
    for name in ("SelectiveExecutionConfig", "MlflowExperimentName"):
        if name in params:
            raise ValidationException(f"{name} is not emulated by the local AWS.")
    with store.lock:
        if arn := _started_with(ctx, params):
            return {"PipelineExecutionArn": arn}
        pipeline = pipelines.pipeline(ctx, params["PipelineName"])
        version = pipelines.version(ctx, pipeline, params.get("PipelineVersionId"))
        row = _row(pipeline, version, params)
        arn = row["PipelineExecutionArn"]
        execution_rows.executions[ctx.account, ctx.region, arn] = row
        pipelines.ran(ctx, pipeline, version["PipelineVersionId"], arn, row["CreationTime"])
    execution_rows.tell(ctx, row, None)
    pipeline_runs.start(ctx, arn)
    return {"PipelineExecutionArn": arn}


@operation("StopPipelineExecution")
def stop_pipeline_execution(ctx: Context, params: Row) -> Row:
    arn = params["PipelineExecutionArn"]
    status = execution_rows.find(ctx, arn)["PipelineExecutionStatus"]
    if status == "Stopping":
        return {"PipelineExecutionArn": arn}
    if status != "Executing":
        raise ConflictException(f"Pipeline execution with ARN {arn} cannot be stopped: it is {status}.")
    execution_rows.change(ctx, arn, {"PipelineExecutionStatus": "Stopping"})
    pipeline_runs.stop(arn)
    return {"PipelineExecutionArn": arn}


@operation("RetryPipelineExecution")
def retry_pipeline_execution(ctx: Context, params: Row) -> Row:
    """Go on with a failed or stopped execution: what succeeded stays, the rest runs again."""
    arn = params["PipelineExecutionArn"]
    with store.lock:
        row = execution_rows.find(ctx, arn)
        if params["ClientRequestToken"] == row.get("_RetryToken"):
            return {"PipelineExecutionArn": arn}
        if row["PipelineExecutionStatus"] not in ("Failed", "Stopped"):
            raise ConflictException(
                f"Pipeline execution with ARN {arn} cannot be retried: it is {row['PipelineExecutionStatus']}."
            )
        for step in execution_rows.step_rows(ctx, arn):
            if step["StepStatus"] != "Succeeded":
                del execution_rows.steps[ctx.account, ctx.region, f"{arn}#{step['StepName']}"]
        changes = {"PipelineExecutionStatus": "Executing", "_RetryToken": params["ClientRequestToken"]}
        if "ParallelismConfiguration" in params:
            changes["ParallelismConfiguration"] = params["ParallelismConfiguration"]
        without_reason = {key: value for key, value in row.items() if key != "FailureReason"}
        execution_rows.executions[ctx.account, ctx.region, arn] = without_reason
    execution_rows.change(ctx, arn, changes)
    pipeline_runs.start(ctx, arn)
    return {"PipelineExecutionArn": arn}


@operation("UpdatePipelineExecution")
def update_pipeline_execution(ctx: Context, params: Row) -> Row:
    members = ("PipelineExecutionDescription", "PipelineExecutionDisplayName", "ParallelismConfiguration")
    arn = params["PipelineExecutionArn"]
    execution_rows.change(ctx, arn, {key: params[key] for key in members if key in params})
    return {"PipelineExecutionArn": arn}


@operation("DescribePipelineExecution")
def describe_pipeline_execution(ctx: Context, params: Row) -> Row:
    return execution_rows.find(ctx, params["PipelineExecutionArn"])


@operation("DescribePipelineDefinitionForExecution")
def describe_pipeline_definition_for_execution(ctx: Context, params: Row) -> Row:
    row = execution_rows.find(ctx, params["PipelineExecutionArn"])
    return {"PipelineDefinition": row["_Definition"], "CreationTime": row["CreationTime"]}


@operation("ListPipelineExecutions")
def list_pipeline_executions(ctx: Context, params: Row) -> Row:
    pipeline = pipelines.pipeline(ctx, params["PipelineName"])
    rows = [
        {**row, "StartTime": row["CreationTime"], **_reason(row)}
        for row in execution_rows.executions.rows(ctx.account, ctx.region)
        if row["PipelineArn"] == pipeline["PipelineArn"]
    ]
    return listing.page(
        rows,
        params,
        key="PipelineExecutionSummaries",
        sort={
            "CreationTime": lambda row: row["CreationTime"],
            "PipelineExecutionArn": lambda row: row["PipelineExecutionArn"],
        },
        default_sort="CreationTime",
        default_order="Descending",
        filters=pipelines.created(),
    )


@operation("ListPipelineExecutionSteps")
def list_pipeline_execution_steps(ctx: Context, params: Row) -> Row:
    if "PipelineExecutionArn" not in params:
        raise ValidationException("PipelineExecutionArn is required.")
    execution_rows.find(ctx, params["PipelineExecutionArn"])
    return listing.page(
        execution_rows.step_rows(ctx, params["PipelineExecutionArn"]),
        params,
        key="PipelineExecutionSteps",
        sort={"CreationTime": lambda row: row["StartTime"]},
        default_sort="CreationTime",
        default_order="Descending",
        created="StartTime",
    )


@operation("ListPipelineParametersForExecution")
def list_pipeline_parameters_for_execution(ctx: Context, params: Row) -> Row:
    values = execution_rows.find(ctx, params["PipelineExecutionArn"])["_Parameters"]
    return listing.page(
        [{"Name": name, "Value": text(value)} for name, value in values.items()],
        params,
        key="PipelineParameters",
        sort={"Name": lambda row: row["Name"]},
        default_sort="Name",
        default_order="Ascending",
    )


def _row(pipeline: Row, version: Row, params: Row) -> Row:
    read = definition.parse(version["_Definition"])
    try:
        values = pipeline_parameters.resolve(read.parameters, params.get("PipelineParameters", []))
    except pipeline_parameters.ParameterError as error:
        raise ValidationException(f"Invalid pipeline parameters: {error}.") from error
    now = store.now()
    identifier = "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH))
    given = ("PipelineExecutionDescription", "PipelineExecutionDisplayName", "ParallelismConfiguration")
    row = {
        "PipelineExecutionDisplayName": f"execution-{times.milliseconds(now)}",
        **{key: pipeline[key] for key in ("ParallelismConfiguration",) if key in pipeline},
        **{key: params[key] for key in given if key in params},
        "PipelineArn": pipeline["PipelineArn"],
        "PipelineExecutionArn": f"{pipeline['PipelineArn']}/execution/{identifier}",
        "PipelineExecutionStatus": "Executing",
        "PipelineVersionId": version["PipelineVersionId"],
        "CreationTime": now,
        "LastModifiedTime": now,
        "CreatedBy": {},
        "LastModifiedBy": {},
        "_Id": identifier,
        "_PipelineName": pipeline["PipelineName"],
        "_Definition": version["_Definition"],
        "_Parameters": values,
        "_Token": params["ClientRequestToken"],
        "_RoleArn": pipeline.get("RoleArn"),
    }
    # SageMaker makes these two where the definition says nothing.
    default = {
        "ExperimentName": {"Get": "Execution.PipelineName"},
        "TrialName": {"Get": "Execution.PipelineExecutionId"},
    }
    known = {"PipelineName": pipeline["PipelineName"], "PipelineExecutionId": identifier}
    scope = Scope(values, known, {}, {}, lambda _uri: None)
    row["PipelineExperimentConfig"] = scope.value(read.experiment or default)
    return row


def _started_with(ctx: Context, params: Row) -> str | None:
    """The execution that an earlier request with the same token started."""
    token, name = params["ClientRequestToken"], pipelines.name_of(params["PipelineName"])
    for row in execution_rows.executions.rows(ctx.account, ctx.region):
        if (row["_Token"], row["_PipelineName"]) == (token, name):
            return str(row["PipelineExecutionArn"])
    return None


def _reason(row: Row) -> Row:
    return {"PipelineExecutionFailureReason": row["FailureReason"]} if "FailureReason" in row else {}
