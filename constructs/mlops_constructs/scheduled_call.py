"""A call of an AWS API that EventBridge Scheduler makes by itself: the role it takes, and what is called."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from mlops_constructs.dead_letter_queue import DeadLetterQueue

SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
"""Replaced at each start, as in 2026-11-21T01:00:00Z (user guide: context attributes)."""

_EVENT_AGE = cdk.Duration.hours(2)


def scheduler_role(scope: Construct, *, description: str) -> iam.Role:
    """The role of the schedules in `scope`, with no rights yet; only this account's schedules take it."""
    stack = cdk.Stack.of(scope)
    # User guide, confused deputy prevention: a group's ARN, which the schedule's own would not be.
    group = stack.format_arn(service="scheduler", resource="schedule-group", resource_name="default")
    return iam.Role(
        scope,
        "Role",
        description=description,
        assumed_by=iam.ServicePrincipal(
            "scheduler.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": stack.account, "aws:SourceArn": group}},
        ),
    )


def scheduled_call(
    action: str, request: str, *, role: iam.Role, dead_letters: DeadLetterQueue, attempts: int
) -> scheduler.CfnSchedule.TargetProperty:
    """`action` as Scheduler writes it, `sagemaker:startPipelineExecution`; `request` is passed on as it is.

    What could not be called in two hours, or in so many further attempts, goes to `dead_letters`.
    """
    return scheduler.CfnSchedule.TargetProperty(
        arn=f"arn:{cdk.Stack.of(role).partition}:scheduler:::aws-sdk:{action}",
        role_arn=role.role_arn,
        input=request,
        retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
            maximum_event_age_in_seconds=_EVENT_AGE.to_seconds(), maximum_retry_attempts=attempts
        ),
        dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=dead_letters.queue_arn),
    )
