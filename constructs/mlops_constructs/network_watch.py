"""What keeps a VPC of the environment's own honest: its traffic is logged, and its default security group is closed."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from mlops_constructs.access import NO_RESOURCE, allow
from mlops_constructs.data_protection import DataProtection
from mlops_constructs.function import PythonFunction
from mlops_constructs.private_network import VpcPlace

_OUTSIDE = (
    "It calls EC2, once, when the VPC is made: an endpoint for EC2 would let everything in the VPC call it for good."
)


class NetworkWatch(Construct):
    """With the environment's key, so where that is, and not where the VPC is, which comes before."""

    def __init__(self, scope: Construct, construct_id: str, *, place: VpcPlace, protection: DataProtection) -> None:
        super().__init__(scope, construct_id)
        self._place, self._protection = place, protection
        self._log_traffic()
        self._close_default_group()

    def _log_traffic(self) -> None:
        """All of it, what was refused included."""
        group = logs.LogGroup(
            self,
            "FlowLogs",
            encryption_key=self._protection.key,
            retention=self._protection.log_retention,
            removal_policy=self._protection.removal_policy,
        )
        account = {"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}}
        service = iam.ServicePrincipal("vpc-flow-logs.amazonaws.com", conditions=account)
        role = iam.Role(self, "FlowLogsRole", assumed_by=service, description="Writes the flow logs of the VPC")
        # VPC user guide: IAM role for publishing flow logs to CloudWatch Logs. The group is there already.
        writes = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
        allow(role, writes, [group.log_group_arn])
        allow(role, ["logs:DescribeLogGroups"], ["*"], why=f"{NO_RESOURCE}; it reads names.")
        flow_log = ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=self._place.vpc_id,
            resource_type="VPC",
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_group_name=group.log_group_name,
            deliver_logs_permission_arn=role.role_arn,
        )
        flow_log.node.add_dependency(role)

    def _close_default_group(self) -> None:
        """CloudFormation cannot take rules away that EC2 made (EC2 Security Hub control EC2.2)."""
        function = PythonFunction(
            self,
            "Closing",
            name="custom_resources",
            description="Removes the rules of the VPC's default security group",
            protection=self._protection,
            outside=_OUTSIDE,
        )
        group, role = self._place.default_group, function.execution_role
        arn = cdk.Stack.of(self).format_arn(service="ec2", resource="security-group", resource_name=group)
        allow(role, ["ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress"], [arn])
        allow(role, ["ec2:DescribeSecurityGroups"], ["*"], why=f"{NO_RESOURCE}; it reads rules.")
        resource = cdk.CustomResource(
            self,
            "DefaultGroup",
            resource_type="Custom::DefaultSecurityGroup",
            service_token=function.function_arn,
            properties={"Kind": "default-security-group", "Name": group},
        )
        resource.node.add_dependency(role)
