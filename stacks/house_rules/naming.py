"""What is named fits: tags for who pays, names within AWS's limits, parameters that exist."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stacks.house_rules import schemas
from stacks.house_rules.findings import Breach, Expected
from stacks.house_rules.templates import Resource, Templates, at, flat, items

UNTAGGED = {
    "AWS::SageMaker::FeatureGroup": "for another tag CloudFormation would replace it, which its name forbids",
}
"""What takes tags and need not have them, with the reason."""

LIMITS = {
    ("AWS::Athena::WorkGroup", "Name"): 128,
    ("AWS::CloudWatch::Dashboard", "DashboardName"): 255,
    ("AWS::CodePipeline::Pipeline", "Name"): 100,
    ("AWS::Events::EventBus", "Name"): 256,
    ("AWS::Events::Rule", "Name"): 64,
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"): 128,
    ("AWS::IAM::Policy", "PolicyName"): 128,
    ("AWS::IAM::Role", "RoleName"): 64,
    ("AWS::Lambda::Function", "FunctionName"): 64,
    ("AWS::S3::Bucket", "BucketName"): 63,
    ("AWS::SNS::Topic", "TopicName"): 256,
    ("AWS::SQS::Queue", "QueueName"): 80,
    ("AWS::SageMaker::Endpoint", "EndpointName"): 63,
    ("AWS::SageMaker::EndpointConfig", "EndpointConfigName"): 63,
    ("AWS::SageMaker::FeatureGroup", "FeatureGroupName"): 64,
    ("AWS::SageMaker::Model", "ModelName"): 63,
    ("AWS::SageMaker::ModelPackageGroup", "ModelPackageGroupName"): 63,
    ("AWS::SageMaker::MonitoringSchedule", "MonitoringScheduleName"): 63,
    ("AWS::SageMaker::Pipeline", "PipelineName"): 256,
    ("AWS::Scheduler::Schedule", "Name"): 64,
}
"""Longest names by the API references, where CloudFormation's schemas are silent or more generous."""

# The longest that each can be.
_PSEUDO = {
    "AWS::AccountId": "1" * 12,
    "AWS::Partition": "aws-us-gov",
    "AWS::Region": "ap-southeast-99",
    "AWS::URLSuffix": "amazonaws.com.cn",
    "AWS::StackName": "",
}
_UNKNOWN = re.compile(r"<[^>]*>")


def tagged(templates: Templates, expected: Expected) -> Iterator[Breach]:
    for resource in templates.resources():
        place = "" if resource.kind in UNTAGGED else schemas.tag_property(resource.kind)
        if not place:
            continue
        tags = _tags(resource.properties.get(place))
        wanted = expected.tags_of(resource.stack)
        if missing := [f"{key} = {value}" for key, value in wanted.items() if tags.get(key) != value]:
            yield resource, place, f"tag it: {', '.join(missing)}"


def _tags(value: Any) -> dict[str, str]:
    """As a list of keys and values, or as an object."""
    if isinstance(value, Mapping):
        return {key: flat(each) for key, each in value.items()}
    return {str(at(each, "Key")): flat(at(each, "Value")) for each in items(value)}


def names_fit(templates: Templates, _: Expected) -> Iterator[Breach]:
    for resource in templates.resources():
        for name, value in resource.properties.items():
            limit = LIMITS.get((resource.kind, name)) or schemas.longest(resource.kind, name)
            length = len(_at_its_longest(value)) if limit else 0
            if limit and length > limit:
                yield (
                    resource,
                    name,
                    f"shorten {name} by {length - limit}: it can have {length} characters, AWS allows {limit}",
                )


def _at_its_longest(value: Any) -> str:
    """What is known of a text; other references count for nothing, so that nothing is refused by a guess."""
    text = flat(value)
    for name, longest in _PSEUDO.items():
        text = text.replace(f"<{name}>", longest).replace(f"${{{name}}}", longest)
    return _UNKNOWN.sub("", text)


def parameters_exist(templates: Templates, _: Expected) -> Iterator[Breach]:
    """CloudFormation looks such a parameter up before anything else, and takes no empty name."""
    for stack, body in templates.by_stack.items():
        for name, parameter in body.get("Parameters", {}).items():
            if str(parameter["Type"]).startswith("AWS::SSM::Parameter::") and not parameter.get("Default"):
                where = Resource(stack, name, "Parameter", parameter)
                yield (
                    where,
                    f"Parameters.{name}",
                    "name the SSM parameter as its Default: an empty one stops the deployment",
                )
