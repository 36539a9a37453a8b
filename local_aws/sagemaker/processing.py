"""Processing jobs: a command with inputs from S3 and outputs to S3, on one host whatever InstanceCount says.

Layout of /opt/ml: AWS documentation, "Build your own processing container". The reason that a command gives in
/opt/ml/output/message is the job's ExitMessage and, if it failed, part of its FailureReason.
"""

import json
from pathlib import PurePosixPath
from typing import Any

from local_aws.core import events, listing, store
from local_aws.core.api import Context, ValidationException, operation
from local_aws.sagemaker import container, jobs, staging, times

Row = dict[str, Any]

_LONGEST_MESSAGE = 1024
_DEFAULT_RUNTIME = 86_400
_EVENT_MEMBERS = (
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingJobName",
    "ProcessingResources",
    "StoppingCondition",
    "AppSpecification",
    "Environment",
    "NetworkConfig",
    "RoleArn",
    "ExperimentConfig",
    "ProcessingJobArn",
    "ProcessingJobStatus",
    "ExitMessage",
    "FailureReason",
)
_EVENT_TIMES = ("ProcessingEndTime", "ProcessingStartTime", "LastModifiedTime", "CreationTime")


def tell(ctx: Context, row: Row) -> None:
    """Emit the job's state change event."""
    detail = {key: row[key] for key in _EVENT_MEMBERS if key in row}
    detail |= {key: times.milliseconds(row[key]) for key in _EVENT_TIMES if key in row}
    events.emit(ctx, "SageMaker Processing Job State Change", detail, [row["ProcessingJobArn"]])


KIND = jobs.register(
    jobs.Kind(
        prefix="ProcessingJob",
        arn_type="processing-job",
        end_member="ProcessingEndTime",
        log_group="/aws/sagemaker/ProcessingJobs",
        on_change=tell,
    )
)


@operation("CreateProcessingJob")
def create_processing_job(ctx: Context, params: Row) -> Row:
    _check(params)
    runtime = {"StoppingCondition": {"MaxRuntimeInSeconds": _DEFAULT_RUNTIME}}
    row = jobs.create(ctx, KIND, {**runtime, **params})
    jobs.start(ctx, KIND, row["ProcessingJobName"], _work)
    return {"ProcessingJobArn": row["ProcessingJobArn"]}


@operation("DescribeProcessingJob")
def describe_processing_job(ctx: Context, params: Row) -> Row:
    name = params["ProcessingJobName"]
    return jobs.find(ctx, KIND, name, f"Could not find requested job with name: {name}")


@operation("StopProcessingJob")
def stop_processing_job(ctx: Context, params: Row) -> Row:
    jobs.stop(KIND, describe_processing_job(ctx, params))
    return {}


@operation("ListProcessingJobs")
def list_processing_jobs(ctx: Context, params: Row) -> Row:
    return listing.page(
        KIND.table.rows(ctx.account, ctx.region),
        params,
        key="ProcessingJobSummaries",
        sort={
            "Name": lambda row: row["ProcessingJobName"],
            "CreationTime": lambda row: row["CreationTime"],
            "Status": lambda row: row["ProcessingJobStatus"],
        },
        default_sort="CreationTime",
        default_order="Ascending",
        filters={"StatusEquals": lambda row, status: row["ProcessingJobStatus"] == status},
    )


def _check(params: Row) -> None:
    if not params["AppSpecification"].get("ContainerEntrypoint"):
        raise ValidationException(
            f"AppSpecification.ContainerEntrypoint is missing: what the image {params['AppSpecification']['ImageUri']} "
            "runs by itself is not known to the local AWS; name the command."
        )
    for member in ("ContainerArguments", "ContainerEntrypoint"):
        texts = params["AppSpecification"].get(member, [])
        if "" in texts:
            raise ValidationException(
                f"Found null or empty string in {member} at index {texts.index('')}. ContainerArguments and "
                "ContainerEntrypoint may not contain null or empty strings."
            )
    for item in params.get("ProcessingInputs", []):
        place = f"ProcessingInputs '{item['InputName']}'"
        if "S3Input" not in item or item["S3Input"].get("S3InputMode", "File") != "File":
            raise ValidationException(f"{place}: the local AWS emulates S3Input with S3InputMode File only.")
        _check_path(place, item["S3Input"])
    for item in _outputs(params):
        place = f"ProcessingOutputConfig '{item['OutputName']}'"
        if "S3Output" not in item:
            raise ValidationException(f"{place}: the local AWS emulates S3Output only.")
        _check_path(place, item["S3Output"])


def _check_path(place: str, data: Row) -> None:
    path = PurePosixPath(data.get("LocalPath", ""))
    if not path.is_relative_to(container.OPT_ML) or ".." in path.parts:
        raise ValidationException(f"{place}: LocalPath '{path}' is not below {container.OPT_ML}.")


def _work(job: jobs.Job) -> Row:
    row = job.row
    with job.slot():
        _stage(job, row)
        job.check_stopped()
        row = job.change({"ProcessingStartTime": store.now()})
        app, given = row["AppSpecification"], row.get("Environment", {})
        try:
            code = job.execute(
                [*app["ContainerEntrypoint"], *app.get("ContainerArguments", [])],
                {"PROCESSING_JOB_NAME": job.name, "PROCESSING_JOB_ARN": row["ProcessingJobArn"], **given},
                timeout=row["StoppingCondition"]["MaxRuntimeInSeconds"],
            )
        except jobs.JobStopped as stopped:
            raise jobs.JobStopped(str(stopped), _exit_message(job)) from None
    message = _exit_message(job)
    if code != 0:
        why = message.get("ExitMessage") or jobs.last_words(list(job.log.tail))
        raise jobs.JobFailed(jobs.algorithm_error(why, code), message)
    for item in _outputs(row):
        target = item["S3Output"]
        staging.upload(job.s3, job.container.path(target["LocalPath"]), target["S3Uri"])
    return message


def _stage(job: jobs.Job, row: Row) -> None:
    for item in row.get("ProcessingInputs", []):
        if not item.get("AppManaged"):
            source = item["S3Input"]
            folder = job.container.path(source["LocalPath"])
            staging.download(job.s3, source["S3Uri"], folder, source.get("S3DataType", "S3Prefix"))
    for item in _outputs(row):
        job.container.path(item["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
    job.container.path("/opt/ml/output").mkdir(exist_ok=True)
    config = job.container.path("/opt/ml/config")
    config.mkdir(exist_ok=True)
    described = {key: value for key, value in row.items() if key in _CONFIG_MEMBERS}
    (config / "processingjobconfig.json").write_text(json.dumps(described))
    instance = row["ProcessingResources"]["ClusterConfig"]["InstanceType"]
    (config / "resourceconfig.json").write_text(json.dumps(resource_config(instance)))


_CONFIG_MEMBERS = (
    "ProcessingJobArn",
    "ProcessingJobName",
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingResources",
    "AppSpecification",
    "Environment",
    "NetworkConfig",
    "RoleArn",
    "StoppingCondition",
)


def resource_config(instance_type: str) -> Row:
    """What resourceconfig.json says on the one host there is."""
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": ["algo-1"]}
    return {
        "current_host": "algo-1",
        "current_instance_type": instance_type,
        "current_group_name": group["instance_group_name"],
        "hosts": ["algo-1"],
        "instance_groups": [group],
        "network_interface_name": "lo",
    }


def _outputs(row: Row) -> list[Row]:
    outputs: list[Row] = row.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return [item for item in outputs if not item.get("AppManaged")]


def _exit_message(job: jobs.Job) -> Row:
    """ExitMessage, the first KB of what the command left for it; JobFailed if that is no UTF-8, as on AWS."""
    path = job.container.path("/opt/ml/output/message")
    if not path.is_file():
        return {}
    content = path.read_bytes()
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise jobs.JobFailed("ClientError: /opt/ml/output/message is not UTF-8 encoded.") from error
    message = content[:_LONGEST_MESSAGE].decode(errors="ignore").strip()
    return {"ExitMessage": message} if message else {}
