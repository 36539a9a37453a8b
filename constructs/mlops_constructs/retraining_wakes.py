"""What wakes the retraining controller of a model: alarms, the pipeline, the registry, data, and schedules."""

from collections.abc import Sequence

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
from mlops_constructs.wakes import Wakes

_EVENT_AGE = cdk.Duration.hours(2)

LOOKS = cdk.Duration.minutes(15)
"""How often the controller looks by itself, in case an event was lost."""


class RetrainingWakes(Wakes):
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
        super().__init__(scope, construct_id, target=_call(function, dead_letters))
        self._names, self._stack = names, cdk.Stack.of(self)
        if settings.on_degradation:
            self._on_degradation(places)
        self._on_training()
        if settings.on_new_data:
            self._on_data(foundation, training)
        if settings.schedule:
            asks = events.RuleTargetInput.from_object({"trigger": "schedule", "time": events.EventField.time})
            self._on_schedule(settings.schedule, _call(function, dead_letters, asks))
        self._by("Looks", "Catches what events lost", events.Schedule.rate(LOOKS))

    def _on_degradation(self, places: Sequence[WatchedPlace]) -> None:
        """Another account forwards its alarm's event, which keeps that account's id."""
        others = sorted({place.account for place in places} - {""})
        self._on(
            "Degraded",
            f"The monitor confirmed that a version of {self._names.base} got worse",
            "aws.cloudwatch",
            "CloudWatch Alarm State Change",
            {"alarmName": [each.names.degradation_alarm for each in places], "state": {"value": ["ALARM"]}},
            accounts=[self._stack.account, *others] if others else None,
        )

    def _on_training(self) -> None:
        """An execution that ended, and a version that was decided on: both may let the next one start."""
        pipeline = self._stack.format_arn(service="sagemaker", resource="pipeline", resource_name=self._names.pipeline)
        self._on(
            "TrainingEnded",
            f"An execution of pipeline {self._names.pipeline} ended",
            "aws.sagemaker",
            "SageMaker Model Building Pipeline Execution Status Change",
            {"pipelineArn": [pipeline], "currentPipelineExecutionStatus": ["Succeeded", "Failed", "Stopped"]},
        )
        self._on(
            "PackageChanged",
            f"A version of {self._names.package_group} was registered, approved, rejected or edited",
            "aws.sagemaker",
            "SageMaker Model Package State Change",
            {"ModelPackageGroupName": [self._names.package_group]},
        )

    def _on_data(self, foundation: Foundation, training: TrainingSettings) -> None:
        self._on(
            "DataArrived",
            f"Training data of {self._names.base} arrived",
            "aws.s3",
            "Object Created",
            {
                "bucket": {"name": [foundation.data.bucket_name]},
                "object": {"key": [{"prefix": f"{training.data_prefix}/until="}]},
            },
        )

    def _on_schedule(self, expression: str, asks: events.IRuleTarget) -> None:
        schedule = events.Schedule.expression(expression)
        description = f"Asks for a retraining of {self._names.base}"
        events.Rule(self, "Schedule", description=description, schedule=schedule).add_target(asks)


def _call(
    function: lambda_.IFunction, dead_letters: DeadLetterQueue, said: events.RuleTargetInput | None = None
) -> targets.LambdaFunction:
    return targets.LambdaFunction(
        function,
        dead_letter_queue=dead_letters,
        max_event_age=_EVENT_AGE,
        retry_attempts=8,
        event=said,
    )
