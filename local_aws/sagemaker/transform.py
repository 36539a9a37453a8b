"""Transform jobs: CreateTransformJob, DescribeTransformJob, ListTransformJobs, StopTransformJob.

Source: API reference of the operations. What is not emulated is refused by name.
"""

from __future__ import annotations

import secrets
from typing import Any

from local_aws.core import events, listing, tags
from local_aws.core.api import Context, ValidationException, operation
from local_aws.sagemaker import jobs, models, times, transform_run
from local_aws.sagemaker.json_path import JsonPathError
from local_aws.sagemaker.transform_records import Plan, RecordError

Row = dict[str, Any]

_LARGEST_MB = 100
_EVENT_MEMBERS = (
    "TransformJobName",
    "TransformJobArn",
    "TransformJobStatus",
    "FailureReason",
    "ModelName",
    "MaxConcurrentTransforms",
    "MaxPayloadInMB",
    "BatchStrategy",
    "Environment",
    "TransformInput",
    "TransformOutput",
    "TransformResources",
)
_EVENT_TIMES = ("CreationTime", "TransformStartTime", "TransformEndTime")


def tell(ctx: Context, row: Row) -> None:
    """Emit the job's state change event."""
    detail = {key: row[key] for key in _EVENT_MEMBERS if key in row}
    detail |= {key: times.seconds(row[key]) for key in _EVENT_TIMES if key in row}
    detail["Tags"] = {tag["Key"]: tag["Value"] for tag in tags.get(row["TransformJobArn"])}
    events.emit(ctx, "SageMaker Transform Job State Change", detail, [row["TransformJobArn"]])


KIND = jobs.register(
    jobs.Kind(
        prefix="TransformJob",
        arn_type="transform-job",
        end_member="TransformEndTime",
        log_group="/aws/sagemaker/TransformJobs",
        on_change=tell,
        host=lambda: f"i-{secrets.token_hex(9)[:17]}",
    )
)


@operation("CreateTransformJob")
def create_transform_job(ctx: Context, params: Row) -> Row:
    _check(params)
    model = models.find(ctx, params["ModelName"])
    row = jobs.create(ctx, KIND, params)
    jobs.start(
        ctx,
        KIND,
        row["TransformJobName"],
        lambda job: transform_run.run(job, model["ResolvedContainers"]),
        model.get("ExecutionRoleArn"),
    )
    return {"TransformJobArn": row["TransformJobArn"]}


@operation("DescribeTransformJob")
def describe_transform_job(ctx: Context, params: Row) -> Row:
    name = params["TransformJobName"]
    return jobs.find(ctx, KIND, name, f"Could not find requested job with name: {name}")


@operation("StopTransformJob")
def stop_transform_job(ctx: Context, params: Row) -> Row:
    jobs.stop(KIND, describe_transform_job(ctx, params))
    return {}


@operation("ListTransformJobs")
def list_transform_jobs(ctx: Context, params: Row) -> Row:
    return listing.page(
        KIND.table.rows(ctx.account, ctx.region),
        params,
        key="TransformJobSummaries",
        sort={
            "Name": lambda row: row["TransformJobName"],
            "CreationTime": lambda row: row["CreationTime"],
            "Status": lambda row: row["TransformJobStatus"],
        },
        default_sort="CreationTime",
        default_order="Descending",
        filters={"StatusEquals": lambda row, status: row["TransformJobStatus"] == status},
    )


def _check(params: Row) -> None:
    source = params["TransformInput"]
    if "DataCaptureConfig" in params:
        raise ValidationException("DataCaptureConfig of a transform job is not emulated locally.")
    for place, value, emulated in (
        ("S3DataType", source["DataSource"]["S3DataSource"]["S3DataType"], ("S3Prefix", "ManifestFile")),
        ("SplitType", source.get("SplitType", "None"), ("None", "Line")),
    ):
        if value not in emulated:
            raise ValidationException(f"{place} {value} is not emulated locally: {' or '.join(emulated)}")
    payload, parallel = params.get("MaxPayloadInMB"), params.get("MaxConcurrentTransforms") or 1
    if payload == 0:
        raise ValidationException("MaxPayloadInMB 0 (chunked requests) is not emulated locally.")
    if payload is not None and payload * parallel > _LARGEST_MB:
        raise ValidationException(
            f"MaxConcurrentTransforms * MaxPayloadInMB is {payload * parallel}: it must not exceed {_LARGEST_MB}."
        )
    try:
        Plan.of(params)
    except (JsonPathError, RecordError) as error:
        raise ValidationException(str(error)) from error
