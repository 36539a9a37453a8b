"""SageMaker Model Monitor in the place of the project's own pipeline: what `monitoring.engine = "model-monitor"` makes.

For accounts that used it before July 2026, when it was closed to new customers.
"""

from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from mlops_constructs import model_monitor_payload
from mlops_constructs.artifact_source import ArtifactSource
from mlops_constructs.errors import SettingRefusedError
from mlops_constructs.foundation import Foundation
from mlops_constructs.model_metrics import MINUTE, ModelMetrics
from mlops_constructs.model_monitor_images import MonitorImages
from mlops_constructs.model_monitor_jobs import ModelMonitorJobs
from mlops_constructs.model_monitor_role import ModelMonitorRole
from mlops_constructs.model_monitor_translator import ModelMonitorTranslator
from mlops_constructs.monitoring_settings import MonitoringSettings
from mlops_constructs.naming import ModelNames, ReleaseParameter
from mlops_constructs.registry import Registry
from mlops_constructs.release_inputs import ReleasedVariant
from mlops_constructs.release_parameters import NOTHING

DEPLOYED = "MonitoredPackage"
"""Parameter of the stack, and output by the same name, which the translator reads."""


class ModelMonitor(Construct):
    """Job definitions and schedules of the champion, their role, and the function that speaks for them.

    While there is no champion there is nothing to watch, and SageMaker takes no schedule for an endpoint that is not
    there: the definitions come with the first release. registry, source: as in MonitoringPipeline.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        registry: Registry,
        settings: MonitoringSettings,
        code_root: Path,
        foundation: Foundation,
        source: ArtifactSource | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        _check(names, settings)
        payload = model_monitor_payload.load(code_root, names)
        images = MonitorImages.of(cdk.Stack.of(self))
        self.role = ModelMonitorRole(self, "Role", names=names, foundation=foundation, images=images)
        self.jobs = ModelMonitorJobs(
            self,
            "Jobs",
            names=names,
            settings=settings,
            payload=payload,
            champion=self._build_champion(names),
            role=self.role,
            images=images,
            foundation=foundation,
        )
        self.translator = ModelMonitorTranslator(
            self,
            "Translator",
            names=names,
            registry=registry,
            settings=settings,
            payload=payload,
            role=self.role,
            code_root=code_root,
            foundation=foundation,
            source=source,
        )

    def _build_champion(self, names: ModelNames) -> ReleasedVariant:
        place = names.release_parameter(ReleaseParameter.CHAMPION)
        parameter = cdk.CfnParameter(
            self,
            "Champion",
            type="AWS::SSM::Parameter::Value<String>",
            default=place,
            description=f"Value of {place} when the stack was last updated",
        )
        parameter.override_logical_id(DEPLOYED)
        package = parameter.value_as_string
        cdk.CfnOutput(self, "Deployed", value=package).override_logical_id(DEPLOYED)
        exists = cdk.CfnCondition(
            self,
            "HasChampion",
            expression=cdk.Fn.condition_not(cdk.Fn.condition_equals(package, NOTHING)),
        )
        exists.override_logical_id("HasChampion")
        return ReleasedVariant("champion", package, exists)


@dataclass(frozen=True)
class ModelMonitorMetrics(ModelMetrics):
    """The same figures; what a run came to is told by the translator, since there is no pipeline."""

    def runs(self, pipeline: str, end: str, period: cdk.Duration = MINUTE) -> cloudwatch.Metric:
        if pipeline != self.names.monitoring_pipeline:
            return super().runs(pipeline, end, period)
        figure = self.figure(f"run_{end.lower()}", period)
        return figure.with_(statistic=cloudwatch.Stats.SUM)


def _check(names: ModelNames, settings: MonitoringSettings) -> None:
    if settings.labels.missing_means:
        raise SettingRefusedError(
            f"models.{names.folder}.monitoring.labels.missing_means",
            settings.labels.missing_means,
            '"" with engine "model-monitor", which leaves out every prediction without an outcome: have an outcome '
            "written for each",
        )
