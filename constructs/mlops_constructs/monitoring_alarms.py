"""All alarms of a model beside its guardrails: which there are, and who is told of which."""

from collections.abc import Sequence

from aws_cdk import aws_sns as sns
from constructs import Construct

from mlops_constructs.dead_letter_queue import DeadLetterQueue
from mlops_constructs.model_alarm import ModelAlarm, Trouble
from mlops_constructs.model_metrics import ModelMetrics
from mlops_constructs.monitor_alarms import MonitorAlarms
from mlops_constructs.monitoring_settings import MonitoringSettings
from mlops_constructs.pipeline_alarms import last_run_failed, no_run_succeeded
from mlops_constructs.serving_alarms import ServingAlarms
from mlops_constructs.settings import ServingSettings


class MonitoringAlarms(Construct):
    """What tends to have one cause shares a page: a Trouble tells the topic once, its members tell nobody.

    Not one Trouble for everything: while a degraded model waits for its successor, other pages must still come.
    dead_letters: of the monitoring schedule, if the model is monitored. trains: whether it has a training pipeline.

    ```python
    import aws_cdk as cdk

    from mlops_constructs import (
        DataProtection,
        EnvironmentKey,
        EnvironmentNames,
        ModelMetrics,
        MonitoringAlarms,
        MonitoringSettings,
        ServingSettings,
        SharedFoundation,
        starting,
    )

    app = cdk.App()
    names = EnvironmentNames("shop", "dev")
    shared = cdk.Stack(app, names.foundation_stack)
    key = EnvironmentKey(shared, "Key", retain=False, description="All that shop-dev stores")
    protection = DataProtection(key=key, retain=False, log_retention_days=30)
    foundation = SharedFoundation(shared, "Shared", protection=protection, emails=["ml@example.com"]).foundation
    model = names.model("churn")
    stack = cdk.Stack(app, model.monitoring_stack)
    alarms = MonitoringAlarms(
        stack,
        "Alarms",
        metrics=ModelMetrics(model),
        serving=starting(ServingSettings),
        settings=starting(MonitoringSettings),
        topic=foundation.topic,
        dead_letters=None,
        trains=True,
    )

    app.synth()
    ```
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        metrics: ModelMetrics,
        serving: ServingSettings,
        settings: MonitoringSettings,
        topic: sns.ITopic,
        dead_letters: DeadLetterQueue | None,
        trains: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self._metrics, self._settings, self._topic = metrics, settings, topic
        served = ServingAlarms(self, "Serving", metrics=metrics, serving=serving, settings=settings.alarms)
        incoming, alone = [served.no_traffic], [served.release_stuck]
        alone += [served.cost] if served.cost else []
        alone += [self._build_training_failed()] if trains else []
        self.troubles = [
            self._trouble("CapacityTrouble", [served.saturation, served.throttles], "has too little room"),
        ]
        self.shown = [*alone, served.no_traffic, served.saturation, served.throttles]
        if dead_letters:
            captured = serving.capture_percentage
            found = MonitorAlarms(self, "Found", metrics=metrics, settings=settings, captured_percent=captured)
            incoming += [found.no_capture, found.data_quality_fault]
            judged, runs = [found.degradation, found.bias, found.attribution], self._build_runs(dead_letters)
            self.troubles += [
                self._trouble("ModelTrouble", judged, "has a model that is no longer what it was"),
                self._trouble("MonitoringTrouble", runs, "is not monitored"),
            ]
            self.shown += [found.no_capture, found.data_quality_fault, *judged, found.input_drift, *runs]
        self.troubles.append(self._trouble("TrafficTrouble", incoming, "gets no requests, or none it can use"))
        for alarm in alone:
            alarm.page(topic)

    def _trouble(self, name: str, alarms: Sequence[ModelAlarm], what: str) -> Trouble:
        members = ", ".join(alarm.node.id for alarm in alarms)
        meaning = f"{self._metrics.names.endpoint} {what}: {members}."
        return Trouble(self, name, alarms=alarms, meaning=meaning, topic=self._topic)

    def _build_training_failed(self) -> ModelAlarm:
        pipeline = self._metrics.names.pipeline
        meaning = f"A run of {pipeline} failed, and registered nothing."
        return last_run_failed(self, "TrainingFailed", metrics=self._metrics, pipeline=pipeline, meaning=meaning)

    def _build_runs(self, dead_letters: DeadLetterQueue) -> list[ModelAlarm]:
        pipeline, hours = self._metrics.names.monitoring_pipeline, self._settings.missed_after_hours
        return [
            last_run_failed(
                self,
                "MonitoringFailed",
                metrics=self._metrics,
                pipeline=pipeline,
                meaning=f"A run of {pipeline} failed, so a window was not judged.",
            ),
            no_run_succeeded(
                self,
                "MonitoringMissed",
                metrics=self._metrics,
                pipeline=pipeline,
                hours=hours,
                meaning=f"No run of {pipeline} succeeded for {hours} h, in which two windows ended.",
            ),
            ModelAlarm(
                self,
                "MonitoringDeadLettersWaiting",
                metric=dead_letters.metric_waiting(),
                meaning=f"The schedule could not start {pipeline}.",
            ),
        ]
