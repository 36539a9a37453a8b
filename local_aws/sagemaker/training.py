"""Training jobs: script mode or a command of its own, channels from S3, model.tar.gz and output.tar.gz to S3."""

import contextlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local_aws.core import events, listing, store
from local_aws.core.api import Context, ValidationException, operation
from local_aws.sagemaker import built_in, container, jobs, script_mode, staging, times
from local_aws.sagemaker.processing import resource_config

Row = dict[str, Any]

_EVENT_MEMBERS = (
    "TrainingJobName",
    "TrainingJobArn",
    "TrainingJobStatus",
    "SecondaryStatus",
    "FailureReason",
    "ModelArtifacts",
    "HyperParameters",
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
)
_EVENT_TIMES = ("CreationTime", "TrainingStartTime", "TrainingEndTime", "LastModifiedTime")
_MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Resource released due to MaxRuntimeExceeded",
}
_DEFAULT_RUNTIME = 86_400
_FOLDERS = ("input/config", "input/data", "model", "output/data", "code", "checkpoints")


def tell(ctx: Context, row: Row) -> None:
    """Emit the job's state change event; its times are text, and it has members that are empty here."""
    detail = {key: row[key] for key in _EVENT_MEMBERS if key in row}
    detail |= {key: str(times.milliseconds(row[key])) for key in _EVENT_TIMES if key in row}
    detail["SecondaryStatusTransitions"] = [
        {**item, **{key: times.milliseconds(item[key]) for key in ("StartTime", "EndTime") if key in item}}
        for item in row["SecondaryStatusTransitions"]
    ]
    detail |= {"VpcConfig": row.get("VpcConfig", {}), "Tags": {}}
    events.emit(ctx, "SageMaker Training Job State Change", detail, [row["TrainingJobArn"]])


def _ended(row: Row) -> Row:
    status = row["TrainingJobStatus"]
    if row.get("FailureReason", "").startswith("MaxRuntimeExceeded"):
        status = "MaxRuntimeExceeded"
    end: datetime = row["TrainingEndTime"]
    changes = entered(row, status, end)
    changes["SecondaryStatusTransitions"][-1]["EndTime"] = end
    if "TrainingStartTime" in row:
        # Whole seconds, and at least one: the shape allows nothing less.
        seconds = max(1, round((end - row["TrainingStartTime"]).total_seconds()))
        changes |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
    return changes


KIND = jobs.register(
    jobs.Kind(
        prefix="TrainingJob",
        arn_type="training-job",
        end_member="TrainingEndTime",
        log_group="/aws/sagemaker/TrainingJobs",
        on_change=tell,
        on_end=_ended,
    )
)


def entered(row: Row, status: str, time: datetime) -> Row:
    """The changes that bring a job into another secondary status."""
    before = [dict(item) for item in row.get("SecondaryStatusTransitions", [])]
    if before:
        before[-1].setdefault("EndTime", time)
    transition = {"Status": status, "StartTime": time, "StatusMessage": _MESSAGES[status]}
    return {"SecondaryStatus": status, "SecondaryStatusTransitions": [*before, transition]}


@operation("CreateTrainingJob")
def create_training_job(ctx: Context, params: Row) -> Row:
    return {"TrainingJobArn": start(ctx, params)["TrainingJobArn"]}


def start(ctx: Context, params: Row) -> Row:
    """Start a training job; `params` may hold TuningJobArn, which only a tuning job can set."""
    params = built_in.with_metrics(ctx, params)
    _check(params)
    row = jobs.create(ctx, KIND, {"StoppingCondition": {}, **params, **entered({}, "Starting", store.now())})
    jobs.start(ctx, KIND, row["TrainingJobName"], _work)
    return row


@operation("DescribeTrainingJob")
def describe_training_job(ctx: Context, params: Row) -> Row:
    return jobs.find(ctx, KIND, params["TrainingJobName"], "Requested resource not found.")


@operation("StopTrainingJob")
def stop_training_job(ctx: Context, params: Row) -> Row:
    jobs.stop(KIND, describe_training_job(ctx, params))
    return {}


@operation("ListTrainingJobs")
def list_training_jobs(ctx: Context, params: Row) -> Row:
    return listing.page(
        KIND.table.rows(ctx.account, ctx.region),
        params,
        key="TrainingJobSummaries",
        sort={
            "Name": lambda row: row["TrainingJobName"],
            "CreationTime": lambda row: row["CreationTime"],
            "Status": lambda row: row["TrainingJobStatus"],
        },
        default_sort="CreationTime",
        default_order="Ascending",
        filters={
            "StatusEquals": lambda row, status: row["TrainingJobStatus"] == status,
            # There are no warm pools and no training plans here, so no job is in one.
            "WarmPoolStatusEquals": lambda _row, _status: False,
            "TrainingPlanArnEquals": lambda _row, _arn: False,
        },
    )


def _check_spot(params: Row) -> None:
    """Here a spot job gets its capacity at once and is never interrupted.

    That it must name a wait, no shorter than its runtime, is what SageMaker asks (developer guide: managed spot
    training)."""
    limits = params.get("StoppingCondition", {})
    if not params.get("EnableManagedSpotTraining"):
        if "MaxWaitTimeInSeconds" in limits:
            raise ValidationException("MaxWaitTimeInSeconds is for jobs with EnableManagedSpotTraining only.")
        return
    if limits.get("MaxWaitTimeInSeconds", 0) < limits.get("MaxRuntimeInSeconds", _DEFAULT_RUNTIME):
        raise ValidationException(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
        )


def _check(params: Row) -> None:
    _check_spot(params)
    algorithm = params.get("AlgorithmSpecification", {})
    has_command = bool(algorithm.get("ContainerEntrypoint"))
    if not has_command and not script_mode.is_script_mode(params.get("HyperParameters", {})):
        raise ValidationException(
            f"The image {algorithm.get('TrainingImage', algorithm.get('AlgorithmName', ''))!r} cannot be run by the "
            "local AWS as it is: give the hyperparameters sagemaker_program and sagemaker_submit_directory (script "
            "mode) or AlgorithmSpecification.ContainerEntrypoint."
        )
    for channel in params.get("InputDataConfig", []):
        mode = channel.get("InputMode", algorithm.get("TrainingInputMode", "File"))
        if mode == "Pipe" or "S3DataSource" not in channel["DataSource"]:
            raise ValidationException(
                f"InputDataConfig '{channel['ChannelName']}': the local AWS emulates S3DataSource in File mode only."
            )
    for name, pattern in _metrics(params):
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValidationException(
                f"MetricDefinitions '{name}': the regular expression is wrong: {error}."
            ) from error


def _work(job: jobs.Job) -> Row:
    with job.slot():
        job.change(entered(job.row, "Downloading", store.now()))
        described = _stage(job, job.row)
        command = _command(job, job.row, described)
        job.check_stopped()
        started = store.now()
        row = job.change({"TrainingStartTime": started, **entered(job.row, "Training", started)})
        metrics = _Metrics(_metrics(row))
        try:
            code = job.execute(
                command.argv,
                command.environment,
                timeout=row["StoppingCondition"].get("MaxRuntimeInSeconds", _DEFAULT_RUNTIME),
                cwd=command.cwd,
                on_line=metrics.read,
            )
        except jobs.JobStopped as stopped:
            # What was trained so far is kept, as AWS does on a stop and at the end of the time allowed.
            raise jobs.JobStopped(str(stopped), {**metrics.members(), **_save(job, row)}) from None
    if code != 0:
        raise jobs.JobFailed(jobs.algorithm_error(_failure(job, command, code), code), metrics.members())
    job.change(entered(job.row, "Uploading", store.now()))
    return {**metrics.members(), **_save(job, row)}


def _stage(job: jobs.Job, row: Row) -> Row:
    """Fill /opt/ml as AWS documents it ("How Amazon SageMaker AI provides training information")."""
    for inside in _FOLDERS:
        job.container.path(f"/opt/ml/{inside}").mkdir(parents=True, exist_ok=True)
    channels = {}
    for channel in row.get("InputDataConfig", []):
        name, source = channel["ChannelName"], channel["DataSource"]["S3DataSource"]
        folder = job.container.path(f"/opt/ml/input/data/{name}")
        staging.download(job.s3, source["S3Uri"], folder, source.get("S3DataType", "S3Prefix"))
        channels[name] = _channel(channel, row)
    if "CheckpointConfig" in row:
        _restore(job, row["CheckpointConfig"])
    resources = resource_config(row.get("ResourceConfig", {}).get("InstanceType", "local"))
    files = {
        "hyperparameters": row.get("HyperParameters", {}),
        "inputdataconfig": channels,
        "resourceconfig": resources,
    }
    for name, content in files.items():
        job.container.path(f"/opt/ml/input/config/{name}.json").write_text(json.dumps(content))
    return {"job_name": job.name, "resource_config": resources, "input_data_config": channels}


def _channel(channel: Row, row: Row) -> Row:
    mode = channel.get("InputMode", row["AlgorithmSpecification"].get("TrainingInputMode", "File"))
    source = channel["DataSource"]["S3DataSource"]
    entry = {
        "TrainingInputMode": mode,
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    return {**entry, "ContentType": channel["ContentType"]} if "ContentType" in channel else entry


def _command(job: jobs.Job, row: Row, described: Row) -> "_Command":
    hyperparameters, algorithm = row.get("HyperParameters", {}), row["AlgorithmSpecification"]
    names = {"TRAINING_JOB_NAME": job.name, "TRAINING_JOB_ARN": row["TrainingJobArn"], **row.get("Environment", {})}
    if entry := algorithm.get("ContainerEntrypoint"):
        return _Command([*entry, *algorithm.get("ContainerArguments", [])], names, container.OPT_ML, None)
    script = script_mode.prepare(job.s3, job.container, hyperparameters, described)
    job.log.line(f"Invoking script with the following command: {script.text}")
    return _Command(script.argv, {**script.environment, **names}, script_mode.CODE, script)


@dataclass(frozen=True)
class _Command:
    argv: list[str]
    environment: dict[str, str]
    cwd: str
    script: script_mode.Script | None


def _failure(job: jobs.Job, command: _Command, code: int) -> str:
    path = job.container.path("/opt/ml/output/failure")
    if path.is_file():
        return path.read_text(errors="replace")
    log = list(job.log.tail)
    return script_mode.failure(log, command.script, code) if command.script else jobs.last_words(log)


def _save(job: jobs.Job, row: Row) -> Row:
    """Upload the model, other output and checkpoints; returns the row's ModelArtifacts."""
    config = row["OutputDataConfig"]
    target = f"{config['S3OutputPath'].rstrip('/')}/{job.name}/output"
    model, data = job.container.path("/opt/ml/model"), job.container.path("/opt/ml/output/data")
    if config.get("CompressionType") == "NONE":
        staging.upload(job.s3, model, f"{target}/model")
        staging.upload(job.s3, data, f"{target}/data")
        artifacts = f"{target}/model/"
    else:
        artifacts = f"{target}/model.tar.gz"
        staging.put(job.s3, staging.pack(model, job.root / "model.tar.gz"), artifacts)
        if any(data.iterdir()):
            staging.put(job.s3, staging.pack(data, job.root / "output.tar.gz"), f"{target}/output.tar.gz")
    if "CheckpointConfig" in row:
        checkpoint = row["CheckpointConfig"]
        staging.upload(job.s3, job.container.path(_checkpoints(checkpoint)), checkpoint["S3Uri"])
    return {"ModelArtifacts": {"S3ModelArtifacts": artifacts}}


def _restore(job: jobs.Job, checkpoint: Row) -> None:
    folder = job.container.path(_checkpoints(checkpoint))
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(staging.NothingFoundError):  # the first job has no checkpoints to go on from
        staging.download(job.s3, checkpoint["S3Uri"].rstrip("/") + "/", folder)


def _checkpoints(checkpoint: Row) -> str:
    return str(checkpoint.get("LocalPath", "/opt/ml/checkpoints"))


def _metrics(params: Row) -> list[tuple[str, str]]:
    definitions = params.get("AlgorithmSpecification", {}).get("MetricDefinitions", [])
    return [(item["Name"], item["Regex"]) for item in definitions]


class _Metrics:
    """The metrics that the job's log tells of, by MetricDefinitions: of each, the last value."""

    def __init__(self, definitions: list[tuple[str, str]]) -> None:
        self._patterns = [(name, re.compile(pattern)) for name, pattern in definitions]
        self._last: dict[str, Row] = {}

    def read(self, line: str) -> None:
        for name, pattern in self._patterns:
            if (match := pattern.search(line)) and match.groups():
                with contextlib.suppress(ValueError, TypeError):  # the group holds no number
                    self._last[name] = {"MetricName": name, "Value": float(match[1]), "Timestamp": store.now()}

    def members(self) -> Row:
        return {"FinalMetricDataList": list(self._last.values())} if self._last else {}
