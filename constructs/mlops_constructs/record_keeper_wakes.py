"""What wakes the record keeper of a model: the registry, the pipeline, releases, and a schedule."""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from constructs import Construct

from mlops_constructs.naming import ModelNames
from mlops_constructs.registry import Registry
from mlops_constructs.release_access import OWN_EVENTS

LOOKS = cdk.Duration.hours(1)
"""How often the keeper looks by itself; each version has an hour of the day in which it is looked at closely."""

_RELEASED = "Model Release Done"


class RecordKeeperWakes(Construct):
    """Rules on the default bus. None of them carries anything: what is lost, the schedule makes good."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        registry: Registry,
        target: events.IRuleTarget,
    ) -> None:
        super().__init__(scope, construct_id)
        self._target = target
        self._rule(
            "PackageChanged",
            f"A version of {registry.group_name} was registered, approved, rejected or edited",
            "aws.sagemaker",
            "SageMaker Model Package State Change",
            {"ModelPackageGroupName": [registry.group_name]},
            account=[registry.account] if registry.elsewhere else None,
        )
        if not registry.elsewhere:
            self._on_training(registry.names.pipeline)
        self._rule(
            "Released",
            f"A version of {names.base} was released",
            OWN_EVENTS,
            _RELEASED,
            {"environment": [names.environment], "model": [names.public]},
        )
        looks = events.Schedule.rate(LOOKS)
        events.Rule(self, "Looks", description="Catches what events lost", schedule=looks).add_target(target)

    def _on_training(self, pipeline: str) -> None:
        arn = cdk.Stack.of(self).format_arn(service="sagemaker", resource="pipeline", resource_name=pipeline)
        self._rule(
            "TrainingEnded",
            f"An execution of pipeline {pipeline} ended",
            "aws.sagemaker",
            "SageMaker Model Building Pipeline Execution Status Change",
            {"pipelineArn": [arn], "currentPipelineExecutionStatus": ["Succeeded", "Failed", "Stopped"]},
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
        events.Rule(self, construct_id, description=description, event_pattern=pattern).add_target(self._target)
