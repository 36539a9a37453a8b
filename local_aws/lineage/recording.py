"""What AWS records by itself, as jobs end, model packages change and endpoints come into service.

Source: developer guide, lineage-tracking-auto-creation, for the entities and their SourceUri; SageMaker Python SDK,
tests/integ/sagemaker/lineage, for types and directions: a model package is an artifact of type Model whose SourceUri
is its ARN; image and model contribute to it and to a deployment, and the deployment is associated with its endpoint.
Names of actions and contexts end as SageMaker's do; no documentation promises them.

Left out: checkpoints of jobs that ended without any, algorithms of a model package, cross-account entities, and
experiments, so a job's trial component belongs to no trial.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_aws.core import store
from local_aws.core.api import Context
from local_aws.lineage import graph
from local_aws.lineage.graph import ACTION, ARTIFACT, CONTEXT, TRIAL_COMPONENT
from local_aws.sagemaker import (
    endpoint_configs,
    models,
    package_groups,
    processing,
    registry,
    sharing,
    times,
    training,
    transform,
)
from local_aws.sagemaker.jobs import Kind as JobKind

Row = dict[str, Any]
Recorder = Callable[[Context, Row], None]

_ENDED = ("Completed", "Failed", "Stopped")
_LONGEST_NAME = 120
_LONGEST_VALUE = 2500


def record(ctx: Context, source: str, detail_type: str, detail: Row, _resources: list[str]) -> None:
    """Record what one of SageMaker's events tells of; nothing where the event is another."""
    recorder = _RECORDERS.get(detail_type)
    if source == "aws.sagemaker" and recorder is not None:
        recorder(ctx, detail)


def _training(ctx: Context, detail: Row) -> None:
    row = _ended(ctx, training.KIND, detail)
    if row is None:
        return
    inputs = [(channel["DataSource"]["S3DataSource"]["S3Uri"], "DataSet") for channel in row.get("InputDataConfig", [])]
    if image := row["AlgorithmSpecification"].get("TrainingImage"):
        inputs.append((image, "Image"))
    outputs = []
    if model := row.get("ModelArtifacts", {}).get("S3ModelArtifacts"):
        outputs.append((model, "Model"))
        if checkpoint := row.get("CheckpointConfig", {}).get("S3Uri"):
            outputs.append((checkpoint, "Checkpoint"))
    _job(ctx, training.KIND, row, inputs, outputs)


def _processing(ctx: Context, detail: Row) -> None:
    row = _ended(ctx, processing.KIND, detail)
    if row is None:
        return
    inputs = [(item["S3Input"]["S3Uri"], "DataSet") for item in row.get("ProcessingInputs", []) if "S3Input" in item]
    inputs.append((row["AppSpecification"]["ImageUri"], "Image"))
    given = row.get("ProcessingOutputConfig", {}).get("Outputs", [])
    outputs = [(item["S3Output"]["S3Uri"], "DataSet") for item in given if "S3Output" in item]
    _job(ctx, processing.KIND, row, inputs, outputs if row["ProcessingJobStatus"] == "Completed" else [])


def _transform(ctx: Context, detail: Row) -> None:
    row = _ended(ctx, transform.KIND, detail)
    if row is None:
        return
    inputs = [(row["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"], "DataSet")]
    outputs = [(row["TransformOutput"]["S3OutputPath"], "DataSet")]
    _job(ctx, transform.KIND, row, inputs, outputs if row["TransformJobStatus"] == "Completed" else [])


def _ended(ctx: Context, kind: JobKind, detail: Row) -> Row | None:
    """The job's row if it has ended."""
    if detail[f"{kind.prefix}Status"] not in _ENDED:
        return None
    return kind.table.get((ctx.account, ctx.region, detail[f"{kind.prefix}Name"]))


def _job(ctx: Context, kind: JobKind, row: Row, inputs: list[tuple[str, str]], outputs: list[tuple[str, str]]) -> None:
    """A trial component for the job, and what went into it and came out."""
    name = f"{kind.name(row)}-aws-{kind.arn_type}"
    component = graph.ensure(
        ctx,
        TRIAL_COMPONENT,
        name,
        {
            "TrialComponentName": name,
            "DisplayName": name,
            "Source": {"SourceArn": kind.arn(row), "SourceType": f"SageMaker{kind.prefix}"},
            "Status": {"PrimaryStatus": kind.status(row), "Message": row.get("FailureReason")},
            "StartTime": row.get(kind.end_member.replace("End", "Start")),
            "EndTime": row.get(kind.end_member),
            "Parameters": {
                key: {"StringValue": value[:_LONGEST_VALUE]} for key, value in row.get("HyperParameters", {}).items()
            },
            "InputArtifacts": {f"{each}-{number}": {"Value": uri} for number, (uri, each) in enumerate(inputs, 1)},
            "OutputArtifacts": {f"{each}-{number}": {"Value": uri} for number, (uri, each) in enumerate(outputs, 1)},
        },
    )
    for uri, artifact_type in inputs:
        graph.ensure_association(ctx, _artifact(ctx, uri, artifact_type), component, "ContributedTo")
    for uri, artifact_type in outputs:
        graph.ensure_association(ctx, component, _artifact(ctx, uri, artifact_type), "Produced")


def _model_package(ctx: Context, detail: Row) -> None:
    """The package, its group, its containers, and an action for its registration and each change of its approval."""
    package = registry.package(ctx, detail["ModelPackageArn"])
    arn = package["ModelPackageArn"]
    artifact = _artifact(ctx, arn, "Model")
    graph.ensure_association(ctx, artifact, _group(ctx, package["ModelPackageGroupName"]), "AssociatedWith")
    for container in package.get("InferenceSpecification", {}).get("Containers", []):
        for uri, artifact_type in _parts(container):
            graph.ensure_association(ctx, _artifact(ctx, uri, artifact_type), artifact, "ContributedTo")
    if "ModelApprovalStatus" in detail.get("UpdatedModelPackageFields", ["ModelApprovalStatus"]):
        status = package["ModelApprovalStatus"]
        prefix = f"{package['ModelPackageGroupName']}-{package['ModelPackageVersion']}-{status}"
        properties = {"ModelApprovalStatus": status}
        if why := package.get("ApprovalDescription"):
            properties["ApprovalDescription"] = why
        action = _action(ctx, "Approval", arn, prefix, "model-package", properties)
        graph.ensure_association(ctx, action, artifact, "ContributedTo")


def _endpoint(ctx: Context, detail: Row) -> None:
    """The endpoint, and an action for each configuration that came into service on it."""
    if detail["EndpointStatus"] != "IN_SERVICE":
        return
    arn, name, config = detail["EndpointArn"], detail["EndpointName"], detail["EndpointConfigName"]
    served = [models.find(ctx, v["ModelName"]) for v in endpoint_configs.variants(endpoint_configs.find(ctx, config))]
    context = _context(ctx, "Endpoint", arn, name, "endpoint")
    for row in ACTION.table.rows(ctx.account, ctx.region):
        if row["Source"]["SourceUri"] == arn and row.get("Properties", {}).get("EndpointConfigName") == config:
            return  # it is in service again, after a scaling or a rollback
    deployed = _action(ctx, "ModelDeployment", arn, name, "model-deployment", {"EndpointConfigName": config})
    graph.ensure_association(ctx, deployed, context, "AssociatedWith")
    for model in served:
        parts = [(model["ModelArn"], "Model")]
        for given in model.get("Containers") or [model["PrimaryContainer"]]:
            if package := given.get("ModelPackageName"):
                parts.append((registry.package(sharing.owner(ctx, package), package)["ModelPackageArn"], "Model"))
            else:
                parts += _parts(given)
        parts += [(container["Image"], "Image") for container in model["ResolvedContainers"]]
        for uri, artifact_type in parts:
            graph.ensure_association(ctx, _artifact(ctx, uri, artifact_type), deployed, "ContributedTo")


def _parts(container: Row) -> list[tuple[str, str]]:
    parts = [(container.get("Image"), "Image"), (container.get("ModelDataUrl"), "Model")]
    return [(uri, artifact_type) for uri, artifact_type in parts if uri]


def _artifact(ctx: Context, uri: str, artifact_type: str) -> str:
    return graph.ensure(
        ctx, ARTIFACT, graph.artifact_id(uri), {"ArtifactType": artifact_type, "Source": {"SourceUri": uri}}
    )


def _group(ctx: Context, name: str) -> str:
    arn = package_groups.group(ctx, name)["ModelPackageGroupArn"]
    return _context(ctx, "ModelGroup", arn, name, "model-package-group")


def _context(ctx: Context, context_type: str, source: str, prefix: str, suffix: str) -> str:
    with store.lock:
        for row in CONTEXT.table.rows(ctx.account, ctx.region):
            if (row["Source"]["SourceUri"], row["ContextType"]) == (source, context_type):
                return CONTEXT.arn(row)
        name = _name(prefix, suffix)
        members = {"ContextName": name, "ContextType": context_type, "Source": {"SourceUri": source}}
        return graph.ensure(ctx, CONTEXT, name, members)


def _action(ctx: Context, action_type: str, source: str, prefix: str, suffix: str, properties: Row) -> str:
    name = _name(prefix, suffix)
    members = {
        "ActionName": name,
        "ActionType": action_type,
        "Source": {"SourceUri": source},
        "Status": "Completed",
        "Properties": properties,
    }
    return graph.ensure(ctx, ACTION, name, members)


def _name(prefix: str, suffix: str) -> str:
    """A name that no other entity has, as "loans-1700000000000-aws-endpoint"."""
    end = f"-{times.milliseconds(store.now())}-aws-{suffix}"
    return f"{prefix[: _LONGEST_NAME - len(end)].rstrip('-')}{end}"


_RECORDERS: dict[str, Recorder] = {
    "SageMaker Training Job State Change": _training,
    "SageMaker Processing Job State Change": _processing,
    "SageMaker Transform Job State Change": _transform,
    "SageMaker Model Package State Change": _model_package,
    "SageMaker Endpoint State Change": _endpoint,
}
