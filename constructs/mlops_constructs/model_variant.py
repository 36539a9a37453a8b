"""One model behind an endpoint: champion, challenger or shadow."""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from constructs import Construct

from mlops_constructs.conditional import exist_only_if
from mlops_constructs.guardrail_alarms import GuardrailAlarms
from mlops_constructs.model_role import ModelRole
from mlops_constructs.network import Network
from mlops_constructs.release_inputs import ReleasedVariant
from mlops_constructs.settings import ServingSettings
from mlops_constructs.variant_autoscaling import VariantAutoscaling

_VERSION_IN_ARN = 2  # arn:…:model-package/<group>/<version>, split at "/"


class ModelVariant(Construct):
    """The model, which stands while the variant's package is released; then its alarms and its scaling.

    Those come by `watch` and `scale`, once there are a configuration and an endpoint to name. The model's name
    is generated, so that a new package makes a new one.

    environment: variables beside those that name the version, for what the model reads of other services while it
    answers. Without any, its containers have no network. network: where its instances are, if not in AWS's own; batch
    jobs with the model are there too (developer guide: batch transform jobs in a VPC).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        released: ReleasedVariant,
        endpoint_name: str,
        settings: ServingSettings,
        role: ModelRole,
        environment: Mapping[str, str],
        network: Network | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._network = network
        self._released, self._endpoint_name, self._settings = released, endpoint_name, settings
        self.model = self._build_model(role, environment)
        exist_only_if(self.model, released.exists)

    def entry(self, *, instances: int, weight: int) -> dict[str, Any]:
        """The arguments of the variant's ProductionVariantProperty.

        `weight` is what a new variant starts with: an update keeps the weights that the controller set.
        """
        return {
            "variant_name": self._released.name,
            "model_name": self.model.attr_model_name,
            "instance_type": self._settings.instance_type,
            "initial_instance_count": instances,
            "initial_variant_weight": weight,
        }

    def watch(self, endpoint_config_name: str, topic: sns.ITopic) -> GuardrailAlarms:
        """Alarms on the variant's fleet under this configuration."""
        guardrails = GuardrailAlarms(
            self,
            "Guardrails",
            endpoint_name=self._endpoint_name,
            endpoint_config_name=endpoint_config_name,
            variant_name=self._released.name,
            settings=self._settings.alarms,
            topic=topic,
        )
        exist_only_if(guardrails, self._released.exists)
        return guardrails

    def scale(self, endpoint: sagemaker.CfnEndpoint, *, while_: cdk.CfnCondition) -> None:
        """Let autoscaling set the variant's instances; its target is deleted before the endpoint is."""
        scaling = VariantAutoscaling(
            self,
            "Autoscaling",
            endpoint_name=self._endpoint_name,
            variant_name=self._released.name,
            settings=self._settings.autoscaling,
        )
        scaling.node.add_dependency(endpoint)
        exist_only_if(scaling, while_)

    def _build_model(self, role: ModelRole, environment: Mapping[str, str]) -> sagemaker.CfnModel:
        package = self._released.package_arn
        # "none" has no such part, and CloudFormation refuses to select what is not there: two more parts for it.
        version = cdk.Fn.select(_VERSION_IN_ARN, cdk.Fn.split("/", f"{package}//"))
        model = sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=role.role_arn,
            # Isolated containers reach no service at all, not even by an endpoint in a VPC (developer guide: network
            # isolation); one that reads features needs the online store, and its role lets it do nothing else there.
            enable_network_isolation=not environment,
            vpc_config=self._vpc_config(),
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                model_package_name=package,
                # Every answer, and so every captured record, names the version that gave it.
                environment={"MODEL_PACKAGE_ARN": package, "MODEL_VERSION": version, **environment},
            ),
        )
        model.node.add_dependency(role)
        return model

    def _vpc_config(self) -> sagemaker.CfnModel.VpcConfigProperty | None:
        if not self._network:
            return None
        place = self._network.place
        return sagemaker.CfnModel.VpcConfigProperty(
            subnets=list(place.subnet_ids), security_group_ids=list(place.security_group_ids)
        )
