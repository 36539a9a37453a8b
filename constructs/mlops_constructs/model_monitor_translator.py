"""The Lambda function between SageMaker Model Monitor and the rest of the project, and what wakes it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from mlops_constructs import model_monitor_schedules as schedules
from mlops_constructs.access import NO_RESOURCE, allow
from mlops_constructs.artifact_source import ArtifactSource
from mlops_constructs.dead_letter_queue import DeadLetterQueue
from mlops_constructs.failure_alarm import FailureAlarm
from mlops_constructs.foundation import Foundation
from mlops_constructs.function import PythonFunction
from mlops_constructs.model_metrics import MONITORING_NAMESPACE
from mlops_constructs.model_monitor_jobs import BIAS, KINDS, QUALITY, schedule_name
from mlops_constructs.model_monitor_payload import Payload
from mlops_constructs.model_monitor_role import ModelMonitorRole, endpoint_prefix
from mlops_constructs.monitoring_role import BUS, EVENT_SOURCE, EVENT_TYPE
from mlops_constructs.monitoring_settings import MonitoringSettings
from mlops_constructs.naming import ModelNames, ReleaseParameter
from mlops_constructs.registry import Registry
from mlops_constructs.release_access import OWN_EVENTS
from mlops_constructs.shipped import shared_root

SCRIPT = Path("monitoring") / "record_preprocessor.py"
LOOKS = cdk.Duration.minutes(15)
"""How often it looks by itself: an event may be lost, and an execution without data starts no job that could tell."""

_EVENT_AGE = cdk.Duration.hours(2)
_TIMEOUT = cdk.Duration.seconds(60)  # less than the lease of the lock (lambdas/shared/lock.py)
_EXPLAINED = "The end of a stack's ARN is an id that CloudFormation gives it; the stack's name is exact."
_NUMBER = "The registry numbers a group's versions; the wildcard stands for the number."


class ModelMonitorTranslator(Construct):
    """Puts the champion's baselines where its job definitions look for them, and translates what executions found.

    CloudFormation reads the champion anew at each update of a stack, so the function has the monitors' own stack
    updated with its own template when there is another champion, as the release controller does with the endpoint's.
    undelivered: what EventBridge could not hand over.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        registry: Registry,
        settings: MonitoringSettings,
        payload: Payload,
        role: ModelMonitorRole,
        code_root: Path,
        foundation: Foundation,
        source: ArtifactSource | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._names, self._stack, self._monitors = names, cdk.Stack.of(self), role
        self._script = s3_assets.Asset(self, "Script", path=str(shared_root(code_root) / SCRIPT))
        self.dead_letters = DeadLetterQueue(self, "DeadLetters", protection=foundation.protection)
        self.undelivered = DeadLetterQueue(self, "Undelivered", protection=foundation.protection)
        self.function = self._build_function(settings, payload, foundation)
        self._allow_stacks(source)
        self._allow_registry(registry)
        self._allow_monitoring()
        self._allow_storage(foundation, source)
        self._allow_telling(foundation)
        self._build_wakes()
        metrics = {
            "DeadLettersWaiting": self.dead_letters.metric_waiting(),
            "FunctionFails": self.function.metric_failures(),
        }
        for name, metric in metrics.items():
            description = f"Monitor translator of {names.base}: {name}"
            FailureAlarm(self, name, metric=metric, topic=foundation.topic, description=description)

    def _build_function(self, settings: MonitoringSettings, payload: Payload, foundation: Foundation) -> PythonFunction:
        names = self._names
        return PythonFunction(
            self,
            "Function",
            name="monitor_translator",
            description=f"Translates what Model Monitor finds of {names.public} in {names.environment}",
            protection=foundation.protection,
            environment={
                "ENVIRONMENT": names.environment,
                "MODEL": names.public,
                "ENDPOINT": names.endpoint,
                "CHAMPION_PARAMETER": names.release_parameter(ReleaseParameter.CHAMPION),
                "STACK": self._stack.stack_name,
                "SERVING_STACK": names.serving_stack,
                "ARTIFACTS_BUCKET": foundation.artifacts.bucket_name,
                "FINDINGS": names.findings,
                "DIMENSION": names.monitoring_schedule,
                "SCRIPT_BUCKET": self._script.s3_bucket_name,
                "SCRIPT_KEY": self._script.s3_object_key,
                "INSTANCE_TYPE": settings.processing_instance_type,
                "ENDPOINT_PREFIX": endpoint_prefix(names),
                "DEAD_LETTER_QUEUE_URL": self.dead_letters.queue_url,
                "LEDGER_TABLE": foundation.ledger.table_name,
                "SCHEDULES": _schedules(names, settings),
                "PAYLOAD": payload.text(),
                "POLICY": json.dumps(settings.model_dump(include={"min_rows", "breaches", "of"})),
            },
            timeout=_TIMEOUT,
            on_failure=self.dead_letters,
        )

    def _allow_stacks(self, source: ArtifactSource | None) -> None:
        """Look at the endpoint's stack, and update the monitors' own.

        No iam:PassRole: CloudFormation keeps the role that deployed the stack, CDK's execution role. It resolves the
        stack's parameters with the rights of who asks for the update.
        """
        own, serving = (
            self._arn("cloudformation", "stack", f"{name}/*")
            for name in (self._stack.stack_name, self._names.serving_stack)
        )
        role = self.function.execution_role
        allow(role, ["cloudformation:DescribeStacks"], [own, serving], why=_EXPLAINED)
        allow(role, ["cloudformation:UpdateStack"], [own], why=_EXPLAINED)
        read = [self._names.release_parameter(ReleaseParameter.CHAMPION), *(source.parameter_names if source else ())]
        parameters = [self._arn("ssm", "parameter", name[1:]) for name in read]
        allow(role, ["ssm:GetParameter", "ssm:GetParameters"], parameters)

    def _allow_registry(self, registry: Registry) -> None:
        packages = registry.versions_arn(self._stack)
        allow(self.function.execution_role, ["sagemaker:DescribeModelPackage"], [packages], why=_NUMBER)

    def _allow_monitoring(self) -> None:
        role = self.function.execution_role
        allow(
            role,
            ["sagemaker:ListMonitoringExecutions"],
            ["*"],
            why=f"{NO_RESOURCE}; it reads names, times and states.",
        )
        allow(
            role,
            ["sagemaker:DescribeProcessingJob"],
            [self._arn("sagemaker", "processing-job", "*")],
            why="Model Monitor names its jobs by itself; which are its own, a list of executions says.",
        )

    def _allow_storage(self, foundation: Foundation, source: ArtifactSource | None) -> None:
        """Read baselines and what the jobs wrote, write below the findings; read one object of the bootstrap bucket."""
        role, names = self.function.execution_role, self._names
        foundation.artifacts.grant_write_below(role, names.findings)
        if source:
            source.grant_read_below(role, names.folder)
            foundation.artifacts.grant_read_below(role, names.findings)
        else:
            foundation.artifacts.grant_read_below(role, names.folder)
        allow(role, ["s3:GetObject"], [self._script.bucket.arn_for_objects(self._script.s3_object_key)])

    def _allow_telling(self, foundation: Foundation) -> None:
        role = self.function.execution_role
        foundation.ledger.grant_lock(role, f"{self._names.public}#monitoring")
        allow(
            role,
            ["cloudwatch:PutMetricData"],
            ["*"],
            conditions={"StringEquals": {"cloudwatch:namespace": MONITORING_NAMESPACE}},
            why=f"{NO_RESOURCE}; a condition limits it to the monitors' namespace.",
        )
        allow(
            role,
            ["events:PutEvents"],
            [self._arn("events", "event-bus", BUS)],
            conditions={"StringEquals": {"events:source": EVENT_SOURCE, "events:detail-type": EVENT_TYPE}},
        )

    def _build_wakes(self) -> None:
        self._rule(
            "JobEnded",
            f"A job of Model Monitor for {self._names.endpoint} ended",
            "aws.sagemaker",
            "SageMaker Processing Job State Change",
            {"RoleArn": [self._monitors.role_arn], "ProcessingJobStatus": ["Completed", "Failed", "Stopped"]},
        )
        self._rule(
            "Released",
            f"A version of {self._names.base} became champion",
            OWN_EVENTS,
            "Model Release Done",
            {"endpoint": [self._names.endpoint]},
        )
        looks = events.Rule(self, "Looks", description="Catches what events lost", schedule=events.Schedule.rate(LOOKS))
        looks.add_target(self._target())

    def _rule(
        self, construct_id: str, description: str, source: str, detail_type: str, detail: Mapping[str, Any]
    ) -> None:
        pattern = events.EventPattern(source=[source], detail_type=[detail_type], detail=dict(detail))
        rule = events.Rule(self, construct_id, description=description, event_pattern=pattern)
        rule.add_target(self._target())

    def _target(self) -> targets.LambdaFunction:
        return targets.LambdaFunction(
            self.function, dead_letter_queue=self.undelivered, max_event_age=_EVENT_AGE, retry_attempts=8
        )

    def _arn(self, service: str, resource: str, name: str) -> str:
        return self._stack.format_arn(service=service, resource=resource, resource_name=name)


def _schedules(names: ModelNames, settings: MonitoringSettings) -> str:
    """The function's variable SCHEDULES (lambdas/monitor_translator/settings.py: Schedule)."""
    windows = {
        kind: schedules.outcomes(settings) if kind in (QUALITY, BIAS) else schedules.inputs(settings) for kind in KINDS
    }
    return json.dumps(
        {
            kind: {"name": schedule_name(names, kind), "start_hours": one.start_hours, "end_hours": one.end_hours}
            for kind, one in windows.items()
        }
    )
