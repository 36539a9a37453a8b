"""What wakes the retraining controller of a model: alarms, the pipeline, the registry, data, and schedules."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from mlops_constructs.dead_letter_queue import DeadLetterQueue
from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import ModelNames
from mlops_constructs.retraining_access import WatchedPlace
from mlops_constructs.retraining_settings import RetrainingSettings
from mlops_constructs.settings import TrainingSettings

_EVENT_AGE = cdk.Duration.hours(2)

LOOKS = cdk.Duration.minutes(15)
"""How often the controller looks by itself, in case an event was lost."""


class RetrainingWakes(Construct):
    """Rules on the default bus. Only the schedule's own event carries something: its time, which the ledger keeps."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        settings: RetrainingSettings,
        training: TrainingSettings,
        foundation: Foundation,
        places: Sequence[WatchedPlace],
        function: lambda_.IFunction,
        dead_letters: DeadLetterQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        self._names, self._function, self._dead_letters = names, function, dead_letters
        self._stack = cdk.Stack.of(self)
        if settings.on_degradation:
            self._on_degradation(places)
        self._on_training()
        if settings.on_new_data:
            self._on_data(foundation, training)
        if settings.schedule:
            self._on_schedule(settings.schedule)
        looks = events.Schedule.rate(LOOKS)
        events.Rule(self, "Looks", description="Catches what events lost", schedule=looks).add_target(self._target())

    def _on_degradation(self, places: Sequence[WatchedPlace]) -> None:
        """Another account forwards its alarm's event, which keeps that account's id."""
        others = sorted({place.account for place in places} - {""})
        self._rule(
            "Degraded",
            f"The monitor confirmed that a version of {self._names.base} got worse",
            "aws.cloudwatch",
            "CloudWatch Alarm State Change",
            {"alarmName": [each.names.degradation_alarm for each in places], "state": {"value": ["ALARM"]}},
            account=[self._stack.account, *others] if others else None,
        )

    def _on_training(self) -> None:
        """An execution that ended, and a version that was decided on: both may let the next one start."""
        pipeline = self._stack.format_arn(service="sagemaker", resource="pipeline", resource_name=self._names.pipeline)
        self._rule(
            "TrainingEnded",
            f"An execution of pipeline {self._names.pipeline} ended",
            "aws.sagemaker",
            "SageMaker Model Building Pipeline Execution Status Change",
            {"pipelineArn": [pipeline], "currentPipelineExecutionStatus": ["Succeeded", "Failed", "Stopped"]},
        )
        self._rule(
            "PackageChanged",
            f"A version of {self._names.package_group} was registered, approved, rejected or edited",
            "aws.sagemaker",
            "SageMaker Model Package State Change",
            {"ModelPackageGroupName": [self._names.package_group]},
        )

    def _on_data(self, foundation: Foundation, training: TrainingSettings) -> None:
        self._rule(
            "DataArrived",
            f"Training data of {self._names.base} arrived",
            "aws.s3",
            "Object Created",
            {
                "bucket": {"name": [foundation.data.bucket_name]},
                "object": {"key": [{"prefix": f"{training.data_prefix}/until="}]},
            },
        )

    def _on_schedule(self, expression: str) -> None:
        schedule = events.Schedule.expression(expression)
        rule = events.Rule(
            self, "Schedule", description=f"Asks for a retraining of {self._names.base}", schedule=schedule
        )
        asks = events.RuleTargetInput.from_object({"trigger": "schedule", "time": events.EventField.time})
        rule.add_target(self._target(asks))

    def _target(self, said: events.RuleTargetInput | None = None) -> targets.LambdaFunction:
        return targets.LambdaFunction(
            self._function,
            dead_letter_queue=self._dead_letters,
            max_event_age=_EVENT_AGE,
            retry_attempts=8,
            event=said,
        )

    def _rule(
        self,
        construct_id: str,
        description: str,
        source: str,
        detail_type: str,
        detail: Mapping[str, Any],
        *,
        account: list[str] | None = None,
    ) -> None:
        pattern = events.EventPattern(source=[source], detail_type=[detail_type], detail=dict(detail), account=account)
        rule = events.Rule(self, construct_id, description=description, event_pattern=pattern)
        rule.add_target(self._target())
