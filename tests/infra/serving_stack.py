"""The serving stack as tests look at it: under release parameters, variant by variant."""

from typing import Any

from tests.infra.environments import Resource, Template
from tests.infra.evaluation import deployed

CONFIG_NAME = {"Fn::GetAtt": ["ServingConfig79E8D9DE", "EndpointConfigName"]}
ENDPOINT = "ServingEndpointC149CBA2"
FIRST, SECOND, THIRD = (
    f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/mlops-prod-loan-approval/{version}"
    for version in (1, 2, 3)
)
CHAMPION = {"champion": FIRST}
CHALLENGER = {"champion": FIRST, "challenger": SECOND}
CHALLENGER_WITH_SHARE = CHALLENGER | {"weight": "30"}
SHADOW = {"champion": FIRST, "shadow": SECOND}
ALL = CHALLENGER_WITH_SHARE | {"shadow": THIRD}
NO_CHAMPION = {"challenger": SECOND, "weight": "30", "shadow": THIRD}


def at(
    template: Template, champion: str = "none", challenger: str = "none", weight: str = "0", shadow: str = "none"
) -> Template:
    """The stack as it stands under these release parameters, with its endpoint switched on."""
    running = {"Running": "on"} if "Running" in template.body["Parameters"] else {}
    return deployed(
        template,
        running
        | {
            "ChampionPackage": champion,
            "ChallengerPackage": challenger,
            "ChallengerWeight": weight,
            "ShadowPackage": shadow,
        },
    )


def config(template: Template) -> Resource:
    properties: Resource = template.only("AWS::SageMaker::EndpointConfig")["Properties"]
    return properties


def variants(template: Template) -> dict[str, Any]:
    """Name of each production variant, with its weight."""
    return {each["VariantName"]: each["InitialVariantWeight"] for each in config(template)["ProductionVariants"]}


def versions(template: Template) -> dict[str, str]:
    """Which version each variant's model serves, as its answers say."""
    models = {
        name: each["Properties"]["PrimaryContainer"]["Environment"]["MODEL_VERSION"]
        for name, each in template.resources("AWS::SageMaker::Model").items()
    }
    entries = config(template)["ProductionVariants"] + config(template).get("ShadowProductionVariants", [])
    return {each["VariantName"]: models[each["ModelName"]["Fn::GetAtt"][0]] for each in entries}


def watched(template: Template) -> dict[str, set[str]]:
    """The alarms on each variant; an alarm on anything else is not SageMaker's."""
    found: dict[str, set[str]] = {}
    for name, each in template.resources("AWS::CloudWatch::Alarm").items():
        if each["Properties"]["Namespace"] != "AWS/SageMaker":
            continue
        dimensions = {one["Name"]: one["Value"] for one in each["Properties"]["Dimensions"]}
        found.setdefault(dimensions["VariantName"], set()).add(name)
    return found


def scaled(template: Template) -> dict[str, str]:
    """The variants with a scaling target, by logical id."""
    return {
        each["Properties"]["ResourceId"].rpartition("/")[2]: name
        for name, each in template.resources("AWS::ApplicationAutoScaling::ScalableTarget").items()
    }
