"""How one model is trained and registered."""

import difflib
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.empty_on_delete import EmptyOnDelete
from mlops_constructs.errors import SettingRefusedError
from mlops_constructs.event_forwarding import EventForwarding, versions_changed
from mlops_constructs.feature_access import FeatureAccess
from mlops_constructs.foundation import Foundation
from mlops_constructs.images import Images
from mlops_constructs.naming import EnvironmentNames, ModelNames
from mlops_constructs.retraining_settings import RetrainingSettings
from mlops_constructs.training_pipeline import TrainingPipeline
from stacks.settings import EnvironmentSettings


class TrainingStack(cdk.Stack):
    """The model's package group, and the pipeline that registers versions in it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        settings: EnvironmentSettings,
        foundation: Foundation,
        code_root: Path,
        **stack: Any,
    ) -> None:
        super().__init__(scope, construct_id, **stack)
        environment = EnvironmentNames(names.project, names.environment)
        training = TrainingPipeline(
            self,
            "Training",
            names=names,
            settings=settings.models[names.folder].training,
            label_maturity_days=settings.models[names.folder].monitoring.labels.matures_after_days,
            code_root=code_root,
            images=Images(self, settings.images),
            foundation=foundation,
            features=FeatureAccess(environment, settings.used_groups(names.folder), foundation),
            takers=_takers(settings, names.folder),
        )
        for each in settings.elsewhere:
            if names.folder in each.gives:
                EventForwarding(
                    Construct(self, f"To-{each.environment}"),
                    "Forwarding",
                    account=str(each.account),
                    description=f"Tells {each.environment} of versions of {names.base}",
                    pattern=versions_changed(names.package_group),
                    foundation=foundation,
                )
        for shown in (training.group, training.pipeline):
            for key, value in settings.models[names.folder].sagemaker_project.tags.items():
                cdk.Tags.of(shown).add(key, value)
        _check_retraining(settings.models[names.folder].retraining, training, names.folder)
        if not settings.retain:
            emptying = EmptyOnDelete(self, "EmptyOnDelete", protection=foundation.protection)
            emptying.empty_package_group(training.group)
        cdk.CfnOutput(self, "PipelineName", value=training.pipeline.pipeline_name)
        cdk.CfnOutput(self, "ModelPackageGroupName", value=training.group.model_package_group_name)


def _takers(settings: EnvironmentSettings, folder: str) -> dict[str, bool]:
    """By account, whether one of its environments notes test results with the versions that it takes from here."""
    takers: dict[str, bool] = {}
    for each in settings.elsewhere:
        if each.account and folder in each.gives:
            takers[each.account] = takers.get(each.account, False) or folder in each.tests
    return takers


def _check_retraining(settings: RetrainingSettings, training: TrainingPipeline, folder: str) -> None:
    """Raises SettingRefusedError for a parameter that the pipeline would be started with and does not have."""
    for key, name in settings.parameter_names.items() if settings.enabled else ():
        if name not in training.parameters:
            declared = ", ".join(
                difflib.get_close_matches(name, training.parameters, n=1) or sorted(training.parameters)
            )
            place = f"pipeline_code/{folder}"
            allowed = f"a parameter that {place} declares: {declared}; or retraining.enabled = false"
            raise SettingRefusedError(f"models.{folder}.retraining.{key}", name, allowed)
