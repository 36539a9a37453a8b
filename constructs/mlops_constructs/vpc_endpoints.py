"""The ways from a private network to AWS: gateway endpoints for S3 and DynamoDB, interface endpoints for the rest."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

GATEWAYS = ("s3", "dynamodb")
"""boto3's names of the services that have gateway endpoints; those cost nothing."""

INTERFACES: Mapping[str, str] = {
    "sagemaker": "SAGEMAKER_API",
    "sagemaker-runtime": "SAGEMAKER_RUNTIME",
    "sagemaker-featurestore-runtime": "SAGEMAKER_FEATURESTORE_RUNTIME",
    "athena": "ATHENA",
    "cloudformation": "CLOUDFORMATION",
    "codeartifact": "CODEARTIFACT_API",
    "cloudwatch": "CLOUDWATCH_MONITORING",
    "events": "EVENTBRIDGE",
    "lambda": "LAMBDA_",
    "sns": "SNS",
    "sqs": "SQS",
    "ssm": "SSM",
}
"""By boto3's name of each service that functions, jobs and containers call, its endpoint as CDK names it.

Not here, since no code of this project calls them from within the VPC: ECR and CloudWatch Logs (SageMaker pulls images
and Lambda and SageMaker send logs from their own networks; developer guide: processing jobs in a VPC), KMS and Glue
(S3, SQS and Athena call those), Scheduler and Application Auto Scaling. tests/infra/test_network.py compares.
"""

ON_DEMAND: Mapping[str, str] = {"sts": "STS"}
"""Those that only some environments need: roles of another account are taken."""

DOWNLOADS = "CODEARTIFACT_REPOSITORIES"
"""pip's endpoint, beside that of CodeArtifact's API."""

_HTTPS = 443
_NOBODY = "255.255.255.255/32"
_RESPONSES = "cloudformation-custom-resource-response-"


class VpcEndpoints(Construct):
    """Only principals of `accounts` get through, and to S3 only to buckets of `accounts`, and two of AWS's.

    clients: the security group that may call them. demands: of ON_DEMAND, what this environment needs.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.CfnVPC,
        subnet_ids: Sequence[str],
        route_table_id: str,
        clients: ec2.CfnSecurityGroup,
        accounts: Sequence[str],
        demands: Sequence[str],
    ) -> None:
        super().__init__(scope, construct_id)
        self._vpc_id, self._accounts = vpc.attr_vpc_id, list(accounts)
        for service in GATEWAYS:
            ec2.CfnVPCEndpoint(
                self,
                service,
                vpc_id=self._vpc_id,
                service_name=f"com.amazonaws.{cdk.Aws.REGION}.{service}",
                vpc_endpoint_type="Gateway",
                route_table_ids=[route_table_id],
                policy_document=_policy(self._storage() if service == "s3" else [self._allow(f"{service}:*")]),
            )
        group = self._build_group(clients)
        more = {service: ON_DEMAND[service] for service in demands}
        for service, name in {**INTERFACES, **more, "packages": DOWNLOADS}.items():
            ec2.CfnVPCEndpoint(
                self,
                service,
                vpc_id=self._vpc_id,
                service_name=getattr(ec2.InterfaceVpcEndpointAwsService, name).name,
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=list(subnet_ids),
                security_group_ids=[group.attr_group_id],
                policy_document=_policy([self._allow("*")]),
            )

    def _build_group(self, clients: ec2.CfnSecurityGroup) -> ec2.CfnSecurityGroup:
        group = ec2.CfnSecurityGroup
        return group(
            self,
            "Group",
            vpc_id=self._vpc_id,
            group_description="Interface endpoints",
            security_group_ingress=[
                group.IngressProperty(
                    ip_protocol="tcp",
                    from_port=_HTTPS,
                    to_port=_HTTPS,
                    source_security_group_id=clients.attr_group_id,
                    description="Functions, jobs and models",
                )
            ],
            # Endpoints only answer. Without a rule, EC2 would allow everything.
            security_group_egress=[
                group.EgressProperty(
                    ip_protocol="tcp", from_port=1, to_port=1, cidr_ip=_NOBODY, description="Nothing and nobody"
                )
            ],
        )

    def _storage(self) -> list[dict[str, Any]]:
        """A custom resource answers with a URL that CloudFormation signed, and so as a principal of AWS's (user guide:
        access CloudFormation using an interface endpoint, considerations). That bucket's name has the region without
        hyphens. CodeArtifact signs as well, for its bucket in the region, whose name holds an account of AWS's (user
        guide: create the S3 gateway endpoint).
        """
        region = cdk.Fn.join("", cdk.Fn.split("-", cdk.Aws.REGION))
        answers = {
            "Sid": "AnswersToCloudFormation",
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"arn:{cdk.Aws.PARTITION}:s3:::{_RESPONSES}{region}/*",
        }
        packages = {
            "Sid": "PackagesOfCodeArtifact",
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:{cdk.Aws.PARTITION}:s3:::assets-????????????-{cdk.Aws.REGION}/*",
        }
        return [self._allow("s3:*", {"aws:ResourceAccount": self._accounts}), answers, packages]

    def _allow(self, actions: str, conditions: Mapping[str, Sequence[str]] | None = None) -> dict[str, Any]:
        return {
            "Sid": "PrincipalsOfTheseAccounts",
            "Effect": "Allow",
            "Principal": "*",
            "Action": actions,
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalAccount": self._accounts, **(conditions or {})}},
        }


def _policy(statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
