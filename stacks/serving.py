"""How one model is served: whatever its release parameters name at the moment of the update."""

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.artifact_source import ArtifactSource
from mlops_constructs.feature_access import FeatureAccess
from mlops_constructs.foundation import Foundation
from mlops_constructs.images import Images
from mlops_constructs.model_endpoint import ModelEndpoint
from mlops_constructs.model_role import ModelRole
from mlops_constructs.naming import EnvironmentNames, ModelNames
from mlops_constructs.release_inputs import ReleaseInputs
from mlops_constructs.running_switch import RunningSwitch
from mlops_constructs.stop_schedules import StopSchedules
from stacks.settings import EnvironmentSettings


class ServingStack(cdk.Stack):
    """Deploys with no endpoint while there is no champion, and while the model is switched off.

    Its outputs tell the release controller what the last operation deployed.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        settings: EnvironmentSettings,
        foundation: Foundation,
        **stack: Any,
    ) -> None:
        # Without the rule on the bootstrap version, an update needs no right to read that parameter.
        synthesizer = cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False)
        super().__init__(scope, construct_id, synthesizer=synthesizer, **stack)
        model = settings.models[names.folder]
        stop = model.serving.stop
        released = ReleaseInputs(
            self,
            "Released",
            names=names,
            enabled=model.enabled,
            autoscaling=model.serving.autoscaling.enabled,
            switch=RunningSwitch(self, "Switch") if stop.enabled else None,
        )
        image = Images(self, settings.images).image(model.framework)
        source = ArtifactSource.of(self, "Source", settings.registry(names.folder), names.environment)
        features = FeatureAccess(
            EnvironmentNames(names.project, names.environment), settings.used_groups(names.folder), foundation
        )
        role = ModelRole(
            self, "Role", names=names, image=image, foundation=foundation, features=features, source=source
        )
        if model.enabled and model.batch.enabled:
            role.grant_batch(names, model.batch, foundation)
        endpoint = ModelEndpoint(
            self,
            "Serving",
            names=names,
            settings=model.serving,
            released=released,
            role=role,
            foundation=foundation,
            features=features,
        )
        endpoint.add_outputs()
        if stop.enabled and (stop.down_cron or stop.up_cron):
            StopSchedules(self, "Stop", names=names, settings=stop, foundation=foundation)
