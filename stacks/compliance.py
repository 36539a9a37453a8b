"""What the templates of an app are checked against: packs of cdk-nag, and the house rules."""

from collections.abc import Callable, Mapping, Sequence

import aws_cdk as cdk
import cdk_nag

from mlops_constructs.naming import EnvironmentNames
from stacks.house_rules import Expected, HouseRules
from stacks.settings import DELIVERY, Delivery, EnvironmentSettings

PACKS: Mapping[str, Callable[[cdk.App], cdk_nag.NagPack]] = {
    "AwsSolutions": cdk_nag.AwsSolutionsChecks,
    "NIST.800-53.R5": cdk_nag.NIST80053R5Checks,
    "HIPAA.Security": cdk_nag.HIPAASecurityChecks,
    "PCI.DSS.321": cdk_nag.PCIDSS321Checks,
}


def add_checks(app: cdk.App, packs: Sequence[str], expected: Expected) -> None:
    """Let a finding of one of `packs`, by their names in config, or of the house rules stop the synthesis of `app`."""
    plugins = [PACKS[pack](app) for pack in packs]
    cdk.Validations.of(app).add_plugins(*plugins, HouseRules(expected))


def expected(settings: EnvironmentSettings) -> Expected:
    """What the configuration of an environment asks of its templates."""
    names = EnvironmentNames(settings.project, settings.environment)
    models = [names.model(folder) for folder in settings.models]
    return Expected(
        retain=settings.retain,
        in_vpc=settings.network.private,
        tags={"project": settings.project, "environment": settings.environment},
        models={f"{model.base}-": model.public for model in models},
    )


def expected_of_delivery(delivery: Delivery) -> Expected:
    """The same of the pipeline's stack, which is of no environment."""
    return Expected(
        retain=delivery.settings.retain,
        in_vpc=False,
        tags={"project": delivery.project, "environment": DELIVERY},
        models={},
    )
