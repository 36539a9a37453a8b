"""The Lambda function that has the champion score files by transform jobs, and what wakes it."""

import json

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.batch_settings import BatchSettings
from mlops_constructs.dead_letter_queue import DeadLetterQueue
from mlops_constructs.failure_alarm import FailureAlarm
from mlops_constructs.foundation import Foundation
from mlops_constructs.function import PythonFunction
from mlops_constructs.instance_types import has_local_storage
from mlops_constructs.naming import ModelNames

_EVENT_AGE = cdk.Duration.hours(2)


class BatchScoring(Construct):
    """Jobs run as the model's own role, which reads the input and writes the output (ModelRole.grant_batch).

    ```python
    import aws_cdk as cdk

    from mlops_constructs import (
        BatchScoring,
        BatchSettings,
        DataProtection,
        EnvironmentKey,
        EnvironmentNames,
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
    stack = cdk.Stack(app, model.release_stack)
    settings = starting(BatchSettings, schedule="cron(0 3 * * ? *)")
    BatchScoring(stack, "Batch", names=model, settings=settings, foundation=foundation)

    app.synth()
    ```
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        settings: BatchSettings,
        foundation: Foundation,
    ) -> None:
        super().__init__(scope, construct_id)
        self._names, self._stack = names, cdk.Stack.of(self)
        self.dead_letters = DeadLetterQueue(self, "DeadLetters", protection=foundation.protection)
        self.function = self._build_function(settings, foundation)
        self._allow_jobs(settings, foundation)
        self._allow_notifications(foundation)
        self._build_rules(settings)
        metrics = {
            "DeadLettersWaiting": self.dead_letters.metric_waiting(),
            "FunctionFails": self.function.metric_failures(),
        }
        for name, metric in metrics.items():
            description = f"Batch scoring of {names.base}: {name}"
            FailureAlarm(self, name, metric=metric, topic=foundation.topic, description=description)

    def _build_function(self, settings: BatchSettings, foundation: Foundation) -> PythonFunction:
        names, bucket = self._names, foundation.data.bucket_name
        return PythonFunction(
            self,
            "Function",
            name="batch_scoring",
            description=f"Scores files with the version of {names.public} that serves in {names.environment}",
            protection=foundation.protection,
            environment={
                "PROJECT": names.project,
                "ENVIRONMENT": names.environment,
                "MODEL": names.public,
                "SERVING_STACK": names.serving_stack,
                "JOB_PREFIX": names.transform_job_prefix,
                "INPUT_URI": f"s3://{bucket}/{names.own_prefix(settings.input_prefix)}/",
                "OUTPUT_URI": f"s3://{bucket}/{names.own_prefix(settings.output_prefix)}/",
                "TOPIC_ARN": foundation.topic.topic_arn,
                "RESOURCES": _resources(settings, foundation.protection.key.key_arn),
            },
            timeout=cdk.Duration.minutes(1),
            on_failure=self.dead_letters,
        )

    def _allow_jobs(self, settings: BatchSettings, foundation: Foundation) -> None:
        """No right on the key for the volumes: that SageMaker asks of the model's role."""
        role, names = self.function.execution_role, self._names
        serving = self._stack.format_arn(
            service="cloudformation", resource="stack", resource_name=f"{names.serving_stack}/*"
        )
        allow(
            role,
            ["cloudformation:DescribeStacks"],
            [serving],
            why="The end of a stack's ARN is an id that CloudFormation gives it; the stack's name is exact.",
        )
        jobs = self._stack.format_arn(
            service="sagemaker", resource="transform-job", resource_name=f"{names.transform_job_prefix}*"
        )
        allow(
            role,
            ["sagemaker:CreateTransformJob", "sagemaker:AddTags"],
            [jobs],
            why="A job's name ends in the time it was scheduled for, or in the request that asked for it.",
        )
        prefix = names.own_prefix(settings.input_prefix)
        allow(
            role,
            ["s3:ListBucket"],
            [foundation.data.bucket_arn],
            conditions={"StringLike": {"s3:prefix": [f"{prefix}/*"]}},
        )

    def _allow_notifications(self, foundation: Foundation) -> None:
        role = self.function.execution_role
        allow(role, ["sns:Publish"], [foundation.topic.topic_arn])
        allow(role, ["kms:Decrypt", "kms:GenerateDataKey"], [foundation.protection.key.key_arn])

    def _build_rules(self, settings: BatchSettings) -> None:
        failed = events.Rule(
            self,
            "JobFailed",
            description=f"A transform job of {self._names.base} failed or was stopped",
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Transform Job State Change"],
                detail={
                    "TransformJobName": [{"prefix": self._names.transform_job_prefix}],
                    "TransformJobStatus": ["Failed", "Stopped"],
                },
            ),
        )
        failed.add_target(self._target())
        if settings.schedule:
            schedule = events.Schedule.expression(settings.schedule)
            rule = events.Rule(self, "Schedule", description="Scores what lies in the input", schedule=schedule)
            rule.add_target(self._target())

    def _target(self) -> targets.LambdaFunction:
        return targets.LambdaFunction(
            self.function, dead_letter_queue=self.dead_letters, max_event_age=_EVENT_AGE, retry_attempts=8
        )


def _resources(settings: BatchSettings, key_arn: str) -> str:
    """The variable RESOURCES (lambdas/batch_scoring/job.py: Resources)."""
    chosen = settings.model_dump(include={"instance_type", "instance_count", "max_concurrent", "max_payload_mb"})
    volume_key = "" if has_local_storage(settings.instance_type) else key_arn
    return json.dumps({**chosen, "output_key": key_arn, "volume_key": volume_key})
