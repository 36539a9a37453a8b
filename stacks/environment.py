"""All stacks of one environment, and in which order they deploy."""

from pathlib import Path
from typing import Any

import aws_cdk as cdk

from mlops_constructs.naming import EnvironmentNames
from mlops_constructs.private_network import VpcPlace
from stacks.access import AccessStack
from stacks.context import deploy_with
from stacks.features import FeaturesStack
from stacks.foundation import FoundationStack
from stacks.governance import GovernanceStack
from stacks.monitoring import MonitoringStack
from stacks.network import NetworkStack
from stacks.overview import OverviewStack
from stacks.projects import ProjectsStack
from stacks.release import ReleaseStack
from stacks.serving import ServingStack
from stacks.settings import EnvironmentSettings
from stacks.state import StateStack
from stacks.training import TrainingStack

FEATURE_GROUP = "AWS::SageMaker::FeatureGroup"


def add_stacks(app: cdk.App, settings: EnvironmentSettings, *, code_root: Path) -> None:
    """The foundation, the features, for each model its state, training, serving, release, monitoring and governance
    stacks, the roles of people, and what shows them all.

    A model that is switched off keeps all but the training stack, which take its endpoint and its schedules away: a
    stack that only left the app would stay as it is. Nothing is trained where a model is switched off or its versions
    come from elsewhere.

    Tags are for allocating costs. They go onto resources, not onto stacks (feature flag `explicitStackTags`):
    CloudFormation would copy a stack's tags onto the release parameters, and a changed tag would reset those. Feature
    groups have none: for another tag, CloudFormation would replace a group, which its own name forbids (template
    reference: FeatureGroup, Tags).
    """
    deploy_with(app, settings.deployment.qualifier, settings.deployment.permissions_boundary)
    names = EnvironmentNames(settings.project, settings.environment)
    where = cdk.Environment(account=settings.account, region=settings.region)
    common: dict[str, Any] = {"settings": settings, "env": where, "termination_protection": settings.retain}
    place = _place(app, names, settings, common)
    shared = FoundationStack(app, names.foundation_stack, names=names, place=place, **common)
    features = FeaturesStack(app, names.features_stack, names=names, foundation=shared.foundation, **common)
    access = AccessStack(app, names.access_stack, names=names, foundation=shared.foundation, **common)
    OverviewStack(app, names.overview_stack, names=names, foundation=shared.foundation, **common)
    for key, value in names.tags.items():
        cdk.Tags.of(app).add(key, value, exclude_resource_types=[FEATURE_GROUP])
    features.add_stack_dependency(shared)
    access.add_stack_dependency(features)
    if settings.projects.enabled:
        projects = ProjectsStack(app, names.projects_stack, names=names, foundation=shared.foundation, **common)
        projects.add_stack_dependency(shared)
    for folder, each in settings.models.items():
        model = names.model(folder)
        common |= {"names": model, "foundation": shared.foundation}
        state = StateStack(app, model.state_stack, names=model, env=where, termination_protection=settings.retain)
        serving = ServingStack(app, model.serving_stack, **common)
        release = ReleaseStack(app, model.release_stack, code_root=code_root, **common)
        monitoring = MonitoringStack(app, model.monitoring_stack, code_root=code_root, **common)
        governance = GovernanceStack(app, model.governance_stack, **common)
        stacks = [state, serving, release, monitoring, governance]
        if each.trains:
            training = TrainingStack(app, model.training_stack, code_root=code_root, **common)
            training.add_stack_dependency(features)
            for following in (release, monitoring, governance):
                following.add_stack_dependency(training)
            stacks.append(training)
        serving.add_stack_dependency(state)  # its inputs are parameters there, by name only
        serving.add_stack_dependency(shared)
        serving.add_stack_dependency(features)
        release.add_stack_dependency(serving)
        monitoring.add_stack_dependency(serving)
        governance.add_stack_dependency(release)
        for stack in stacks:
            cdk.Tags.of(stack).add("model", model.public)


def _place(
    app: cdk.App, names: EnvironmentNames, settings: EnvironmentSettings, common: dict[str, Any]
) -> VpcPlace | None:
    """Where everything runs: in a VPC of the environment's own, in one that is there already, or in none."""
    if settings.network.own:
        return NetworkStack(app, names.network_stack, **common).place
    return VpcPlace.given(settings.network) if settings.network.private else None
