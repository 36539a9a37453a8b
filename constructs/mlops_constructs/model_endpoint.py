"""An endpoint that serves the champion, and exists only while there is one."""

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mlops_constructs.blue_green import blue_green
from mlops_constructs.foundation import Foundation
from mlops_constructs.guardrail_alarms import GuardrailAlarms
from mlops_constructs.instance_types import has_local_storage
from mlops_constructs.model_role import ModelRole
from mlops_constructs.naming import ModelNames
from mlops_constructs.settings import ServingSettings
from mlops_constructs.variant_autoscaling import VariantAutoscaling

CHAMPION = "champion"
"""The variant's name stays while models change, so alarms, scaling targets and dashboards stay."""

_VERSION_IN_ARN = 2  # arn:…:model-package/<group>/<version>, split at "/"


class ModelEndpoint(Construct):
    """Model, endpoint configuration with data capture, endpoint, guardrails, autoscaling.

    `package_arn` is known only when CloudFormation deploys; `exists` is the condition under which it names a
    package. Model and configuration have generated names, so that a new package makes new ones and the
    endpoint moves from the old configuration to the new.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        settings: ServingSettings,
        package_arn: str,
        exists: cdk.CfnCondition,
        role: ModelRole,
        foundation: Foundation,
    ) -> None:
        super().__init__(scope, construct_id)
        self._names, self._settings = names, settings
        self.model = self._build_model(package_arn, role)
        self.config = self._build_config(foundation)
        self.guardrails = GuardrailAlarms(
            self,
            "Guardrails",
            endpoint_name=names.endpoint,
            endpoint_config_name=self.config.attr_endpoint_config_name,
            variant_name=CHAMPION,
            settings=settings.alarms,
            topic=foundation.topic,
        )
        self.endpoint = self._build_endpoint()
        if settings.autoscaling.enabled:
            self._build_autoscaling()
        for child in self.node.find_all():
            if isinstance(child, cdk.CfnResource):
                child.cfn_options.condition = exists

    def _build_model(self, package_arn: str, role: ModelRole) -> sagemaker.CfnModel:
        # "none" has no such part, and CloudFormation refuses to select what is not there: two more parts for it.
        version = cdk.Fn.select(_VERSION_IN_ARN, cdk.Fn.split("/", f"{package_arn}//"))
        model = sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=role.role_arn,
            enable_network_isolation=True,
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                model_package_name=package_arn,
                # Every answer, and so every captured record, names the version that gave it.
                environment={"MODEL_PACKAGE_ARN": package_arn, "MODEL_VERSION": version},
            ),
        )
        model.node.add_dependency(role)
        return model

    def _build_config(self, foundation: Foundation) -> sagemaker.CfnEndpointConfig:
        settings, config = self._settings, sagemaker.CfnEndpointConfig
        key_arn = foundation.protection.key.key_arn
        return config(
            self,
            "Config",
            kms_key_id=None if has_local_storage(settings.instance_type) else key_arn,
            production_variants=[
                config.ProductionVariantProperty(
                    variant_name=CHAMPION,
                    model_name=self.model.attr_model_name,
                    instance_type=settings.instance_type,
                    initial_instance_count=settings.instance_count,
                    initial_variant_weight=1,
                )
            ],
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
            deployment_config=blue_green(self._settings.deployment, self.guardrails.alarms),
            # Without it every update would reset weights and the instances that autoscaling added.
            retain_all_variant_properties=True,
        )

    def _build_autoscaling(self) -> None:
        scaling = VariantAutoscaling(
            self,
            "Autoscaling",
            endpoint_name=self._names.endpoint,
            variant_name=CHAMPION,
            settings=self._settings.autoscaling,
        )
        scaling.node.add_dependency(self.endpoint)
