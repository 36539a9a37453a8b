"""Who of another account may see that a model got worse here."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.naming import EnvironmentNames, ModelNames
from mlops_constructs.retraining_access import READ


class DegradationReader(Construct):
    """A role for the retraining controller of `trainer`, an environment of `account` whose versions serve here.

    Neither alarms nor parameters have a policy that would let another account in, so it takes a role here, which reads
    the one alarm and which versions serve and failed. It has a name, by which the other account knows it.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, names: ModelNames, trainer: EnvironmentNames, account: str
    ) -> None:
        super().__init__(scope, construct_id)
        stack, colon = cdk.Stack.of(self), cdk.ArnFormat.COLON_RESOURCE_NAME
        callers = stack.format_arn(
            service="iam", region="", account=account, resource="role", resource_name=f"{trainer.base}-*"
        )
        trusted = iam.AccountPrincipal(account).with_conditions({"ArnLike": {"aws:PrincipalArn": callers}})
        role = iam.Role(
            self,
            "Role",
            role_name=names.degradation_reader,
            assumed_by=trusted,
            description=f"{trainer.base} sees here whether {names.public} got worse",
        )
        alarm = stack.format_arn(
            service="cloudwatch", resource="alarm", resource_name=names.degradation_alarm, arn_format=colon
        )
        allow(role, ["cloudwatch:DescribeAlarms"], [alarm])
        parameters = [names.release_parameter(each)[1:] for each in READ]
        allow(
            role,
            ["ssm:GetParameters"],
            [stack.format_arn(service="ssm", resource="parameter", resource_name=name) for name in parameters],
        )
