"""A role that SageMaker assumes for jobs, pipelines or models, and the grants that all of those need."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from mlops_constructs.access import NO_RESOURCE, allow
from mlops_constructs.images import ContainerImage
from mlops_constructs.network import Network

_METRIC_NAMESPACES = ("AWS/SageMaker", "aws/sagemaker/*", "/aws/sagemaker/*")


class SageMakerRole(iam.Role):
    """Starts with nothing but the trust; every right is granted by name."""

    def __init__(self, scope: Construct, construct_id: str, *, description: str) -> None:
        super().__init__(
            scope,
            construct_id,
            description=description,
            assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
        )

    def grant_pull(self, image: ContainerImage) -> None:
        """Let this role start containers of `image`."""
        allow(
            self,
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [image.repository_arn],
        )
        allow(self, ["ecr:GetAuthorizationToken"], ["*"], why=f"{NO_RESOURCE}.")

    def grant_logs(self, group_prefix: str) -> None:
        """Let containers write to log groups whose names start with `group_prefix`."""
        groups = cdk.Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"{group_prefix}*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(
            self,
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            [groups],
            why="SageMaker names log groups below this prefix, and their streams after jobs and instances.",
        )

    def grant_metrics(self, namespaces: Sequence[str] = _METRIC_NAMESPACES) -> None:
        """Let containers publish metrics into these of SageMaker's namespaces."""
        allow(
            self,
            ["cloudwatch:PutMetricData"],
            ["*"],
            conditions={"StringLike": {"cloudwatch:namespace": list(namespaces)}},
            why=f"{NO_RESOURCE}; a condition limits it to SageMaker's namespaces.",
        )

    def grant_volumes(self, key: kms.IKey) -> None:
        """Let SageMaker attach volumes encrypted with `key` to this role's instances: it makes grants on the key.

        Without the condition `kms:GrantIsForAWSResource`, as the developer guide (execution roles) has it:
        SageMaker's requests do not fulfill it.
        """
        allow(self, ["kms:CreateGrant", "kms:DescribeKey"], [key.key_arn])

    def grant_network(self, network: Network | None) -> None:
        """Let SageMaker connect this role's instances to the environment's private network, if it has one."""
        if network:
            self.add_managed_policy(network.jobs)

    def grant_pass_to_sagemaker(self) -> None:
        """Let this role start jobs that run as this role."""
        allow(
            self,
            ["iam:PassRole"],
            [self.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
