"""Pipelines and their versions: create, update, describe, list, delete."""

from typing import Any

from local_aws import clients
from local_aws.core import listing, store, tags
from local_aws.core.api import ConflictException, Context, ResourceNotFound, ValidationException, operation
from local_aws.sagemaker import definition, staging
from local_aws.sagemaker.execution_rows import RUNNING

Row = dict[str, Any]

_pipelines = store.table("pipelines")
_versions = store.table("pipeline-versions")


def name_of(name_or_arn: str) -> str:
    return name_or_arn.split(":pipeline/", 1)[-1] if name_or_arn.startswith("arn:") else name_or_arn


def pipeline(ctx: Context, name_or_arn: str) -> Row:
    """The pipeline's row; ResourceNotFound where there is none."""
    name = name_of(name_or_arn)
    row = _pipelines.get((ctx.account, ctx.region, name))
    if row is None or (name_or_arn.startswith("arn:") and row["PipelineArn"] != name_or_arn):
        raise ResourceNotFound(f"Pipeline '{ctx.arn(f'pipeline/{name}')}' does not exist.")
    return row


def version(ctx: Context, row: Row, number: int | None = None) -> Row:
    """A version of a pipeline, the newest if none is named."""
    number = number or row["_LastVersion"]
    found = _versions.get((ctx.account, ctx.region, f"{row['PipelineName']}/{number}"))
    if found is None:
        raise ResourceNotFound(f"Pipeline '{row['PipelineArn']}' has no version {number}.")
    return found


def ran(ctx: Context, row: Row, number: int, execution_arn: str, time: Any) -> None:
    """Note the start of an execution at the pipeline and at its version."""
    with store.lock:
        name = row["PipelineName"]
        pipeline_row = _pipelines[ctx.account, ctx.region, name]
        _pipelines[ctx.account, ctx.region, name] = {**pipeline_row, "LastRunTime": time}
        key = (ctx.account, ctx.region, f"{name}/{number}")
        _versions[key] = {**_versions[key], "LastExecutionPipelineExecutionArn": execution_arn}


@operation("CreatePipeline")
def create_pipeline(ctx: Context, params: Row) -> Row:
    name = params["PipelineName"]
    text = _definition(ctx, params)
    if text is None:
        raise ValidationException("PipelineDefinition or PipelineDefinitionS3Location is required.")
    with store.lock:
        existing = _pipelines.get((ctx.account, ctx.region, name))
        token = params.get("ClientRequestToken")
        if existing is not None:
            if token is not None and existing["_Token"] == token:
                return {"PipelineArn": existing["PipelineArn"]}
            raise ValidationException(
                "Pipeline names must be unique within an AWS account and region. "
                f"Pipeline with name ({name}) already exists."
            )
        arn, now = ctx.arn(f"pipeline/{name}"), store.now()
        row = {
            **_given(params),
            "PipelineName": name,
            "PipelineDisplayName": params.get("PipelineDisplayName", name),
            "PipelineArn": arn,
            "PipelineStatus": "Active",
            "CreationTime": now,
            "LastModifiedTime": now,
            "CreatedBy": {},
            "LastModifiedBy": {},
            "_Token": token,
            "_LastVersion": 0,
        }
        _add_version(ctx, row, text)
        tags.set(arn, params.get("Tags"))
    return {"PipelineArn": arn}


@operation("UpdatePipeline")
def update_pipeline(ctx: Context, params: Row) -> Row:
    text = _definition(ctx, params)
    with store.lock:
        row = pipeline(ctx, params["PipelineName"])
        text = text or version(ctx, row)["_Definition"]
        row = {**row, **_given(params), "LastModifiedTime": store.now()}
        number = _add_version(ctx, row, text)
    return {"PipelineArn": row["PipelineArn"], "PipelineVersionId": number}


@operation("DescribePipeline")
def describe_pipeline(ctx: Context, params: Row) -> Row:
    row = pipeline(ctx, params["PipelineName"])
    found = version(ctx, row, params.get("PipelineVersionId"))
    shown = {key: found[key] for key in found if key.startswith("PipelineVersion") and key != "PipelineVersionId"}
    return {**row, **shown, "PipelineDefinition": found["_Definition"]}


@operation("ListPipelines")
def list_pipelines(ctx: Context, params: Row) -> Row:
    rows = [
        {**row, **({"LastExecutionTime": row["LastRunTime"]} if "LastRunTime" in row else {})}
        for row in _pipelines.rows(ctx.account, ctx.region)
    ]
    return listing.page(
        rows,
        params,
        key="PipelineSummaries",
        sort={"Name": lambda row: row["PipelineName"], "CreationTime": lambda row: row["CreationTime"]},
        default_sort="CreationTime",
        default_order="Descending",
        filters={
            "PipelineNamePrefix": lambda row, prefix: row["PipelineName"].startswith(prefix),
            **created(),
        },
    )


@operation("DeletePipeline")
def delete_pipeline(ctx: Context, params: Row) -> Row:
    with store.lock:
        row = pipeline(ctx, params["PipelineName"])
        name, arn = row["PipelineName"], row["PipelineArn"]
        executions = store.table("pipeline-executions")
        own = {key: item for key, item in executions.items() if item["PipelineArn"] == arn}
        running = [x for x in own.values() if x["PipelineExecutionStatus"] in RUNNING]
        if running:
            raise ConflictException(
                f"Pipeline {arn} cannot be deleted while {running[0]['PipelineExecutionArn']} is "
                f"{running[0]['PipelineExecutionStatus']}; stop it first."
            )
        steps = store.table("pipeline-execution-steps")
        for key in [key for key, step in steps.items() if step["_PipelineArn"] == arn]:
            del steps[key]
        for key in own:
            del executions[key]
        for number in range(1, row["_LastVersion"] + 1):
            del _versions[ctx.account, ctx.region, f"{name}/{number}"]
        del _pipelines[ctx.account, ctx.region, name]
        tags.remove(arn)
    return {"PipelineArn": arn}


@operation("ListPipelineVersions")
def list_pipeline_versions(ctx: Context, params: Row) -> Row:
    row = pipeline(ctx, params["PipelineName"])
    rows = [version(ctx, row, number) for number in range(1, row["_LastVersion"] + 1)]
    return listing.page(
        rows,
        params,
        key="PipelineVersionSummaries",
        sort={"CreationTime": lambda item: item["CreationTime"]},
        default_sort="CreationTime",
        default_order="Descending",
        filters=created(),
    )


@operation("UpdatePipelineVersion")
def update_pipeline_version(ctx: Context, params: Row) -> Row:
    with store.lock:
        row = pipeline(ctx, params["PipelineArn"])
        number = params["PipelineVersionId"]
        members = ("PipelineVersionDisplayName", "PipelineVersionDescription")
        changes = {key: params[key] for key in members if key in params}
        key = (ctx.account, ctx.region, f"{row['PipelineName']}/{number}")
        _versions[key] = {**version(ctx, row, number), **changes}
    return {"PipelineArn": row["PipelineArn"], "PipelineVersionId": number}


def created() -> dict[str, Any]:
    """The filters CreatedAfter and CreatedBefore."""
    return {
        "CreatedAfter": lambda row, time: row["CreationTime"] > time,
        "CreatedBefore": lambda row, time: row["CreationTime"] < time,
    }


def _given(params: Row) -> Row:
    members = ("PipelineDisplayName", "PipelineDescription", "RoleArn", "ParallelismConfiguration")
    return {key: params[key] for key in members if key in params}


def _definition(ctx: Context, params: Row) -> str | None:
    """The definition that a request brings, checked."""
    text: str | None = params.get("PipelineDefinition")
    if location := params.get("PipelineDefinitionS3Location"):
        if text is not None:
            raise ValidationException(
                "PipelineDefinition and PipelineDefinitionS3Location are both given; give one of them."
            )
        uri = f"s3://{location['Bucket']}/{location['ObjectKey']}"
        try:
            text = staging.read(clients.client("s3", ctx), uri).decode()
        except staging.StagingError as error:
            raise ValidationException(f"PipelineDefinitionS3Location: {error}") from error
    if text is not None:
        try:
            definition.parse(text)
        except definition.DefinitionError as error:
            raise ValidationException(str(error)) from error
    return text


def _add_version(ctx: Context, row: Row, text: str) -> int:
    number = int(row["_LastVersion"]) + 1
    name = row["PipelineName"]
    _pipelines[ctx.account, ctx.region, name] = {**row, "_LastVersion": number}
    _versions[ctx.account, ctx.region, f"{name}/{number}"] = {
        "PipelineArn": row["PipelineArn"],
        "PipelineVersionId": number,
        "CreationTime": row["LastModifiedTime"],
        "_Definition": text,
    }
    return number
