"""Executions of a model's pipelines with their steps, those that have not begun included."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from mlops import aws, lineage_steps
from mlops.errors import CommandError
from mlops.pipelines import RUNNING, listed_steps
from mlops.situation.facts import NOT_RUN, PENDING, Run, Step
from mlops.target import Target

TRAINING, MONITORING = "training", "monitoring"

_JOBS = ("ProcessingJob", "TrainingJob", "TransformJob", "TuningJob", "ClarifyCheck", "QualityCheck", "RegisterModel",
         "Model", "Lambda", "Callback", "EMR")  # fmt: skip


def pipelines(target: Target) -> dict[str, str]:
    """Names of a model's pipelines by their purpose, whether or not they are deployed."""
    found = {MONITORING: target.names.monitoring_pipeline} if target.settings.monitoring.enabled else {}
    return ({TRAINING: target.names.pipeline} if target.settings.trains else {}) | found


def newest(target: Target, most: int) -> list[Run]:
    """The newest executions of each pipeline, newest first, without steps."""
    found = [run for purpose in pipelines(target) for run in of(target, purpose, most)]
    return sorted(found, key=lambda run: run.began, reverse=True)


def of(target: Target, purpose: str, most: int) -> list[Run]:
    """The newest executions of one pipeline, newest first, without steps; none where it is not deployed."""
    pipeline = pipelines(target)[purpose]
    try:
        listed = target.clients("sagemaker").list_pipeline_executions(
            PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending", MaxResults=most
        )["PipelineExecutionSummaries"]
    except ClientError as error:
        if aws.is_missing(error, "ResourceNotFound"):
            return []
        raise
    return [
        Run(
            pipeline=pipeline,
            purpose=purpose,
            arn=each["PipelineExecutionArn"],
            status=each["PipelineExecutionStatus"],
            began=each["StartTime"],
            reason=each.get("PipelineExecutionFailureReason", ""),
        )
        for each in listed
    ]


def detail(target: Target, arn: str) -> Run:
    """One execution with its steps; raises CommandError if there is none, or it is no pipeline's of this model."""
    return with_answers(target, arn)[0]


def with_answers(target: Target, arn: str) -> tuple[Run, list[dict[str, Any]]]:
    """`detail`, and its steps as ListPipelineExecutionSteps has them: by their jobs one finds their logs."""
    sagemaker = target.clients("sagemaker")
    try:
        execution = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    except ClientError as error:
        if aws.is_missing(error, "ResourceNotFound"):
            raise CommandError(f"execution {arn}: does not exist; {target.command('logs')} shows the newest") from error
        raise
    pipeline = arn.split("/")[1]
    purpose = next((each for each, name in pipelines(target).items() if name == pipeline), "")
    if not purpose:
        raise CommandError(f"execution {arn}: is of pipeline {pipeline}, which is none of {target.title}")
    steps = listed_steps(sagemaker, arn)
    return of_answers(purpose, execution, steps, definition(sagemaker, arn)), steps


def definition(sagemaker: Any, arn: str) -> str:
    """The text of the definition that an execution runs; "" where it is not to be had any more."""
    try:
        found = sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
    except ClientError as error:
        if aws.is_missing(error, "ResourceNotFound"):
            return ""
        raise
    return str(found["PipelineDefinition"])


def of_answers(
    purpose: str, execution: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], definition_text: str
) -> Run:
    """An execution from what AWS says of it. Pure."""
    status = execution["PipelineExecutionStatus"]
    done = status not in RUNNING
    needs, kinds = lineage_steps.definition_needs(definition_text), dict(_kinds(definition_text))
    begun = {each["StepName"]: _step(each, needs, kinds) for each in steps}
    missing = NOT_RUN if done else PENDING
    ahead = [
        Step(name=name, status=missing, kind=kinds.get(name, ""), needs=tuple(sorted(needs[name])))
        for name in needs
        if name not in begun
    ]
    ends = [each.ended for each in begun.values() if each.ended]
    failed = next((f"{each.name}: {each.reason}" for each in begun.values() if each.status == "Failed"), "")
    return Run(
        pipeline=execution["PipelineExecutionArn"].split("/")[1],
        purpose=purpose,
        arn=execution["PipelineExecutionArn"],
        status=status,
        began=execution["CreationTime"],
        ended=(max(ends) if ends else execution["LastModifiedTime"]) if done else None,
        reason=failed or execution.get("FailureReason", "") if status != "Succeeded" else "",
        steps=tuple(_ordered([*begun.values(), *ahead])),
    )


def _step(found: Mapping[str, Any], needs: lineage_steps.Needs, kinds: Mapping[str, str]) -> Step:
    metadata: Mapping[str, Any] = found.get("Metadata", {})
    job = next((metadata[kind].get("Arn", "") for kind in _JOBS if kind in metadata), "")
    name = found["StepName"]
    return Step(
        name=name,
        status=found["StepStatus"],
        kind=kinds.get(name, ""),
        needs=tuple(sorted(needs.get(name, ()))),
        began=found.get("StartTime"),
        ended=found.get("EndTime"),
        cached="CacheHitResult" in found,
        reason=found.get("FailureReason", ""),
        outcome=metadata.get("Condition", {}).get("Outcome", ""),
        job=job,
    )


def _ordered(steps: Sequence[Step]) -> list[Step]:
    """What is needed first; otherwise as they began."""
    known = {each.name: each for each in steps}
    needs = lineage_steps.shown({each.name: frozenset(each.needs) for each in steps}, list(known))
    rows = lineage_steps.ordered([{"name": each.name} for each in steps], needs)
    return [known[row["name"]] for row in rows]


def _kinds(text: str) -> Iterator[tuple[str, str]]:
    """Types of the steps of a definition by their names, those of branches included."""
    try:
        found = json.loads(text)
    except ValueError:
        return
    waiting = list(found.get("Steps", ())) if isinstance(found, dict) else []
    while waiting:
        step = waiting.pop()
        arguments = step.get("Arguments") or {}
        yield step["Name"], step["Type"]
        waiting += [*(arguments.get("IfSteps") or ()), *(arguments.get("ElseSteps") or ())]
