"""Alarms on one fleet of an endpoint: they roll a deployment back, and call for people at any other time."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from mlops_constructs.model_alarm import explained
from mlops_constructs.settings import METRIC_PERIOD_SECONDS, AlarmSettings

LATENCY_STATISTIC = "p95"


class GuardrailAlarms(Construct):
    """Share of server errors, share of client errors, latency.

    The dimension EndpointConfigName tells the new fleet from the old one while both serve under the same
    endpoint and variant names. The configuration's name is in the alarms' names as well, so that a new fleet gets
    new alarms: one that is only changed keeps its state (API reference: PutMetricAlarm), and while the old fleet's
    ALARM stood, SageMaker would roll back what is to relieve it, and CloudFormation could not roll back either.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint_name: str,
        endpoint_config_name: str,
        variant_name: str,
        settings: AlarmSettings,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self._fleet = {
            "EndpointName": endpoint_name,
            "EndpointConfigName": endpoint_config_name,
            "VariantName": variant_name,
        }
        self._settings, self._topic = settings, topic
        self.alarms = [
            self._alarm("ServerErrors", self.metric_server_errors(), settings.error_percent / 100),
            self._alarm("ClientErrors", self.metric_client_errors(), settings.client_error_percent / 100),
            self._alarm("Latency", self.metric_latency(), settings.latency_ms * 1000),
        ]

    def metric_server_errors(self) -> cloudwatch.Metric:
        """Share of requests answered with 5xx, 0 to 1 (SageMaker reports 0 or 1 for each request)."""
        return self._metric("Invocation5XXErrors", cloudwatch.Stats.AVERAGE)

    def metric_client_errors(self) -> cloudwatch.Metric:
        """Share of requests answered with 4xx, 0 to 1."""
        return self._metric("Invocation4XXErrors", cloudwatch.Stats.AVERAGE)

    def metric_latency(self) -> cloudwatch.Metric:
        """Time the model took for a request, in microseconds."""
        return self._metric("ModelLatency", LATENCY_STATISTIC)

    def _metric(self, name: str, statistic: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/SageMaker",
            metric_name=name,
            dimensions_map=self._fleet,
            statistic=statistic,
            period=cdk.Duration.seconds(METRIC_PERIOD_SECONDS),
        )

    def _alarm(self, name: str, metric: cloudwatch.Metric, threshold: float) -> cloudwatch.Alarm:
        fleet, variant = self._fleet, self._fleet["VariantName"]
        alarm = metric.create_alarm(
            self,
            name,
            alarm_name=f"{cdk.Stack.of(self).stack_name}-{variant}-{name}-{fleet['EndpointConfigName']}",
            alarm_description=explained(
                f"{metric.metric_name} of {fleet['EndpointName']}, variant {variant}: "
                f"{metric.statistic} above {threshold:g}.",
                f"Guardrails{name}",
            ),
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=self._settings.periods,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,  # no traffic is no fault
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        return alarm
