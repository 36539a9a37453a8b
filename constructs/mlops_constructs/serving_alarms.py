"""Alarms on how a model is served: requests, room, releases, cost. Errors and latency have GuardrailAlarms."""

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from mlops_constructs.instance_types import vcpus
from mlops_constructs.model_alarm import ModelAlarm
from mlops_constructs.model_metrics import DAY, HOUR, MINUTE, RUNNING, VARIANTS, ModelMetrics, none_while_running
from mlops_constructs.monitoring_settings import MonitoringAlarmSettings
from mlops_constructs.settings import ServingSettings

_MINUTES_A_DAY = 24 * 60
_MICROSECONDS = 1000


class ServingAlarms(Construct):
    """None of them tells anybody by itself.

    Before the first release there is no endpoint, so there are no figures and no alarm.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        metrics: ModelMetrics,
        serving: ServingSettings,
        settings: MonitoringAlarmSettings,
    ) -> None:
        super().__init__(scope, construct_id)
        self._metrics, self._serving, self._settings = metrics, serving, settings
        self._endpoint = metrics.names.endpoint
        self.no_traffic = self._build_no_traffic()
        self.saturation = self._build_saturation()
        self.throttles = self._build_throttles()
        self.release_stuck = self._build_release_stuck()
        # A fleet that does not scale has the instances that the configuration gives it.
        self.cost = self._build_cost() if settings.daily_instances and serving.autoscaling.enabled else None

    def _build_no_traffic(self) -> ModelAlarm:
        """Requests are counted only when there are some; that instances run shows that there is an endpoint.

        Each hour is one in which they ran from end to end: an endpoint of some minutes has not missed an hour's.
        """
        idle = cloudwatch.MathExpression(
            expression=none_while_running("requests"),
            using_metrics={
                RUNNING: self._metrics.instance_minutes(period=HOUR),
                "requests": self._metrics.invocations(period=HOUR),
            },
            period=HOUR,
            label="Hours without requests",
        )
        hours = self._settings.no_traffic_hours
        meaning = f"The champion of {self._endpoint} runs, and had no request for {hours} h."
        return ModelAlarm(self, "NoTraffic", metric=idle, meaning=meaning, periods=hours)

    def _build_saturation(self) -> ModelAlarm:
        """Nothing is filled in: the newest minute's figures come late, and one filled with 0 would end each alarm."""
        metrics, limit = self._metrics, self._settings.utilisation_percent
        used = cloudwatch.MathExpression(
            expression=f"MAX([cpu / {vcpus(self._serving.instance_type)}, memory, disk])",
            using_metrics={"cpu": metrics.cpu(), "memory": metrics.memory(), "disk": metrics.disk()},
            period=MINUTE,
            label="Used, in percent",
        )
        minutes = self._settings.minutes
        meaning = (
            f"The champion of {self._endpoint} uses {limit:g} % or more of its processors, memory or disk for "
            f"{minutes} min."
        )
        return ModelAlarm(self, "Saturation", metric=used, meaning=meaning, threshold=limit, periods=minutes)

    def _build_throttles(self) -> ModelAlarm:
        """SageMaker counts no throttled requests of an endpoint: their callers alone know of them.

        What it publishes is how long requests took beside the model's own time. Where they queue before the
        instances, or are about to be turned away, that grows.
        """
        limit, minutes = self._settings.overhead_ms, self._settings.minutes
        meaning = f"Requests to {self._endpoint} wait {limit} ms or more (p95) for an instance, for {minutes} min."
        return ModelAlarm(
            self,
            "Throttles",
            metric=self._metrics.overhead(),
            meaning=meaning,
            threshold=limit * _MICROSECONDS,
            periods=minutes,
        )

    def _build_release_stuck(self) -> ModelAlarm:
        """The controller publishes at each look; between two of them the alarm stays as it is."""
        return ModelAlarm(
            self,
            "ReleaseStuck",
            metric=self._metrics.overdue(),
            meaning=f"A version on its way to {self._endpoint} is in one stage an hour longer than that may take.",
            missing=cloudwatch.TreatMissingData.IGNORE,
        )

    def _build_cost(self) -> ModelAlarm:
        """What the endpoint costs is what its instances cost; prices, and other services, are a budget's matter."""
        ran = {each: self._metrics.instance_minutes(each, DAY) for each in VARIANTS}
        terms = ", ".join(f"FILL({each}, 0)" for each in VARIANTS)
        instances = cloudwatch.MathExpression(
            expression=f"SUM([{terms}]) / {_MINUTES_A_DAY}",
            using_metrics=dict(ran),
            period=DAY,
            label="Instances, average of a day",
        )
        limit = self._settings.daily_instances
        meaning = f"{self._endpoint} had {limit:g} instances or more on average over a day, all variants together."
        return ModelAlarm(self, "Cost", metric=instances, meaning=meaning, threshold=limit)
