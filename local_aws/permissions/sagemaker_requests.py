"""What operations of SageMaker need. Source: service authorization reference, Amazon SageMaker AI."""

from __future__ import annotations

from typing import Any

from local_aws import seam
from local_aws.core.api import Context

Row = dict[str, Any]

# Member of a request: type of the resource that it names.
_NAMED = {
    "PipelineName": "pipeline",
    "EndpointName": "endpoint",
    "EndpointConfigName": "endpoint-config",
    "ModelName": "model",
    "ModelPackageName": "model-package",
    "ModelPackageArn": "",
    "ModelPackageGroupName": "model-package-group",
    "ModelCardName": "model-card",
    "ModelCardExportJobArn": "",
    "ProcessingJobName": "processing-job",
    "TrainingJobName": "training-job",
    "TransformJobName": "transform-job",
    "HyperParameterTuningJobName": "hyper-parameter-tuning-job",
    "MonitoringScheduleName": "monitoring-schedule",
    "FeatureGroupName": "feature-group",
    "PipelineExecutionArn": "",
    "ResourceArn": "",
    "ArtifactArn": "",
    "ActionName": "action",
    "ContextName": "context",
}
# Operations that name more than what they are about, or that IAM knows for something else.
_MEMBERS = {
    "CreateEndpoint": ("EndpointName", "EndpointConfigName"),
    "UpdateEndpoint": ("EndpointName", "EndpointConfigName"),
    "CreateTransformJob": ("TransformJobName",),
    "CreateModelPackage": ("ModelPackageGroupName",),
}
# Lists that have a resource; the others are about all.
_LISTS = {
    "ListPipelineExecutions",
    "ListPipelineExecutionSteps",
    "ListPipelineParametersForExecution",
    "ListTrainingJobsForHyperParameterTuningJob",
    "ListTags",
}
_ROLES = ("RoleArn", "ExecutionRoleArn")


def needs(ctx: Context, operation: str, params: Row) -> list[seam.Needed]:
    """The action on what it is about, the right to hand a role on, and the right to tag what it makes."""
    action = f"sagemaker:{operation}"
    resources = _resources(ctx, operation, params)
    found: list[seam.Needed] = [(action, each, _context(params)) for each in resources]
    for role in _ROLES:
        if role in params and operation.startswith(("Create", "Update")):
            found.append(("iam:PassRole", str(params[role]), {"iam:PassedToService": "sagemaker.amazonaws.com"}))
    if params.get("Tags") and operation.startswith("Create"):
        found.append(("sagemaker:AddTags", resources[0], {}))
    return found


def _resources(ctx: Context, operation: str, params: Row) -> list[str]:
    if operation == "AddAssociation":
        return [str(params["SourceArn"]), str(params["DestinationArn"])]
    if operation == "CreateArtifact":
        return [ctx.arn("artifact/new")]
    if operation == "ListModelPackages" and "ModelPackageGroupName" in params:
        return [_arn(ctx, "model-package-group", str(params["ModelPackageGroupName"]))]
    if operation == "DescribeLineageGroup" or (
        operation.startswith(("List", "Search", "Query")) and operation not in _LISTS
    ):
        return ["*"]
    members = _MEMBERS.get(operation) or [each for each in _NAMED if params.get(each)][:1]
    found = [_arn(ctx, _NAMED[each], str(params[each])) for each in members if each in params]
    if operation == "CreateModelPackage" and found:
        # A version has no number yet.
        found.append(found[0].replace(":model-package-group/", ":model-package/") + "/*")
    return found or ["*"]


def _arn(ctx: Context, kind: str, name: str) -> str:
    return name if name.startswith("arn:") or not kind else ctx.arn(f"{kind}/{name}")


def _context(params: Row) -> Row:
    """The condition keys that this project's policies ask for, and those of encryption and networks."""
    found: Row = {}
    if "ModelApprovalStatus" in params:
        found["sagemaker:ModelApprovalStatus"] = params["ModelApprovalStatus"]
    if removed := params.get("CustomerMetadataPropertiesToRemove"):
        found["sagemaker:CustomerMetadataPropertiesToRemove"] = list(removed)
    for key, value in (params.get("CustomerMetadataProperties") or {}).items():
        found[f"sagemaker:CustomerMetadataProperties/{key}"] = value
    vpc = params.get("VpcConfig") or (params.get("NetworkConfig") or {}).get("VpcConfig") or {}
    if vpc:
        found["sagemaker:VpcSubnets"] = list(vpc.get("Subnets", []))
        found["sagemaker:VpcSecurityGroupIds"] = list(vpc.get("SecurityGroupIds", []))
    isolated = params.get("EnableNetworkIsolation", (params.get("NetworkConfig") or {}).get("EnableNetworkIsolation"))
    if isolated is not None:
        found["sagemaker:NetworkIsolation"] = str(bool(isolated)).lower()
    return found
