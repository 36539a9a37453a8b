"""How one model is served: whatever its release parameters name at the moment of the update."""

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.foundation import Foundation
from mlops_constructs.images import Images
from mlops_constructs.model_endpoint import ModelEndpoint
from mlops_constructs.model_role import ModelRole
from mlops_constructs.naming import ModelNames, ReleaseParameter
from mlops_constructs.release_parameters import NOTHING
from stacks.settings import EnvironmentSettings

_INPUTS = {
    "ChampionPackage": ReleaseParameter.CHAMPION,
    "ChallengerPackage": ReleaseParameter.CHALLENGER,
    "ChallengerWeight": ReleaseParameter.CHALLENGER_WEIGHT,
    "ShadowPackage": ReleaseParameter.SHADOW,
}


class ServingStack(cdk.Stack):
    """Deploys with no endpoint while there is no champion.

    Its inputs are SSM parameters that CloudFormation reads anew at every update, by the release controller or
    by `cdk deploy`; so neither undoes the other.
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
        released = {name: self._input(name, names.release_parameter(kind)) for name, kind in _INPUTS.items()}
        champion = released["ChampionPackage"]
        has_champion = cdk.CfnCondition(
            self, "HasChampion", expression=cdk.Fn.condition_not(cdk.Fn.condition_equals(champion, NOTHING))
        )
        image = Images(self, settings.images).image(model.framework)
        endpoint = ModelEndpoint(
            self,
            "Serving",
            names=names,
            settings=model.serving,
            package_arn=champion,
            exists=has_champion,
            role=ModelRole(self, "Role", names=names, image=image, foundation=foundation),
            foundation=foundation,
        )
        cdk.CfnOutput(self, "EndpointName", value=names.endpoint, condition=has_champion)
        config_name = endpoint.config.attr_endpoint_config_name
        cdk.CfnOutput(self, "EndpointConfigName", value=config_name, condition=has_champion)

    def _input(self, name: str, parameter: str) -> str:
        """A stack parameter that holds an SSM parameter's value, and an output that shows which it was."""
        source = cdk.CfnParameter(
            self,
            name,
            type="AWS::SSM::Parameter::Value<String>",
            default=parameter,
            description=f"Value of {parameter} when the stack was last updated",
        )
        cdk.CfnOutput(self, f"{name}Output", value=source.value_as_string).override_logical_id(name)
        return source.value_as_string
