"""What wakes the record keeper of a model: the registry, the pipeline, releases, and a schedule."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from constructs import Construct

from mlops_constructs.naming import ModelNames
from mlops_constructs.registry import Registry
from mlops_constructs.release_access import OWN_EVENTS
from mlops_constructs.wakes import Wakes

LOOKS = cdk.Duration.hours(1)
"""How often the keeper looks by itself; each version has an hour of the day in which it is looked at closely."""

_RELEASED = "Model Release Done"


class RecordKeeperWakes(Wakes):
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
        super().__init__(scope, construct_id, target=target)
        self._on(
            "PackageChanged",
            f"A version of {registry.group_name} was registered, approved, rejected or edited",
            "aws.sagemaker",
            "SageMaker Model Package State Change",
            {"ModelPackageGroupName": [registry.group_name]},
            accounts=[registry.account] if registry.elsewhere else None,
        )
        if not registry.elsewhere:
            self._on_training(registry.names.pipeline)
        self._on(
            "Released",
            f"A version of {names.base} was released",
            OWN_EVENTS,
            _RELEASED,
            {"environment": [names.environment], "model": [names.public]},
        )
        self._by("Looks", "Catches what events lost", events.Schedule.rate(LOOKS))

    def _on_training(self, pipeline: str) -> None:
        arn = cdk.Stack.of(self).format_arn(service="sagemaker", resource="pipeline", resource_name=pipeline)
        self._on(
            "TrainingEnded",
            f"An execution of pipeline {pipeline} ended",
            "aws.sagemaker",
            "SageMaker Model Building Pipeline Execution Status Change",
            {"pipelineArn": [arn], "currentPipelineExecutionStatus": ["Succeeded", "Failed", "Stopped"]},
        )
