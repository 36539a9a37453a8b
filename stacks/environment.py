"""All stacks of one environment, and in which order they deploy."""

from pathlib import Path
from typing import Any

import aws_cdk as cdk

from mlops_constructs.naming import EnvironmentNames
from stacks.foundation import FoundationStack
from stacks.monitoring import MonitoringStack
from stacks.overview import OverviewStack
from stacks.release import ReleaseStack
from stacks.serving import ServingStack
from stacks.settings import EnvironmentSettings
from stacks.training import TrainingStack


def add_stacks(app: cdk.App, settings: EnvironmentSettings, *, code_root: Path) -> None:
    """The foundation, for each model its training, serving, release and monitoring stacks, and what shows them all.

    A model that is switched off keeps the last three, which take its endpoint and its schedules away: a stack that
    only left the app would stay as it is. Nothing is trained where a model is switched off or its versions come from
    elsewhere.

    Tags are for allocating costs. They go onto resources, not onto stacks (feature flag `explicitStackTags`):
    CloudFormation would copy a stack's tags onto the release parameters, and a changed tag would reset those.
    """
    names = EnvironmentNames(settings.project, settings.environment)
    where = cdk.Environment(account=settings.account, region=settings.region)
    common: dict[str, Any] = {"settings": settings, "env": where, "termination_protection": settings.retain}
    shared = FoundationStack(app, names.foundation_stack, names=names, **common)
    OverviewStack(app, names.overview_stack, names=names, **common)
    cdk.Tags.of(app).add("project", settings.project)
    cdk.Tags.of(app).add("environment", settings.environment)
    for folder, each in settings.models.items():
        model = names.model(folder)
        common |= {"names": model, "foundation": shared.foundation}
        serving = ServingStack(app, model.serving_stack, **common)
        release = ReleaseStack(app, model.release_stack, code_root=code_root, **common)
        monitoring = MonitoringStack(app, model.monitoring_stack, code_root=code_root, **common)
        stacks = [serving, release, monitoring]
        if each.trains:
            training = TrainingStack(app, model.training_stack, code_root=code_root, **common)
            release.add_stack_dependency(training)
            monitoring.add_stack_dependency(training)
            stacks.append(training)
        serving.add_stack_dependency(shared)  # its inputs are parameters there, by name only
        release.add_stack_dependency(serving)
        monitoring.add_stack_dependency(serving)
        for stack in stacks:
            cdk.Tags.of(stack).add("model", model.public)
