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
from mlops_constructs.scheduled_call import SCHEDULED_TIME, scheduled_call, scheduler_role

_SPREAD_MINUTES = 15
_ATTEMPTS = 10


class MonitoringSchedule(Construct):
    """Starts `pipeline` with the time that the schedule meant, so that a late start judges the window it should.

    Scheduler may start twice, and SageMaker runs it once, by its token. (A second run would cost its jobs and change
    nothing: a window counts once, as it was judged last.) What could not be started is in `dead_letters`.

    ```python
    import aws_cdk as cdk
    from aws_cdk import aws_sagemaker as sagemaker

    from mlops_constructs import (
        DataProtection,
        EnvironmentKey,
        EnvironmentNames,
        MonitoringSchedule,
        MonitoringSettings,
        SharedFoundation,
        starting,
    )

    app = cdk.App()
    names = EnvironmentNames("shop", "dev")
    shared = cdk.Stack(app, names.foundation_stack)
    key = EnvironmentKey(shared, "Key", retain=False, description="All that shop-dev stores")
    protection = DataProtection(key=key, retain=False, log_retention_days=30)
    foundation = SharedFoundation(shared, "Shared", protection=protection, emails=["ml@example.com"]).foundation
    model = names.model("churn")
    stack = cdk.Stack(app, model.monitoring_stack)
    settings = starting(MonitoringSettings, window_hours=6)
    pipeline = sagemaker.CfnPipeline(
        stack,
        "Pipeline",
        pipeline_name=model.monitoring_pipeline,
        role_arn="arn:aws:iam::111122223333:role/monitoring",
        pipeline_definition={"PipelineDefinitionBody": '{"Version": "2020-12-01", "Steps": []}'},
    )
    schedule = MonitoringSchedule(
        stack, "Schedule", names=model, settings=settings, pipeline=pipeline, protection=protection
    )

    app.synth()
    ```
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
            target=scheduled_call(
                "sagemaker:startPipelineExecution",
                _request(names),
                role=role,
                dead_letters=self.dead_letters,
                attempts=_ATTEMPTS,
            ),
        )
        self.schedule.node.add_dependency(pipeline, role)

    def _build_role(self, names: ModelNames) -> iam.Role:
        role = scheduler_role(self, description=f"Starts {names.monitoring_pipeline} on schedule")
        pipeline = cdk.Stack.of(self).format_arn(
            service="sagemaker", resource="pipeline", resource_name=names.monitoring_pipeline
        )
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
