"""What the release controller of a model may do: one method for each thing that it works with."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from mlops_constructs.access import NO_RESOURCE, allow
from mlops_constructs.foundation import Foundation
from mlops_constructs.model_metrics import RELEASE_NAMESPACE
from mlops_constructs.naming import ModelNames, ReleaseParameter, SharedParameter
from mlops_constructs.registry import Registry

OWN_EVENTS = "mlops.release"
"""The source of the controller's own events on the default bus."""

_WRITTEN = [each for each in ReleaseParameter if each is not ReleaseParameter.ALLOWED]
_VERSIONS = "The registry numbers a group's versions; the wildcard stands for the number."


class ReleaseAccess:
    """Grants to `role`, which is the controller's of the model `names`; `registry` is where its versions are."""

    def __init__(self, role: iam.IRole, *, names: ModelNames, registry: Registry) -> None:
        self._role, self._names, self._registry = role, names, registry
        self._stack = cdk.Stack.of(role)

    def to_parameters(self) -> None:
        """Read the release state, write all of it but what a second person let in.

        CloudFormation resolves the serving stack's parameters with the rights of who asks for the update, those
        of another environment's foundation in the account too.
        """
        read = [self._names.release_parameter(each) for each in ReleaseParameter]
        if self._registry.names != self._names and not self._registry.elsewhere:
            source = self._registry.environment_names
            read += [source.shared_parameter(each) for each in SharedParameter]
        written = [self._names.release_parameter(each) for each in _WRITTEN]
        champion = self._names.release_parameter(ReleaseParameter.CHAMPION)
        allow(self._role, ["ssm:GetParameters"], [self._parameter(name) for name in read])
        allow(self._role, ["ssm:PutParameter"], [self._parameter(name) for name in written])
        allow(self._role, ["ssm:LabelParameterVersion"], [self._parameter(champion)])

    def to_serving(self) -> None:
        """Update the serving stack, look at its endpoint and alarms, move the weights of its variants.

        No iam:PassRole: CloudFormation keeps the role that deployed the stack, CDK's execution role, for
        every later operation that names none.
        """
        stack, colon = self._names.serving_stack, cdk.ArnFormat.COLON_RESOURCE_NAME
        allow(
            self._role,
            ["cloudformation:UpdateStack", "cloudformation:DescribeStacks", "cloudformation:DescribeStackEvents"],
            [self._arn("cloudformation", "stack", f"{stack}/*")],
            why="The end of a stack's ARN is an id that CloudFormation gives it; the stack's name is exact.",
        )
        allow(
            self._role,
            ["cloudwatch:DescribeAlarms"],
            [self._arn("cloudwatch", "alarm", f"{stack}-*", colon)],
            why="The names of this stack's alarms start with the stack's name; CloudFormation generates their end.",
        )
        allow(
            self._role,
            ["sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"],
            [self._arn("sagemaker", "endpoint", self._names.endpoint)],
        )

    def to_registry(self) -> None:
        """Find versions and read what is known of them."""
        allow(
            self._role,
            ["sagemaker:ListModelPackages"],
            ["*"],
            why=f"{NO_RESOURCE}; it reads names and states.",
        )
        allow(self._role, ["sagemaker:DescribeModelPackage"], [self._versions()], why=_VERSIONS)

    def to_retirement(self, foundation: Foundation) -> None:
        """Copy what belongs to a version into the archive, and remove it from the registry."""
        foundation.artifacts.grant_read_below(self._role, self._names.folder)
        foundation.artifacts.grant_write_below(self._role, self._names.archive)
        allow(self._role, ["sagemaker:DeleteModelPackage"], [self._versions()], why=_VERSIONS)

    def to_tell(self, foundation: Foundation) -> None:
        """Append to the ledger under the model's lock, notify people, and tell other programs by events."""
        foundation.ledger.grant_append(self._role, self._names.public)
        foundation.ledger.grant_lock(self._role, self._names.public)
        allow(self._role, ["sns:Publish"], [foundation.topic.topic_arn])
        allow(self._role, ["kms:Decrypt", "kms:GenerateDataKey"], [foundation.protection.key.key_arn])
        allow(
            self._role,
            ["events:PutEvents"],
            [self._arn("events", "event-bus", "default")],
            conditions={"StringEquals": {"events:source": OWN_EVENTS}},
        )

    def to_metrics(self) -> None:
        """Publish how long a candidate is overdue (model_metrics.overdue)."""
        allow(
            self._role,
            ["cloudwatch:PutMetricData"],
            ["*"],
            conditions={"StringEquals": {"cloudwatch:namespace": RELEASE_NAMESPACE}},
            why=f"{NO_RESOURCE}; a condition limits it to the namespace of releases.",
        )

    def to_tests(self, function: lambda_.IFunction) -> None:
        """Have a released version tested."""
        allow(self._role, ["lambda:InvokeFunction"], [function.function_arn])

    def _parameter(self, name: str) -> str:
        return self._arn("ssm", "parameter", name[1:])

    def _versions(self) -> str:
        return self._registry.versions_arn(self._stack)

    def _arn(self, service: str, resource: str, name: str, arn_format: cdk.ArnFormat | None = None) -> str:
        return self._stack.format_arn(service=service, resource=resource, resource_name=name, arn_format=arn_format)
