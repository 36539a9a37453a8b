"""A model's training pipeline, started for what is deployed and for the newest data; or not, if nothing has changed.

What a run learns from are three things: the pipeline's definition (which holds the hash of the code), the parameters,
and the data, whose address is a parameter. The commit is a parameter too, but says nothing that the hash does not.
"""

import difflib
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from mlops import aws
from mlops.errors import CommandError, UsageError
from mlops.snapshots import Snapshots
from mlops.target import Target

COMMIT = "CodeCommit"
COUNTED = ("Succeeded", "Executing")
"""States of executions that have done, or are doing, what a new one would do."""
LOOKED_AT = 100
"""Executions, newest first; beyond them, training again costs less than looking further."""
_TOKEN = 64


@dataclass(frozen=True)
class Training:
    """What a run of a model's pipeline would be made from. parameters: those that differ from the definition's."""

    target: Target
    definition: Mapping[str, Any]
    parameters: Mapping[str, str]

    @property
    def pipeline(self) -> str:
        return self.target.names.pipeline

    @cached_property
    def inputs(self) -> dict[str, str]:
        """The value of every parameter that says what is learned from what."""
        return effective(self.definition, self.parameters)

    def start(self) -> str:
        """Start an execution; returns its ARN.

        The token is made from what the run is made from, and from the execution before it: two that start the same at
        the same time get the same execution (API reference: StartPipelineExecution, ClientRequestToken).
        """
        sagemaker = self.target.clients("sagemaker")
        before = next(_executions(sagemaker, self.pipeline), {}).get("PipelineExecutionArn", "")
        said = json.dumps([self.definition, dict(self.parameters), before], sort_keys=True)
        arn: str = sagemaker.start_pipeline_execution(
            PipelineName=self.pipeline,
            PipelineParameters=[{"Name": name, "Value": value} for name, value in self.parameters.items()],
            ClientRequestToken=hashlib.sha256(said.encode()).hexdigest()[:_TOKEN],
        )["PipelineExecutionArn"]
        return arn

    def already(self) -> dict[str, Any] | None:
        """The execution that has made, or is making, the same from the same; None if there is none.

        Newest first, back to the first one of another definition: what was undone since is to be made again. One of
        this definition with other parameters, such as a retraining, says nothing of either.
        """
        sagemaker = self.target.clients("sagemaker")
        for execution in itertools.islice(_executions(sagemaker, self.pipeline), LOOKED_AT):
            if execution["PipelineExecutionStatus"] not in COUNTED:
                continue
            arn = execution["PipelineExecutionArn"]
            ran = sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
            if json.loads(ran["PipelineDefinition"]) != self.definition:
                return None
            if effective(self.definition, _parameters(sagemaker, arn)) == self.inputs:
                return execution
        return None


def of(target: Target, data: str | None, until: date, given: Mapping[str, str], commit: str) -> Training:
    """What a run would be made from: `data` is a folder to upload as the snapshot of `until`, an address in S3, or
    None for the newest snapshot.

    Raises UsageError for a model that is not trained here, a parameter that its pipeline does not have, and no data.
    """
    _check_trained(target)
    definition = _definition(target)
    declared = {each["Name"] for each in definition.get("Parameters", [])}
    place = target.settings.retraining.data_parameter
    _check_parameters(given, declared, place)
    parameters = dict(given)
    if COMMIT in declared:
        parameters.setdefault(COMMIT, commit)
    if place in declared:
        parameters[place] = _data(target, data, until)
    elif data:
        raise UsageError(f"--data {data}: pipeline {target.names.pipeline} has no parameter {place} to take it")
    return Training(target, definition, parameters)


def effective(definition: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """The value of each parameter, the definition's own where none is given; SageMaker lists either those or all."""
    values = {}
    for each in definition.get("Parameters", []):
        value = given.get(each["Name"], each.get("DefaultValue", ""))
        values[each["Name"]] = _plain(each.get("Type"), value)
    values.pop(COMMIT, None)
    return values


def _plain(kind: object, value: object) -> str:
    """A value as text, alike however it was written."""
    text = str(value)
    if kind == "Boolean":
        return text.lower()
    if kind in ("Float", "Integer"):
        return f"{float(text):g}" if _is_number(text) else text
    return text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_trained(target: Target) -> None:
    public, settings = target.names.public, target.settings
    if elsewhere := settings.release.takes_from:
        raise UsageError(f"{target.title}: is not trained here: mlops train --env {elsewhere} --model {public}")
    if not settings.trains:
        raise UsageError(f"{target.title}: is switched off; set enabled = true of [models.{target.names.folder}]")


def _check_parameters(given: Mapping[str, str], declared: set[str], place: str) -> None:
    for name in given:
        if name == place:
            raise UsageError(f"--parameter {name}: the data are named by --data")
        if name not in declared:
            near = difflib.get_close_matches(name, declared, n=1) or sorted(declared)
            raise UsageError(f"--parameter {name}: the pipeline has no such parameter; use {', '.join(near)}")


def _definition(target: Target) -> dict[str, Any]:
    """The definition that is deployed; raises CommandError where none is."""
    try:
        answer = target.clients("sagemaker").describe_pipeline(PipelineName=target.names.pipeline)
    except ClientError as error:
        if aws.is_missing(error, "ResourceNotFound"):
            stack = target.names.training_stack
            raise CommandError(
                f"pipeline {target.names.pipeline}: does not exist; deploy it: npx cdk deploy {stack} "
                f"-c env={target.environment}"
            ) from error
        raise
    definition: dict[str, Any] = json.loads(answer["PipelineDefinition"])
    return definition


def _data(target: Target, data: str | None, until: date) -> str:
    if data and data.startswith("s3://"):
        return data
    bucket = target.output(target.foundation_stack, "DataBucket")
    snapshots = Snapshots(target.clients("s3"), bucket, target.settings.training.data_prefix)
    if data:
        return snapshots.upload(Path(data), until)
    newest = snapshots.newest()
    if not newest:
        raise UsageError(
            f"{target.title}: no data below s3://{bucket}/{snapshots.prefix}/until=…/; give --data FOLDER, which "
            "uploads it"
        )
    return newest


def _executions(sagemaker: Any, pipeline: str) -> Iterator[dict[str, Any]]:
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending"
    )
    return (each for page in pages for each in page["PipelineExecutionSummaries"])


def _parameters(sagemaker: Any, arn: str) -> dict[str, str]:
    pages = sagemaker.get_paginator("list_pipeline_parameters_for_execution").paginate(PipelineExecutionArn=arn)
    return {each["Name"]: each["Value"] for page in pages for each in page["PipelineParameters"]}
