"""Removes an environment, and says what stays: what nobody may remove, what costs, what never was a stack's."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from mlops import aws
from mlops.pipelines import RUNNING
from mlops_constructs.naming import EnvironmentNames, ModelNames

RETAINED = ("Retain", "RetainExceptOnCreate")

_KINDS: Mapping[str, tuple[str, str]] = {
    "AWS::Backup::BackupVault": ("backups of the ledger", "by the GB"),
    "AWS::DynamoDB::Table": ("who decided what, and when", "by the GB"),
    "AWS::KMS::Key": ("without it nothing that is kept can be read", "the list price of a key, each month"),
    "AWS::Logs::LogGroup": ("kept for the days of log_retention_days, then gone", "by the GB, until then"),
    "AWS::S3::Bucket": ("data, versions, answers and evidence, for as long as the law asks for them", "by the GB"),
    "AWS::SageMaker::FeatureGroup": ("what was known, and when", "by the GB, of the online store most"),
    "AWS::SageMaker::ModelPackageGroup": ("the registered versions, and who approved them", "nothing"),
    "AWS::SQS::Queue": ("what could not be delivered", "nothing, while nobody asks it"),
}
"""Why each kind is kept where retain is true, and what it costs then."""

_GONE = ("CREATE_FAILED", "DELETE_COMPLETE")


@dataclass(frozen=True)
class Kept:
    """A resource that outlives its stack."""

    stack: str
    kind: str
    name: str

    @property
    def why(self) -> str:
        return _KINDS.get(self.kind, ("its template says so", "see its service's prices"))[0]

    @property
    def costs(self) -> str:
        return _KINDS.get(self.kind, ("its template says so", "see its service's prices"))[1]


@dataclass(frozen=True)
class Inventory:
    """An environment before it is removed: its stacks, those that are protected, what outlives them."""

    stacks: tuple[str, ...]
    protected: tuple[str, ...]
    kept: tuple[Kept, ...]


def stack_names(names: EnvironmentNames, models: Iterable[ModelNames]) -> list[str]:
    """Every stack that the environment can have."""
    return sorted([*names.stacks, *(stack for model in models for stack in model.stacks)])


def observe(cloudformation: Any, names: Sequence[str]) -> Inventory:
    """What is there of these stacks, and what will stay of it by the templates that were deployed."""
    stacks: list[str] = []
    protected: list[str] = []
    kept: list[Kept] = []
    for name in names:
        try:
            described = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if aws.is_missing(error):
                continue
            raise
        if described["StackStatus"] == "DELETE_COMPLETE":
            continue
        stacks.append(name)
        if described.get("EnableTerminationProtection"):
            protected.append(name)
        kept += _kept(cloudformation, name)
    return Inventory(tuple(stacks), tuple(protected), tuple(kept))


def strangers(cloudformation: Any, names: EnvironmentNames, known: Sequence[str]) -> list[str]:
    """Stacks by the environment's names that its configuration does not have: CDK removes what its app knows."""
    pages = cloudformation.get_paginator("list_stacks").paginate()
    return sorted(
        each["StackName"]
        for page in pages
        for each in page["StackSummaries"]
        if each["StackName"].startswith(f"{names.base}-")
        and each["StackStatus"] != "DELETE_COMPLETE"
        and "ParentId" not in each
        and each["StackName"] not in known
    )


def unprotect(cloudformation: Any, stacks: Iterable[str]) -> None:
    for stack in stacks:
        cloudformation.update_termination_protection(StackName=stack, EnableTerminationProtection=False)


def stop_executions(sagemaker: Any, pipelines: Iterable[str]) -> list[str]:
    """Ask those that run to stop: SageMaker removes no pipeline that runs (API reference: DeletePipeline)."""
    stopped = []
    for pipeline in pipelines:
        for arn in _running(sagemaker, pipeline):
            sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=arn[-12:].rjust(32, "0"))
            stopped.append(arn)
    return stopped


def running(sagemaker: Any, pipelines: Iterable[str]) -> list[str]:
    """ARNs of the executions that have not come to their end."""
    return [arn for pipeline in pipelines for arn in _running(sagemaker, pipeline)]


def container_logs(logs: Any, names: EnvironmentNames) -> list[str]:
    """Log groups that SageMaker made for the environment's endpoints: no stack has them."""
    pages = logs.get_paginator("describe_log_groups").paginate(
        logGroupNamePrefix=f"/aws/sagemaker/Endpoints/{names.base}-"
    )
    return [group["logGroupName"] for page in pages for group in page["logGroups"]]


def remove_logs(logs: Any, groups: Iterable[str]) -> None:
    for group in groups:
        logs.delete_log_group(logGroupName=group)


def lines(inventory: Inventory, logs: Sequence[str], *, retain: bool) -> list[str]:
    """What will go and what will stay, before anything is done."""
    told = [f"{len(inventory.stacks)} stacks go: {', '.join(inventory.stacks) or 'none is there'}"]
    if inventory.protected:
        told.append(f"of these, {len(inventory.protected)} are protected from deletion; the protection goes first")
    told += [f"stays: {each.kind} {each.name}: {each.why}; costs {each.costs}" for each in inventory.kept]
    if inventory.stacks and not inventory.kept:
        told.append("nothing of the stacks stays: retain is false")
    told += [f"{'stays' if retain else 'goes'}: log group {group}, made by SageMaker" for group in logs]
    told.append(
        "stays: model cards, lineage and figures, which cost nothing and belong to no stack; CDK's bootstrap and "
        "CloudTrail's account-wide history, which are the account's"
    )
    return told


def _kept(cloudformation: Any, stack: str) -> Iterator[Kept]:
    body = cloudformation.get_template(StackName=stack)["TemplateBody"]
    resources = (json.loads(body) if isinstance(body, str) else body)["Resources"]
    retained = {name: each["Type"] for name, each in resources.items() if each.get("DeletionPolicy") in RETAINED}
    if not retained:
        return
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for each in page["StackResourceSummaries"]:
            # What was never made, or is gone already, keeps its line in the stack (API reference: ListStackResources).
            if each["LogicalResourceId"] in retained and each.get("ResourceStatus") not in _GONE:
                kind = retained[each["LogicalResourceId"]]
                yield Kept(stack, kind, str(each.get("PhysicalResourceId", "")))


def _running(sagemaker: Any, pipeline: str) -> list[str]:
    try:
        pages = list(sagemaker.get_paginator("list_pipeline_executions").paginate(PipelineName=pipeline))
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFound":
            return []
        raise
    return [
        each["PipelineExecutionArn"]
        for page in pages
        for each in page["PipelineExecutionSummaries"]
        if each["PipelineExecutionStatus"] in RUNNING
    ]
