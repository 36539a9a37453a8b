"""Whether an endpoint is to be there: a parameter of its stack that the release state has nothing to do with."""

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from mlops_constructs.switch_names import ASKED, NOW, OFF, ON, RUNNING


class RunningSwitch(Construct):
    """`is_on` while the parameter Running says so. `cdk deploy` sends previous values, so it keeps it.

    The champion's variants come and go with it. The release parameters do not change, so the same champion comes back.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        running = self._parameter(RUNNING, "Whether the endpoint is there", default=ON, allowed=[ON, OFF])
        asked = self._parameter(ASKED, "When that was asked for", default="with the stack")
        self.is_on = cdk.Fn.condition_equals(running.value_as_string, ON)
        cdk.CfnOutput(self, "Output", value=running.value_as_string).override_logical_id(NOW)
        # CloudFormation refuses an update that changes no resource: without a champion nothing else would change, nor
        # where a person stopped before the schedule did.
        ssm.CfnParameter(
            self,
            "Said",
            type="String",
            description="Whether the endpoint is there, and since when it is so asked for",
            value=f"{running.value_as_string} {asked.value_as_string}",
        )

    def _parameter(
        self, name: str, description: str, *, default: str, allowed: list[str] | None = None
    ) -> cdk.CfnParameter:
        parameter = cdk.CfnParameter(
            self, name, type="String", default=default, allowed_values=allowed, description=description
        )
        parameter.override_logical_id(name)
        return parameter
