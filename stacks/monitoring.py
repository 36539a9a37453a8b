"""How one model is watched, who is told, and what trains it anew."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.artifact_source import ArtifactSource
from mlops_constructs.dead_letter_queue import DeadLetterQueue
from mlops_constructs.degradation_reader import DegradationReader
from mlops_constructs.event_forwarding import EventForwarding, alarm_raised
from mlops_constructs.foundation import Foundation
from mlops_constructs.images import Images
from mlops_constructs.model_dashboard import ModelDashboard
from mlops_constructs.model_metrics import ModelMetrics
from mlops_constructs.model_monitor import ModelMonitor, ModelMonitorMetrics
from mlops_constructs.monitoring_alarms import MonitoringAlarms
from mlops_constructs.monitoring_pipeline import MonitoringPipeline
from mlops_constructs.monitoring_schedule import MonitoringSchedule
from mlops_constructs.monitoring_settings import Engine
from mlops_constructs.naming import EnvironmentNames, ModelNames
from mlops_constructs.retraining_access import WatchedPlace
from mlops_constructs.retraining_controller import RetrainingController
from stacks.settings import EnvironmentSettings


class MonitoringStack(cdk.Stack):
    """The monitoring pipeline with its schedule, the model's alarms and dashboard, the retraining controller.

    With engine "model-monitor", SageMaker's own monitors are in the place of pipeline and schedule. Of a model that is
    switched off, only the dashboard is left.
    """

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
        model = settings.models[names.folder]
        by_aws = model.watches and model.monitoring.engine is Engine.MODEL_MONITOR
        if by_aws:
            # Without the rule on the bootstrap version, an update needs no right to read that parameter.
            stack["synthesizer"] = cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False)
        super().__init__(scope, construct_id, **stack)
        self._names, self._settings, self._foundation, self._model = names, settings, foundation, model
        metrics = ModelMonitorMetrics(names) if by_aws else ModelMetrics(names)
        watch = self._watch_by_aws if by_aws else self._watch
        dead_letters = watch(code_root) if model.watches else None
        alarms = None
        if model.enabled:
            alarms = MonitoringAlarms(
                self,
                "Alarms",
                metrics=metrics,
                serving=model.serving,
                settings=model.monitoring,
                topic=foundation.topic,
                dead_letters=dead_letters,
                trains=model.trains,
            )
        if model.trains and model.retraining.enabled:
            self._retrain()
        if model.watches:
            self._tell()
        shown = alarms.shown if alarms else []
        dashboard = ModelDashboard(self, "Dashboard", metrics=metrics, alarms=shown, trains=model.trains)
        cdk.CfnOutput(self, "DashboardName", value=dashboard.dashboard_name)

    def _watch(self, code_root: Path) -> DeadLetterQueue:
        names, model, foundation = self._names, self._model, self._foundation
        monitoring = MonitoringPipeline(
            self,
            "Monitoring",
            names=names,
            registry=self._settings.registry(names.folder),
            framework=model.framework,
            settings=model.monitoring,
            training=model.training,
            code_root=code_root,
            images=Images(self, self._settings.images),
            foundation=foundation,
            source=self._build_source(),
        )
        schedule = MonitoringSchedule(
            self,
            "Schedule",
            names=names,
            settings=model.monitoring,
            pipeline=monitoring.pipeline,
            protection=foundation.protection,
        )
        cdk.CfnOutput(self, "PipelineName", value=monitoring.pipeline.pipeline_name)
        cdk.CfnOutput(self, "DeadLetterQueueUrl", value=schedule.dead_letters.queue_url)
        return schedule.dead_letters

    def _watch_by_aws(self, code_root: Path) -> DeadLetterQueue:
        names, model = self._names, self._model
        monitor = ModelMonitor(
            self,
            "ModelMonitor",
            names=names,
            registry=self._settings.registry(names.folder),
            settings=model.monitoring,
            code_root=code_root,
            foundation=self._foundation,
            source=self._build_source(),
        )
        undelivered = monitor.translator.undelivered
        cdk.CfnOutput(self, "TranslatorFunctionName", value=monitor.translator.function.function_name)
        cdk.CfnOutput(self, "DeadLetterQueueUrl", value=undelivered.queue_url)
        return undelivered

    def _build_source(self) -> ArtifactSource | None:
        return ArtifactSource.of(self, "Source", self._settings.registry(self._names.folder), self._names.environment)

    def _tell(self) -> None:
        """Let environments in other accounts, where this model's versions are made, see and hear that it got worse."""
        names = self._names
        for each in self._settings.elsewhere:
            if names.folder not in each.tells:
                continue
            trainer, account = EnvironmentNames(names.project, each.environment), str(each.account)
            DegradationReader(self, f"Reader-{each.environment}", names=names, trainer=trainer, account=account)
            EventForwarding(
                Construct(self, f"To-{each.environment}"),
                "Forwarding",
                account=account,
                description=f"Tells {each.environment} when versions of {names.base} get worse",
                pattern=alarm_raised(names.degradation_alarm),
                foundation=self._foundation,
            )

    def _retrain(self) -> None:
        names, model = self._names, self._model
        retraining = RetrainingController(
            self,
            "Retraining",
            names=names,
            settings=model.retraining,
            training=model.training,
            foundation=self._foundation,
            places=[WatchedPlace(names), *self._places_of_others()],
        )
        cdk.CfnOutput(self, "RetrainingFunctionName", value=retraining.function.function_name)

    def _places_of_others(self) -> Iterator[WatchedPlace]:
        """As the configuration names them; in another account only where the model is, or no role would be there."""
        names, elsewhere = self._names, {each.environment: each for each in self._settings.elsewhere}
        for environment in self._model.retraining.degradation_in:
            neighbour = elsewhere.get(environment)
            if neighbour is None:
                yield WatchedPlace(names.registry(environment))
            elif names.folder in neighbour.degrades:
                yield WatchedPlace(names.registry(environment), str(neighbour.account))
