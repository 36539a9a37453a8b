"""Export jobs: a version of a model card as a PDF in S3.

The file is `<S3OutputPath>/<card>/<job>.pdf`, as SageMaker's Python SDK has it in its tests of exports. A job has
ended when CreateModelCardExportJob answers, since nothing in it takes longer than the answer.
"""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws import clients
from local_aws.core import listing, store
from local_aws.core.api import ConflictException, Context, ResourceNotFound, ValidationException, operation
from local_aws.sagemaker import jobs, model_cards, model_cards_pdf

Row = dict[str, Any]

_jobs = store.table("model-card-export-jobs")
_CREATED = "CreatedAt"


@operation("CreateModelCardExportJob")
def create_model_card_export_job(ctx: Context, params: Row) -> Row:
    card = model_cards.card(ctx, params["ModelCardName"])
    version = model_cards.version(ctx, card["ModelCardName"], params.get("ModelCardVersion"))
    name, job = card["ModelCardName"], params["ModelCardExportJobName"]
    output = params["OutputConfig"]["S3OutputPath"]
    if not output.startswith("s3://"):
        raise ValidationException(
            f"S3OutputPath {output} is not emulated by the local AWS: give it as s3://bucket/prefix."
        )
    arn = f"{card['ModelCardArn']}/export-job/{job}"
    now = store.now()
    row = {
        "ModelCardExportJobName": job,
        "ModelCardExportJobArn": arn,
        "Status": "InProgress",
        "ModelCardName": name,
        "ModelCardVersion": version["ModelCardVersion"],
        "OutputConfig": params["OutputConfig"],
        _CREATED: now,
        "LastModifiedAt": now,
    }
    with store.lock:
        if (ctx.account, ctx.region, arn) in _jobs:
            raise ConflictException(f"Model card export job {arn} already exists.")
        _jobs[ctx.account, ctx.region, arn] = row
    ended = _exported(ctx, f"{output.rstrip('/')}/{name}/{job}.pdf", {**version, "CreationTime": card["CreationTime"]})
    _jobs[ctx.account, ctx.region, arn] = {**row, **ended, "LastModifiedAt": store.now()}
    return {"ModelCardExportJobArn": arn}


@operation("DescribeModelCardExportJob")
def describe_model_card_export_job(ctx: Context, params: Row) -> Row:
    arn = params["ModelCardExportJobArn"]
    row = _jobs.get((ctx.account, ctx.region, arn))
    if row is None:
        raise ResourceNotFound(f"Model card export job {arn} does not exist.")
    return row


@operation("ListModelCardExportJobs")
def list_model_card_export_jobs(ctx: Context, params: Row) -> Row:
    name = params["ModelCardName"]
    return listing.page(
        [row for row in _jobs.rows(ctx.account, ctx.region) if row["ModelCardName"] == name],
        params,
        key="ModelCardExportJobSummaries",
        sort={
            "Name": lambda row: row["ModelCardExportJobName"],
            "CreationTime": lambda row: row[_CREATED],
            "Status": lambda row: row["Status"],
        },
        default_sort="CreationTime",
        default_order="Descending",
        filters={
            "ModelCardVersion": lambda row, version: row["ModelCardVersion"] == version,
            "ModelCardExportJobNameContains": lambda row, text: text.lower() in row["ModelCardExportJobName"].lower(),
            "StatusEquals": lambda row, status: row["Status"] == status,
            "CreationTimeAfter": lambda row, time: row[_CREATED] > time,
            "CreationTimeBefore": lambda row, time: row[_CREATED] < time,
        },
        created=_CREATED,
    )


def _exported(ctx: Context, uri: str, version: Row) -> Row:
    """The end of the job: the file is written, or the reason why not."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    pdf = model_cards_pdf.render(version, json.loads(version["Content"]))
    try:
        clients.client("s3", ctx).put_object(Bucket=bucket, Key=key, Body=pdf, ContentType="application/pdf")
    except (BotoCoreError, ClientError) as error:
        return {"Status": "Failed", "FailureReason": jobs.reason(f"ClientError: {uri}: {error}")}
    return {"Status": "Completed", "ExportArtifacts": {"S3ExportArtifacts": uri}}
