"""An endpoint that serves the champion, and beside it a challenger or a shadow while one is released."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mlops_constructs.blue_green import blue_green
from mlops_constructs.conditional import exist_only_if
from mlops_constructs.feature_access import FeatureAccess
from mlops_constructs.foundation import Foundation
from mlops_constructs.instance_type_guard import InstanceTypeGuard
from mlops_constructs.instance_types import has_local_storage
from mlops_constructs.model_role import ModelRole
from mlops_constructs.model_variant import ModelVariant
from mlops_constructs.naming import ModelNames
from mlops_constructs.release_inputs import ReleasedVariant, ReleaseInputs
from mlops_constructs.settings import ServingSettings


class ModelEndpoint(Construct):
    """Variants, endpoint configuration with data capture, endpoint, guardrails, autoscaling.

    The configuration has a generated name, so that another package makes another one and the endpoint moves from
    the old to the new. While the set of variants stays, it moves by blue/green, watched by the champion's alarms.
    A challenger or a shadow enters and leaves all at once (developer guide: deployment guardrails, exclusions);
    that harms nobody, since the champion's model stays and a challenger's weight is 0 then.

    ```python
    import aws_cdk as cdk

    from mlops_constructs import (
        DataProtection,
        EnvironmentKey,
        EnvironmentNames,
        FeatureAccess,
        Images,
        ModelEndpoint,
        ModelRole,
        ReleaseInputs,
        ServingSettings,
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
    # The release controller updates this stack, and has no right to read the bootstrap's version.
    synthesizer = cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False)
    stack = cdk.Stack(app, model.serving_stack, synthesizer=synthesizer)
    features = FeatureAccess(names, {}, foundation)
    role = ModelRole(
        stack,
        "Role",
        names=model,
        image=Images(stack, {}).image("xgboost"),
        foundation=foundation,
        features=features,
    )
    endpoint = ModelEndpoint(
        stack,
        "Serving",
        names=model,
        settings=starting(ServingSettings, instance_type="ml.c5.large"),
        released=ReleaseInputs(stack, "Released", names=model, enabled=True, autoscaling=True),
        role=role,
        foundation=foundation,
        features=features,
    )
    endpoint.add_outputs()

    app.synth()
    ```
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        settings: ServingSettings,
        released: ReleaseInputs,
        role: ModelRole,
        foundation: Foundation,
        features: FeatureAccess,
    ) -> None:
        super().__init__(scope, construct_id)
        self._names, self._settings, self._released, self._role = names, settings, released, role
        self._environment, self._network = features.environment(names), foundation.protection.network
        # "Default" is left out of logical ids: the champion's resources keep those of the time before challengers.
        self.champion = self._build_variant("Default", released.champion)
        self.challenger = self._build_variant("Challenger", released.challenger)
        self.shadow = self._build_variant("Shadow", released.shadow)
        self.config = self._build_config(foundation)
        self.champion_alarms, self.challenger_alarms, self.shadow_alarms = (
            variant.watch(self.config.attr_endpoint_config_name, foundation.topic).alarms
            for variant in (self.champion, self.challenger, self.shadow)
        )
        self.endpoint = self._build_endpoint()
        for resource in (self.config, self.endpoint):
            exist_only_if(resource, released.champion.exists)
        if settings.autoscaling.enabled:
            self.champion.scale(self.endpoint, while_=released.champion.exists)
            self.challenger.scale(self.endpoint, while_=released.challenger_scales)
        self._guard_instance_type(foundation)

    def add_outputs(self) -> None:
        """Outputs of the stack, by the names that the release controller knows: what the last operation deployed."""
        stack, released = cdk.Stack.of(self), self._released
        champion, challenger, shadow = released.champion.exists, released.challenger.exists, released.shadow.exists
        config_name = self.config.attr_endpoint_config_name
        cdk.CfnOutput(stack, "EndpointName", value=self._names.endpoint, condition=champion)
        cdk.CfnOutput(stack, "EndpointConfigName", value=config_name, condition=champion)
        cdk.CfnOutput(stack, "ModelName", value=self.champion.model.attr_model_name, condition=champion)
        cdk.CfnOutput(stack, "ChampionAlarms", value=_joined(self.champion_alarms), condition=champion)
        cdk.CfnOutput(stack, "ChallengerAlarms", value=_joined(self.challenger_alarms), condition=challenger)
        cdk.CfnOutput(stack, "ShadowAlarms", value=_joined(self.shadow_alarms), condition=shadow)
        if self._settings.autoscaling.enabled:
            # Absent where nothing scales: the release controller then has no scaling target to wait for.
            scaled = cdk.Fn.condition_if(released.challenger_scales.logical_id, "true", "false")
            cdk.CfnOutput(stack, "ChallengerScaled", value=cdk.Token.as_string(scaled))

    def _build_variant(self, construct_id: str, released: ReleasedVariant) -> ModelVariant:
        return ModelVariant(
            self,
            construct_id,
            released=released,
            endpoint_name=self._names.endpoint,
            settings=self._settings,
            role=self._role,
            environment=self._environment,
            network=self._network,
        )

    def _build_config(self, foundation: Foundation) -> sagemaker.CfnEndpointConfig:
        settings, config = self._settings, sagemaker.CfnEndpointConfig
        key_arn = foundation.protection.key.key_arn
        tried = settings.challenger.instance_count
        champion = self.champion.entry(instances=settings.instance_count, weight=1)
        challenger = _spelled(self.challenger.entry(instances=tried, weight=0))
        # As much weight as the champion's: a copy of every request.
        shadow = _spelled(self.shadow.entry(instances=tried, weight=1))
        return config(
            self,
            "Config",
            kms_key_id=None if has_local_storage(settings.instance_type) else key_arn,
            production_variants=[
                config.ProductionVariantProperty(**champion),
                _only_if(self._released.challenger, challenger),
            ],
            shadow_production_variants=_only_if(self._released.shadow, [shadow]),
            data_capture_config=config.DataCaptureConfigProperty(
                enable_capture=settings.capture_percentage > 0,
                initial_sampling_percentage=settings.capture_percentage,
                destination_s3_uri=foundation.capture.s3_url_for_object(self._names.folder),
                kms_key_id=key_arn,
                capture_options=[
                    config.CaptureOptionProperty(capture_mode="Input"),
                    config.CaptureOptionProperty(capture_mode="Output"),
                ],
                # Other content types would be captured in Base64.
                capture_content_type_header=config.CaptureContentTypeHeaderProperty(
                    csv_content_types=["text/csv"], json_content_types=["application/json"]
                ),
            ),
        )

    def _build_endpoint(self) -> sagemaker.CfnEndpoint:
        return sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=self._names.endpoint,
            endpoint_config_name=self.config.attr_endpoint_config_name,
            deployment_config=blue_green(self._settings.deployment, self.champion_alarms),
            # Without it every update would reset weights and the instances that autoscaling added.
            retain_all_variant_properties=True,
            # Read by callers: mlops/assignment.py.
            tags=[cdk.CfnTag(key="assignment", value=self._settings.assignment.value)],
        )

    def _guard_instance_type(self, foundation: Foundation) -> None:
        guard = InstanceTypeGuard(
            self,
            "InstanceType",
            endpoint_name=self._names.endpoint,
            settings=self._settings,
            exists=self._released.champion.exists,
            protection=foundation.protection,
        )
        # Nothing has changed yet when it refuses.
        self.config.node.add_dependency(guard.resource)


def _spelled(entry: Mapping[str, Any]) -> dict[str, Any]:
    """As in a template; CDK does not translate what is inside of Fn::If."""
    return {"".join(word.title() for word in name.split("_")): value for name, value in entry.items()}


def _only_if(released: ReleasedVariant, value: object) -> cdk.IResolvable:
    """`value` in the template while the variant exists, nothing otherwise."""
    return cdk.Fn.condition_if(released.exists.logical_id, value, cdk.Aws.NO_VALUE)


def _joined(alarms: Sequence[cloudwatch.Alarm]) -> str:
    return cdk.Fn.join(",", [alarm.alarm_name for alarm in alarms])
