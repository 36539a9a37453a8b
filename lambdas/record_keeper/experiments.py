"""What a run of the training pipeline is in MLflow: an experiment a model, a run an execution. Pure.

Whatever is told of a run follows from what AWS tells of the execution, so telling it twice gives the same run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

import figures
from making import documents, ended, inputs
from settings import Settings
from shared.versions import version_of
from state import Ended, Step, Subject

EXECUTION = "mlops.execution"
"""The tag with the execution's ARN: by it a run is found again."""

STATUSES: Mapping[str, str] = {"Succeeded": "FINISHED", "Failed": "FAILED", "Stopped": "KILLED"}
"""MLflow's words for how an execution ended (REST API: RunStatus)."""

RETIRED = "Retired"
NAME, PARAM, TAG = 250, 6000, 5000
"""Characters that MLflow keeps of a name, of a parameter and of a tag, whatever its store (REST API: data types)."""

QUALITY = "model-quality"
"""The output of a processing step that has the figures of the model's quality (pipeline_code)."""


@dataclass(frozen=True)
class Run:
    """started, ended: milliseconds since 1970."""

    name: str
    status: str
    started: int
    ended: int
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


def run_of(execution: Ended, state: str, settings: Settings) -> Run:
    """state: what is told of the version that it registered (`state_of`)."""
    described = execution.making.execution
    return Run(
        name=identity(execution.arn),
        status=STATUSES[described["PipelineExecutionStatus"]],
        started=_milliseconds(described["CreationTime"]),
        ended=_milliseconds(ended(described)),
        params={_name(name): value[:PARAM] for name, value in _params(execution)},
        metrics={_name(name): value for name, value in _metrics(execution) if isfinite(value)},
        tags={name: value[:TAG] for name, value in _tags(execution, state, settings).items() if value},
    )


def identity(execution: str) -> str:
    """The id at the end of an execution's ARN."""
    return execution.rpartition("/")[2]


def state_of(subject: Subject | None) -> str:
    """What a run says of its version, beside its number; "" where there is none, or it was not listed yet."""
    if subject is None:
        return ""
    return subject.approval if subject.arn else RETIRED


def version_tags(package: str, state: str) -> dict[str, str]:
    """Those that change after the run."""
    if not package:
        return {}
    return {"mlops.package": package, "mlops.version": str(version_of(package)), "mlops.approval": state}


def statistics(execution_steps: tuple[Step, ...], package: Mapping[str, Any]) -> str:
    """Where the figures of the model's quality are: as the version says, or else as the last step wrote them."""
    written = [
        f"{each['S3Output']['S3Uri'].rstrip('/')}/statistics.json"
        for step in execution_steps
        for each in step.described.get("ProcessingOutputConfig", {}).get("Outputs", [])
        if each.get("OutputName") == QUALITY and each.get("S3Output", {}).get("S3Uri")
    ]
    return documents(package).get("ModelQuality.Statistics") or (written[-1] if written else "")


def _params(execution: Ended) -> Iterator[tuple[str, str]]:
    """Of the pipeline and of each training job, by where they belong to: names of one may be those of the other."""
    for name, value in execution.making.parameters.items():
        yield f"pipeline/{name}", str(value)
    for step in execution.making.steps:
        for name, value in step.training.get("HyperParameters", {}).items():
            yield f"{step.name}/{name}", str(value)


def _metrics(execution: Ended) -> Iterator[tuple[str, float]]:
    for step in execution.making.steps:
        job = step.training
        for each in job.get("FinalMetricDataList", []):
            yield f"{step.name}/{each['MetricName']}", float(each["Value"])
        if "TrainingTimeInSeconds" in job:
            yield f"{step.name}/seconds", float(job["TrainingTimeInSeconds"])
    yield from figures.quality(execution.quality.body).items()


def _tags(execution: Ended, state: str, settings: Settings) -> dict[str, str]:
    making = execution.making
    metadata = execution.package.get("CustomerMetadataProperties", {})
    told = (metadata.get("commit", ""), making.parameters.get("CodeCommit", ""))
    commit = next((each for each in told if each not in ("", "none")), "")
    return {
        EXECUTION: execution.arn,
        "mlops.environment": settings.environment,
        "mlops.model": settings.model,
        "mlops.code": metadata.get("code_uri") or _code(making.steps),
        "mlops.code_sha256": metadata.get("code_sha256", ""),
        "mlops.commit": commit,
        "mlops.data_sha256": metadata.get("data_sha256", ""),
        "mlops.definition_sha256": making.definition,
        "mlops.failure": str(making.execution.get("FailureReason", "")),
        # Those that MLflow's own pages show (mlflow.org: tracking, system tags).
        "mlflow.source.name": settings.pipeline,
        "mlflow.source.type": "JOB",
        "mlflow.source.git.commit": commit,
        **version_tags(execution.version, state),
    }


def _code(steps: tuple[Step, ...]) -> str:
    """The code bundle that the jobs ran."""
    return next((uri for step in steps for _, uri in inputs(step) if uri.endswith(".tar.gz")), "")


def _name(name: str) -> str:
    """A name as every MLflow takes it: letters, digits, `_-. ` and slashes between what is no dot alone.

    `validation:auc` becomes `validation/auc`, which MLflow shows as a group.
    """
    parts = re.sub(r"[^\w\-. /:]", "_", name, flags=re.ASCII).replace(":", "/").split("/")
    return "/".join(part for part in parts if part.strip(". "))[:NAME].rstrip("/") or "_"


def _milliseconds(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)
