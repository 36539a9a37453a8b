"""When an endpoint is stopped and started by itself: two schedules that update its stack."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.dead_letter_queue import DeadLetterQueue
from mlops_constructs.failure_alarm import FailureAlarm
from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import ModelNames
from mlops_constructs.scheduled_call import SCHEDULED_TIME, scheduled_call, scheduler_role
from mlops_constructs.settings import StopSettings
from mlops_constructs.switch_names import ASKED, OFF, ON, RUNNING

_ATTEMPTS = 30
_SSM_VALUE = "AWS::SSM::Parameter::Value<"


class StopSchedules(Construct):
    """Update the stack they stand in with its previous template, its previous parameters, and Running off or on.

    It must be made after all parameters of the stack: those that an update does not name take their defaults.
    CloudFormation carries the update out as the role that deployed the stack, so nothing is passed to it. While another
    operation of the stack runs, it refuses; what could not be asked for in two hours is in `dead_letters`, and rings.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, names: ModelNames, settings: StopSettings, foundation: Foundation
    ) -> None:
        super().__init__(scope, construct_id)
        self._stack, self._settings = cdk.Stack.of(self), settings
        self.dead_letters = DeadLetterQueue(self, "DeadLetters", protection=foundation.protection)
        role = self._build_role(names)
        times = {
            "Down": (names.stop_schedule, settings.down_cron, OFF),
            "Up": (names.start_schedule, settings.up_cron, ON),
        }
        for name, (schedule, cron, value) in times.items():
            if cron:
                self._build_schedule(name, schedule, cron, value, role)
        FailureAlarm(
            self,
            "DeadLettersWaiting",
            metric=self.dead_letters.metric_waiting(),
            topic=foundation.topic,
            description=f"The endpoint {names.endpoint} could not be stopped, or started, in time",
        )

    def _build_schedule(self, name: str, schedule: str, cron: str, value: str, role: iam.Role) -> None:
        resource = scheduler.CfnSchedule(
            self,
            name,
            name=schedule,
            description=f"Turns {self._stack.stack_name} {value}",
            schedule_expression=cron,
            schedule_expression_timezone=self._settings.timezone,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            state="ENABLED",
            target=scheduled_call(
                "cloudformation:updateStack",
                self._request(value),
                role=role,
                dead_letters=self.dead_letters,
                attempts=_ATTEMPTS,
            ),
        )
        resource.node.add_dependency(role)

    def _request(self, value: str) -> str:
        """Input of UpdateStack, which Scheduler passes on as it is (user guide: universal targets)."""
        asked = {RUNNING: value, ASKED: f"on schedule, {SCHEDULED_TIME}"}
        parameters = [
            {"ParameterKey": key, "ParameterValue": asked[key]}
            if key in asked
            else {"ParameterKey": key, "UsePreviousValue": True}
            for key in (self._stack.resolve(each.logical_id) for each in _parameters(self._stack))
        ]
        return self._stack.to_json_string(
            {
                "StackName": self._stack.stack_name,
                "UsePreviousTemplate": True,
                "Parameters": parameters,
                "Capabilities": ["CAPABILITY_IAM"],
            }
        )

    def _build_role(self, names: ModelNames) -> iam.Role:
        stack = self._stack
        role = scheduler_role(self, description=f"Stops and starts {names.endpoint} on schedule")
        allow(
            role,
            ["cloudformation:UpdateStack"],
            [stack.format_arn(service="cloudformation", resource="stack", resource_name=f"{names.serving_stack}/*")],
            why="The end of a stack's ARN is an id that CloudFormation gives it; the stack's name is exact.",
        )
        # CloudFormation reads the values behind the stack's parameters with the rights of who asks for the update.
        read = [
            stack.format_arn(service="ssm", resource="parameter", resource_name=str(each.default)[1:])
            for each in _parameters(stack)
            if each.type.startswith(_SSM_VALUE)
        ]
        allow(role, ["ssm:GetParameters"], read)
        self.dead_letters.grant_send(role)
        return role


def _parameters(stack: cdk.Stack) -> list[cdk.CfnParameter]:
    return [each for each in stack.node.find_all() if isinstance(each, cdk.CfnParameter)]
