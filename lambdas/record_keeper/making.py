"""How a version came to be: the run of the pipeline that registered it, its jobs, and what they read and wrote."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from answers import Unknown, ask, listed
from objects import Storage
from settings import Settings
from state import Json, Making, Objects, Step

PAGE = 100
KINDS: Mapping[str, str] = {
    "TrainingJob": "Training",
    "ProcessingJob": "Processing",
    "TransformJob": "Transform",
    "TuningJob": "Tuning",
    "AutoMLJob": "AutoML",
}
"""By the member of a step's metadata, how pipeline definitions call the type; others are called alike in both."""

ENDS = ("Succeeded", "Failed", "Stopped")
"""Statuses of an execution that will not change any more."""

NAMED = ("drift_calibration", "outcome_baseline")
"""Metadata with the URIs of baselines that the registry has no member for (pipeline_code)."""

_JOB = re.compile(r"arn:[^:]+:sagemaker:[^:]*:\d*:(?P<kind>[a-z-]+)/(?P<name>.+)")
_EXECUTION = re.compile(r"arn:[^:]+:sagemaker:[^:]*:\d*:pipeline/[^/]+/execution/\w+")
_PACKAGE = re.compile(r"(?P<account>arn:[^:]+:sagemaker:[^:]*:\d*):model-package/.+")


_Run = tuple[Json, list[Step], dict[str, str], str]
"""What SageMaker says of an execution, its steps, its parameters, and the text of the definition that ran."""


class Maker:
    """Reads; changes nothing. What cannot be established becomes a trouble, errors of AWS itself are raised."""

    def __init__(self, sagemaker: Any, storage: Storage, settings: Settings) -> None:
        self._sagemaker, self._storage, self._settings = sagemaker, storage, settings

    def look(self, package: Mapping[str, Any], now: datetime) -> Making:
        """package: DescribeModelPackage's answer."""
        troubles: list[str] = []
        execution, steps, parameters, definition = self._registering(package, troubles)
        registered = datetime.fromisoformat(package["CreationTime"])
        end = datetime.fromisoformat(ended(execution)) if ended(execution) else max(registered, now)
        sources = {uri: self._storage.at(uri, moment) for uri, moment in _moments(steps, end).items()}
        artifact = next(iter(model_data(package)), "")
        nothing = Objects(trouble="the version has no model data")
        model = self._storage.at(artifact, registered) if artifact else nothing
        return Making(
            execution=execution,
            parameters=parameters,
            definition=_hashed(definition),
            steps=tuple(steps),
            inputs=sources,
            artifact=model,
            documents={
                **{uri: self._storage.mark(uri) for uri in baselines(package).values()},
                **{uri: self._storage.document(uri) for uri in documents(package).values()},
            },
            troubles=tuple(troubles),
        )

    def run(self, arn: str) -> Making:
        """An execution and its jobs, without what they read and wrote. Raises Unknown if it is not known any more."""
        troubles: list[str] = []
        execution, steps, parameters, definition = self._run(arn, troubles)
        return Making(
            execution=execution,
            parameters=parameters,
            definition=_hashed(definition),
            steps=tuple(steps),
            troubles=tuple(troubles),
        )

    def _registering(self, package: Mapping[str, Any], troubles: list[str]) -> _Run:
        """The execution that registered a version."""
        arn = execution_of(package, self._settings.pipeline)
        if not arn:
            troubles.append("pipeline: the version does not name the execution that registered it")
            return {}, [], {}, ""
        if not self._settings.sees_making:
            place = self._settings.takes_from
            troubles.append(f"pipeline: execution {arn}: is in the account of {place}, whose manifest has it (origin)")
            return {}, [], {}, ""
        try:
            return self._run(arn, troubles)
        except Unknown as why:
            troubles.append(f"pipeline: execution {arn}: {why}")
            return {}, [], {}, ""

    def _run(self, arn: str, troubles: list[str]) -> _Run:
        execution = ask(self._sagemaker.describe_pipeline_execution, PipelineExecutionArn=arn)
        steps = [self._step(each, troubles) for each in self._listed(arn)]
        pages = self._sagemaker.get_paginator("list_pipeline_parameters_for_execution")
        given = listed(pages, "PipelineParameters", PipelineExecutionArn=arn)
        told = ask(self._sagemaker.describe_pipeline_definition_for_execution, PipelineExecutionArn=arn)
        parameters = {each["Name"]: each["Value"] for each in given}
        return execution, steps, parameters, str(told.get("PipelineDefinition", ""))

    def _listed(self, execution: str) -> list[Json]:
        """In the order in which they began."""
        pages = self._sagemaker.get_paginator("list_pipeline_execution_steps")
        asked = {"PipelineExecutionArn": execution, "PaginationConfig": {"PageSize": PAGE}}
        found = listed(pages, "PipelineExecutionSteps", SortOrder="Ascending", **asked)
        return sorted(found, key=lambda each: (each.get("StartTime", "9999"), each["StepName"]))

    def _step(self, row: Json, troubles: list[str]) -> Step:
        cached = row.get("CacheHitResult", {}).get("SourcePipelineExecutionArn", "")
        kind, job = _job(row)
        if cached and not job:
            kind, job = self._job_of(cached, row["StepName"]) or (kind, job)
        described: Json = {}
        best: Json = {}
        try:
            described, best = self._described(job)
        except Unknown as why:
            troubles.append(f"pipeline: job {job} of step {row['StepName']}: {why}")
        return Step(row["StepName"], kind, row.get("StepStatus", ""), job, cached, described, best)

    def _job_of(self, execution: str, step: str) -> tuple[str, str] | None:
        """Of the step of that name in an execution, whose result another one took."""
        try:
            return next((_job(each) for each in self._listed(execution) if each["StepName"] == step), None)
        except Unknown:
            return None

    def _described(self, arn: str) -> tuple[Json, Json]:
        """What SageMaker says of a job, and of the training job that a tuning chose."""
        match = _JOB.fullmatch(arn)
        kind, name = (match["kind"], match["name"]) if match else ("", "")
        if kind == "processing-job":
            return ask(self._sagemaker.describe_processing_job, ProcessingJobName=name), {}
        if kind == "training-job":
            return ask(self._sagemaker.describe_training_job, TrainingJobName=name), {}
        if kind != "hyper-parameter-tuning-job":
            return {}, {}
        tuning = ask(self._sagemaker.describe_hyper_parameter_tuning_job, HyperParameterTuningJobName=name)
        best = tuning.get("BestTrainingJob", {}).get("TrainingJobName")
        return tuning, ask(self._sagemaker.describe_training_job, TrainingJobName=best) if best else {}


def execution_of(package: Mapping[str, Any], pipeline: str) -> str:
    """ARN of the execution that registered the version, "" if nothing tells.

    By the metadata that the pipeline's definition writes (an id, or an ARN), or by what SageMaker notes by itself.
    """
    told = package.get("CustomerMetadataProperties", {}).get("pipeline_execution", "")
    match = _PACKAGE.fullmatch(package.get("ModelPackageArn", ""))
    if told and match and re.fullmatch(r"\w+", told):
        told = f"{match['account']}:pipeline/{pipeline}/execution/{told}"
    for arn in (told, package.get("MetadataProperties", {}).get("GeneratedBy", "")):
        if _EXECUTION.fullmatch(arn):
            return str(arn)
    return ""


def ended(execution: Mapping[str, Any]) -> str:
    """When an execution ended, "" while it runs and where there is none."""
    over = execution.get("PipelineExecutionStatus") in ENDS
    return str(execution.get("LastModifiedTime", "")) if over else ""


def model_data(package: Mapping[str, Any]) -> list[str]:
    """The S3 addresses of the containers' model data, in their order."""
    return [each["ModelDataUrl"] for each in containers(package) if "ModelDataUrl" in each]


def containers(package: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(package.get("InferenceSpecification", {}).get("Containers", []))


def documents(package: Mapping[str, Any]) -> dict[str, str]:
    """URIs of the JSON documents that a version names as its metrics, by their place in `ModelMetrics`."""
    metrics = package.get("ModelMetrics", {})
    return {
        f"{section}.{name}": source["S3Uri"]
        for section, sources in metrics.items()
        for name, source in sources.items()
        if source.get("S3Uri")
    }


def baselines(package: Mapping[str, Any]) -> dict[str, str]:
    """URIs of what windows of traffic are compared with, by the names of `DriftCheckBaselines` in lower case."""
    found = {
        f"{_snake(section)}_{_snake(name)}": source["S3Uri"]
        for section, sources in package.get("DriftCheckBaselines", {}).items()
        for name, source in sources.items()
        if source.get("S3Uri")
    }
    metadata = package.get("CustomerMetadataProperties", {})
    return found | {name: metadata[name] for name in NAMED if metadata.get(name)}


def inputs(step: Step) -> Iterator[tuple[str, str]]:
    """What a step's job read: names and URIs."""
    for each in step.described.get("ProcessingInputs", []):
        yield each["InputName"], each.get("S3Input", {}).get("S3Uri", "")
    for each in step.training.get("InputDataConfig", []):
        yield each["ChannelName"], each.get("DataSource", {}).get("S3DataSource", {}).get("S3Uri", "")


def outputs(step: Step) -> Iterator[str]:
    """Prefixes that a step's job wrote below."""
    for each in step.described.get("ProcessingOutputConfig", {}).get("Outputs", []):
        yield each.get("S3Output", {}).get("S3Uri", "")
    yield step.training.get("OutputDataConfig", {}).get("S3OutputPath", "")
    yield step.training.get("ModelArtifacts", {}).get("S3ModelArtifacts", "")


def sources(steps: tuple[Step, ...] | list[Step], code: str = "") -> Iterator[tuple[str, str, Step]]:
    """Name, URI and step of what came from outside: no step wrote it, and it is not the code."""
    written = {prefix.rstrip("/") for step in steps for prefix in outputs(step) if prefix}
    for step in steps:
        for name, uri in inputs(step):
            inside = any(uri == prefix or uri.startswith(f"{prefix}/") for prefix in written)
            if uri.startswith("s3://") and not inside and not is_code(uri, code):
                yield name, uri, step


def is_code(uri: str, code: str) -> bool:
    """Whether an input is the code bundle: by its address, or since archives are no training data of this project."""
    return uri == code or uri.endswith(".tar.gz")


def _job(row: Mapping[str, Any]) -> tuple[str, str]:
    """Type of a step and ARN of its job, by its metadata; "" while it has none."""
    for member, about in row.get("Metadata", {}).items():
        arn = about.get("Arn") or about.get("CheckJobArn") or ""
        return KINDS.get(member, member), str(arn)
    return "", ""


def _moments(steps: list[Step], end: datetime) -> dict[str, datetime]:
    """By the URIs of the data from outside, when the last job that read them had read them."""
    found: dict[str, datetime] = {}
    for _, uri, step in sources(steps):
        about = step.training or step.described
        told = about.get("ProcessingEndTime") or about.get("TrainingEndTime")
        moment = datetime.fromisoformat(told) if told else end
        found[uri] = max(moment, found.get(uri, moment))
    return found


def _hashed(definition: str) -> str:
    return hashlib.sha256(definition.encode()).hexdigest() if definition else ""


def _snake(name: str) -> str:
    """`ModelDataQuality` as `model_data_quality`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
