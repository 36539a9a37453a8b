"""Nothing is open to everybody, and where a VPC is asked for, nothing runs outside of it."""

import json
import re
from collections.abc import Iterator
from typing import Any

from stacks.house_rules.findings import Breach, Expected
from stacks.house_rules.templates import Resource, Templates, at, flat, items, statements

_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
_POLICIES = {
    "AWS::Backup::BackupVault": "AccessPolicy",
    "AWS::ECR::Repository": "RepositoryPolicyText",
    "AWS::IAM::Role": "AssumeRolePolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::SageMaker::ModelPackageGroup": "ModelPackageGroupPolicy",
}
_EVERYWHERE = ("0.0.0.0/0", "::/0")
_WAYS_OUT = ("AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::EgressOnlyInternetGateway")
_IN_VPC = {"AWS::Lambda::Function": "VpcConfig.SubnetIds", "AWS::SageMaker::Model": "VpcConfig.Subnets"}
_MONITORS = re.compile(r"AWS::SageMaker::(DataQuality|ModelQuality|ModelBias|ModelExplainability)JobDefinition")
# Words of a job's request that stand beside the place of its network (CreateProcessingJob, CreateTrainingJob).
_JOBS = {"ProcessingResources": "NetworkConfig.VpcConfig.Subnets", "AlgorithmSpecification": "VpcConfig.Subnets"}


def private(templates: Templates, _: Expected) -> Iterator[Breach]:
    for resource in templates.resources("AWS::S3::Bucket"):
        blocked = resource.get("PublicAccessBlockConfiguration") or {}
        if missing := [each for each in _BLOCKS if blocked.get(each) is not True]:
            yield resource, "PublicAccessBlockConfiguration", f"block public access: {', '.join(missing)}"
    for resource in templates.resources(*_POLICIES):
        for statement in statements(resource.get(_POLICIES[resource.kind])):
            if _lets_everybody(statement):
                path = _POLICIES[resource.kind]
                yield resource, path, "name who may, or a condition: a statement allows everybody"
    for resource in templates.resources("AWS::Lambda::Permission"):
        if resource.get("Principal") == "*" and not resource.get("PrincipalOrgID"):
            yield resource, "Principal", "name who may call the function"
    for resource in templates.resources("AWS::Lambda::Url"):
        if resource.get("AuthType") != "AWS_IAM":
            yield resource, "AuthType", "ask callers for their name: AuthType AWS_IAM"
    for resource in templates.resources("AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress"):
        rules = items(resource.properties.get("SecurityGroupIngress")) or [resource.properties]
        if any(at(each, key) in _EVERYWHERE for each in rules for key in ("CidrIp", "CidrIpv6")):
            yield resource, "SecurityGroupIngress", "name who may connect, not every address"
    for resource in templates.resources("AWS::EC2::Subnet"):
        if resource.get("MapPublicIpOnLaunch"):
            yield resource, "MapPublicIpOnLaunch", "give no public addresses: MapPublicIpOnLaunch false"


def _lets_everybody(statement: Any) -> bool:
    everybody = "*" in items(statement.get("Principal")) or "*" in items(at(statement, "Principal.AWS"))
    return bool(statement.get("Effect") == "Allow" and everybody and not statement.get("Condition"))


def inside_vpc(templates: Templates, expected: Expected) -> Iterator[Breach]:
    if not expected.in_vpc:
        return
    for resource in templates.resources(*_IN_VPC):
        path = _IN_VPC[resource.kind]
        if not resource.get(path):
            yield resource, path, f'run it in the VPC, since network.mode is "vpc": {path}'
    for resource in templates.resources():
        if _MONITORS.fullmatch(resource.kind) and not resource.get("NetworkConfig.VpcConfig.Subnets"):
            yield (
                resource,
                "NetworkConfig",
                'run its job in the VPC, since network.mode is "vpc": NetworkConfig.VpcConfig',
            )
    for resource in templates.resources(*_WAYS_OUT):
        yield resource, "", 'leave it out: with network.mode "vpc" there is no way to the internet'
    for resource in templates.resources("AWS::SageMaker::Pipeline"):
        for step, path in _steps_outside(resource):
            yield resource, "PipelineDefinition", f'run {step} in the VPC, since network.mode is "vpc": {path}'


def _steps_outside(pipeline: Resource) -> Iterator[tuple[str, str]]:
    for step in steps(pipeline):
        if step["Type"] == "Model" and not at(step, "Arguments.VpcConfig.Subnets"):
            yield step["Name"], "VpcConfig.Subnets"
        for request in _requests(step.get("Arguments")):
            paths = [path for word, path in _JOBS.items() if word in request]
            yield from ((step["Name"], path) for path in paths if not at(request, path))


def steps(pipeline: Resource) -> Iterator[dict[str, Any]]:
    """All steps of a pipeline's definition, those of its branches too; none where it lies in a bucket."""
    body = pipeline.get("PipelineDefinition.PipelineDefinitionBody")
    yield from _with_branches(json.loads(flat(body))["Steps"]) if body else ()


def _with_branches(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for step in found:
        yield step
        for branch in ("IfSteps", "ElseSteps"):
            arguments = step.get("Arguments")
            yield from _with_branches(arguments.get(branch, [])) if isinstance(arguments, dict) else ()


def _requests(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a step's arguments, but not those of the steps in its branches."""
    if isinstance(value, dict):
        yield value
        for key, each in value.items():
            if key not in ("IfSteps", "ElseSteps"):
                yield from _requests(each)
    elif isinstance(value, list):
        for each in value:
            yield from _requests(each)
