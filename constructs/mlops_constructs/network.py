"""The private network of an environment as its constructs see it: where to run, and the rights that takes."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from mlops_constructs.access import NO_RESOURCE, allow
from mlops_constructs.naming import EnvironmentNames
from mlops_constructs.package_repository import PackageRepository
from mlops_constructs.private_network import VpcPlace

_DESCRIBE_JOBS = ("NetworkInterfaces", "Vpcs", "DhcpOptions", "Subnets", "SecurityGroups")
_INTERFACES = "Lambda and SageMaker make network interfaces as they need them; EC2 names those."
_NOT_BY_CODE = {"Null": {"lambda:SourceFunctionArn": "true"}}


class Network(Construct):
    """Two policies that functions' and SageMaker's roles share, since the rights are the same for all of them.

    Nothing in the network can use them by itself: it has no endpoint for EC2.

    ```python
    import aws_cdk as cdk

    from mlops_constructs import DataProtection, EnvironmentKey, EnvironmentNames, Network, VpcPlace

    app = cdk.App()
    names = EnvironmentNames("shop", "prod")
    stack = cdk.Stack(app, names.foundation_stack)
    key = EnvironmentKey(stack, "Key", retain=True, description="All that shop-prod stores")
    place = VpcPlace(
        vpc_id="vpc-0a1b2c3d4e5f60718",
        subnet_ids=("subnet-0a1b2c3d4e5f60718", "subnet-1a1b2c3d4e5f60718"),
        security_group_ids=("sg-0a1b2c3d4e5f60718",),
    )
    network = Network(stack, "Network", names=names, place=place, key=key)
    # What is given this runs its functions, jobs and models there.
    protection = DataProtection(key=key, retain=True, log_retention_days=365, network=network)

    app.synth()
    ```
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, names: EnvironmentNames, place: VpcPlace, key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        self.place = place
        self.functions = self._build_functions_policy()
        self.jobs = self._build_jobs_policy()
        self.packages = PackageRepository(self, "Packages", names=names, key=key)

    @property
    def vpc_config(self) -> dict[str, Any]:
        """The member VpcConfig of SageMaker's requests."""
        place = self.place
        return {"Subnets": list(place.subnet_ids), "SecurityGroupIds": list(place.security_group_ids)}

    def _build_functions_policy(self) -> iam.ManagedPolicy:
        """What Lambda asks for (developer guide: giving functions access to a VPC, required permissions).

        Lambda uses it from outside of a function; a call of the function's own code has `lambda:SourceFunctionArn`
        (same page, security best practice, which denies by that key).
        """
        policy = iam.ManagedPolicy(self, "Functions", description="Network interfaces of functions")
        self._allow_create(policy, _NOT_BY_CODE)
        allow(
            policy,
            [f"ec2:{each}" for each in ("DeleteNetworkInterface", "AssignPrivateIpAddresses")]
            + ["ec2:UnassignPrivateIpAddresses"],
            [self._arn("network-interface", "*")],
            why=_INTERFACES,
            conditions=_NOT_BY_CODE,
        )
        reads = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
        allow(policy, reads, ["*"], why=f"{NO_RESOURCE}.", conditions=_NOT_BY_CODE)
        return policy

    def _build_jobs_policy(self) -> iam.ManagedPolicy:
        """What SageMaker asks of a role of a job, a tuning or a model (developer guide: execution roles, private VPC).

        The guide has no resources. An interface's subnet is known to every request that names the interface.
        """
        policy = iam.ManagedPolicy(self, "Jobs", description="Network interfaces of SageMaker's jobs and models")
        self._allow_create(policy, None)
        subnets = [self._arn("subnet", each) for each in self.place.subnet_ids]
        allow(
            policy,
            ["ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface"],
            [self._arn("network-interface", "*")],
            why=_INTERFACES,
            conditions={"ArnEquals": {"ec2:Subnet": subnets}},
        )
        reads = [f"ec2:Describe{each}" for each in _DESCRIBE_JOBS]
        allow(policy, [*reads, "ec2:DeleteNetworkInterfacePermission"], ["*"], why=f"{NO_RESOURCE}.")
        return policy

    def _allow_create(self, policy: iam.ManagedPolicy, conditions: dict[str, dict[str, str]] | None) -> None:
        """An interface comes into a subnet, with security groups: a request has to be allowed for all of them."""
        place = self.place
        arns = [
            self._arn("network-interface", "*"),
            *(self._arn("subnet", each) for each in place.subnet_ids),
            *(self._arn("security-group", each) for each in place.security_group_ids),
        ]
        allow(policy, ["ec2:CreateNetworkInterface"], arns, why=_INTERFACES, conditions=conditions)

    def _arn(self, resource: str, name: str) -> str:
        return cdk.Stack.of(self).format_arn(service="ec2", resource=resource, resource_name=name)
