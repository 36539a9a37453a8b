"""When the monitoring pipeline runs: once for every window, as soon as the window's captured data are there."""

import json

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.data_protection import DataProtection
from mlops_constructs.dead_letter_queue import DeadLetterQueue
from mlops_constructs.monitoring_settings import MonitoringSettings
from mlops_constructs.naming import ModelNames

SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
"""Replaced at each start, as in 2026-11-21T01:00:00Z (user guide: context attributes)."""

_START = "arn:{partition}:scheduler:::aws-sdk:sagemaker:startPipelineExecution"
_SPREAD_MINUTES = 15
_ATTEMPTS = 10
_EVENT_AGE = cdk.Duration.hours(2)


class MonitoringSchedule(Construct):
    """Starts `pipeline` with the time that the schedule meant, so that a late start judges the window it should.

    Scheduler may start twice, and SageMaker runs it once, by its token. (A second run would cost its jobs and change
    nothing: a window counts once, as it was judged last.) What could not be started is in `dead_letters`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        settings: MonitoringSettings,
        pipeline: sagemaker.CfnPipeline,
        protection: DataProtection,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = DeadLetterQueue(self, "DeadLetters", protection=protection)
        role = self._build_role(names)
        self.schedule = scheduler.CfnSchedule(
            self,
            "Resource",
            name=names.monitoring_schedule,
            description=f"Starts {names.monitoring_pipeline} for each window of {settings.window_hours} h",
            schedule_expression=cron(settings.window_hours, settings.delay_minutes),
            schedule_expression_timezone="UTC",
            # Spread, so that the models of an account do not ask for their instances in the same minute.
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(
                mode="FLEXIBLE", maximum_window_in_minutes=_SPREAD_MINUTES
            ),
            state="ENABLED",
            target=scheduler.CfnSchedule.TargetProperty(
                arn=_START.format(partition=cdk.Stack.of(self).partition),
                role_arn=role.role_arn,
                input=_request(names),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=_EVENT_AGE.to_seconds(), maximum_retry_attempts=_ATTEMPTS
                ),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=self.dead_letters.queue_arn),
            ),
        )
        self.schedule.node.add_dependency(pipeline, role)

    def _build_role(self, names: ModelNames) -> iam.Role:
        stack = cdk.Stack.of(self)
        # User guide, confused deputy prevention: a group's ARN, which the schedule's own would not be.
        group = stack.format_arn(service="scheduler", resource="schedule-group", resource_name="default")
        role = iam.Role(
            self,
            "Role",
            description=f"Starts {names.monitoring_pipeline} on schedule",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": stack.account, "aws:SourceArn": group}},
            ),
        )
        pipeline = stack.format_arn(service="sagemaker", resource="pipeline", resource_name=names.monitoring_pipeline)
        allow(role, ["sagemaker:StartPipelineExecution"], [pipeline])
        self.dead_letters.grant_send(role)
        return role


def cron(window_hours: int, delay_minutes: int) -> str:
    """In UTC, `delay_minutes` after the end of each window; windows of a day begin at midnight."""
    later, minute = divmod(delay_minutes, 60)
    hours = sorted((end + later) % 24 for end in range(0, 24, window_hours))
    listed = "*" if window_hours == 1 else ",".join(map(str, hours))
    return f"cron({minute} {listed} * * ? *)"


def _request(names: ModelNames) -> str:
    """Input of StartPipelineExecution, which Scheduler passes on as it is (user guide: universal targets).

    The token is required, 32 characters at least; an SDK would have made one up. It is the same for every attempt at
    one scheduled time, as <aws.scheduler.execution-id> is not: Scheduler gives each attempt its own.
    """
    return json.dumps(
        {
            "PipelineName": names.monitoring_pipeline,
            "ClientRequestToken": f"{names.monitoring_pipeline}-{SCHEDULED_TIME}",
            "PipelineParameters": [{"Name": "ScheduledTime", "Value": SCHEDULED_TIME}],
        }
    )
