"""A VPC without a way to the internet: private subnets, security groups, and endpoints for the services that are used.

Of CloudFormation's resources, not of CDK's `ec2.Vpc`: that looks zones up where account and region are known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from mlops_constructs.acknowledge import acknowledge, acknowledge_in_standards
from mlops_constructs.network_settings import NetworkSettings
from mlops_constructs.vpc_endpoints import VpcEndpoints

_HTTPS = 443
_LOGGED = "Its flow logs are in the foundation stack, with the key of their log group; the rule looks at one stack."
_CLOSED = (
    "A custom resource of the foundation stack takes all rules from it, which CloudFormation cannot. Nothing is in it."
)
_EACH_OTHER = (
    "Only from the group itself, which is in private subnets: the machines of one job. Spark chooses its ports, and "
    "encryption between containers takes protocols of its own."
)


@dataclass(frozen=True)
class VpcPlace:
    """Where in a VPC functions, jobs and models run; default_group: of a VPC of the environment's own."""

    vpc_id: str
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]
    default_group: str = ""

    @classmethod
    def given(cls, settings: NetworkSettings) -> "VpcPlace":
        """The VPC that the configuration names."""
        return cls(settings.vpc_id, settings.subnet_ids, settings.security_group_ids)


class PrivateNetwork(Construct):
    """One subnet a zone, all with the VPC's own routes and those of the gateway endpoints, and no others.

    accounts: whose principals may use the endpoints, and whose buckets may be reached. demands: services that only some
    environments call (`vpc_endpoints.ON_DEMAND`).

    ```python
    import aws_cdk as cdk

    from mlops_constructs import NetworkSettings, PrivateNetwork

    app = cdk.App()
    stack = cdk.Stack(app, "shop-prod-network")
    settings = NetworkSettings(
        mode="vpc", cidr="10.0.0.0/20", availability_zones=2, vpc_id="", subnet_ids=(), security_group_ids=()
    )
    network = PrivateNetwork(stack, "Network", settings=settings, accounts=[stack.account], demands=[])

    app.synth()
    ```
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: NetworkSettings,
        accounts: Sequence[str],
        demands: Sequence[str],
    ) -> None:
        super().__init__(scope, construct_id)
        self.vpc = ec2.CfnVPC(
            self,
            "Vpc",
            cidr_block=settings.cidr,
            # Both are needed for the endpoints' names (PrivateLink guide: private DNS).
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=[cdk.CfnTag(key="Name", value=cdk.Stack.of(self).stack_name)],
        )
        acknowledge(self.vpc, {"AwsSolutions-VPC7": _LOGGED})
        acknowledge_in_standards(self.vpc, {"VPCFlowLogsEnabled": _LOGGED, "VPCDefaultSecurityGroupClosed": _CLOSED})
        self.subnets = [self._build_subnet(position, block) for position, block in enumerate(settings.subnet_blocks)]
        route_table = self._build_routes()
        self.workloads = self._build_workloads_group()
        self.endpoints = VpcEndpoints(
            self,
            "Endpoints",
            vpc=self.vpc,
            subnet_ids=[subnet.attr_subnet_id for subnet in self.subnets],
            route_table_id=route_table.attr_route_table_id,
            clients=self.workloads,
            accounts=accounts,
            demands=demands,
        )
        self.place = VpcPlace(
            vpc_id=self.vpc.attr_vpc_id,
            subnet_ids=tuple(subnet.attr_subnet_id for subnet in self.subnets),
            security_group_ids=(self.workloads.attr_group_id,),
            default_group=self.vpc.attr_default_security_group,
        )

    def _build_subnet(self, position: int, block: str) -> ec2.CfnSubnet:
        return ec2.CfnSubnet(
            self,
            f"Subnet{position + 1}",
            vpc_id=self.vpc.attr_vpc_id,
            # Which zone that is, CloudFormation finds when it deploys.
            availability_zone=cdk.Fn.select(position, cdk.Fn.get_azs()),
            cidr_block=block,
            map_public_ip_on_launch=False,
            tags=[cdk.CfnTag(key="Name", value=f"{cdk.Stack.of(self).stack_name}-{position + 1}")],
        )

    def _build_routes(self) -> ec2.CfnRouteTable:
        table = ec2.CfnRouteTable(self, "Routes", vpc_id=self.vpc.attr_vpc_id)
        for position, subnet in enumerate(self.subnets):
            ec2.CfnSubnetRouteTableAssociation(
                self,
                f"Routes{position + 1}",
                subnet_id=subnet.attr_subnet_id,
                route_table_id=table.attr_route_table_id,
            )
        return table

    def _build_workloads_group(self) -> ec2.CfnSecurityGroup:
        """Of functions, jobs and models: they call AWS, and the machines of one job each other; nobody calls them.

        SageMaker answers for a model's endpoint, and Lambda for a function, from outside the VPC.
        """
        group = ec2.CfnSecurityGroup(
            self,
            "Workloads",
            vpc_id=self.vpc.attr_vpc_id,
            group_description="Functions, jobs and models",
            security_group_egress=[
                ec2.CfnSecurityGroup.EgressProperty(
                    # By address, since the lists of S3's and DynamoDB's have another id in each region, to be looked
                    # up. There is no route to anything but them and the VPC itself.
                    ip_protocol="tcp",
                    from_port=_HTTPS,
                    to_port=_HTTPS,
                    cidr_ip="0.0.0.0/0",
                    description="AWS services, by the endpoints of this VPC",
                )
            ],
        )
        # All protocols: Spark chooses its ports, and encryption between containers takes UDP 500 and protocol 50
        # (developer guide: protect communications between ML compute instances in a distributed training job).
        inside = ec2.CfnSecurityGroupIngress(
            self,
            "FromEachOther",
            group_id=group.attr_group_id,
            source_security_group_id=group.attr_group_id,
            ip_protocol="-1",
            description="Machines of one job",
        )
        acknowledge_in_standards(inside, {"EC2RestrictedCommonPorts": _EACH_OTHER})
        ec2.CfnSecurityGroupEgress(
            self,
            "ToEachOther",
            group_id=group.attr_group_id,
            destination_security_group_id=group.attr_group_id,
            ip_protocol="-1",
            description="Machines of one job",
        )
        return group
