"""Alarms that stop a delivery: on the endpoints of one environment in the pipeline's own account and region."""

from collections.abc import Mapping
from itertools import islice

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codepipeline as codepipeline
from constructs import Construct

from mlops_constructs.acknowledge import acknowledge_in_standards
from mlops_constructs.delivery_names import DeliveryNames
from mlops_constructs.model_alarm import explained
from mlops_constructs.naming import ModelNames
from mlops_constructs.settings import METRIC_PERIOD_SECONDS, AlarmSettings

METRICS_LIMIT = 10  # PutMetricAlarm: metrics of one expression
RULES_LIMIT = 5  # template reference: Condition, Rules
WATCHED_LIMIT = METRICS_LIMIT * RULES_LIMIT

SETTLE_MINUTES = 5
"""How long an environment that rings when a delivery comes may take to become quiet."""


class DeliveryAlarms(Construct):
    """Share of requests that were answered with 5xx, of every model, against the limit of its guardrail alarms.

    The guardrails' own alarms come and go with each fleet, and a rule needs a name; these are named, and cover what
    answers at the moment. Nobody is told by them: the pipeline looks, and the guardrails tell.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: DeliveryNames,
        environment: str,
        models: Mapping[ModelNames, AlarmSettings],
    ) -> None:
        super().__init__(scope, construct_id)
        self._names, self._environment = names, environment
        remaining = iter(models.items())
        self.alarms: list[cloudwatch.Alarm] = []
        while some := dict(islice(remaining, METRICS_LIMIT)):
            self.alarms.append(self._build(len(self.alarms) + 1, some))

    def quiet(self, result: codepipeline.Result, minutes: int) -> codepipeline.Conditions:
        """Fails, with this result, while one of the alarms is in ALARM, or once it gets there in so many minutes."""
        rules = [
            codepipeline.Rule(
                name=f"Quiet{number}",
                provider="CloudWatchAlarm",
                version="1",
                configuration={
                    "AlarmName": alarm.alarm_name,
                    "AlarmStates": cloudwatch.AlarmState.ALARM.value,
                    "WaitTime": str(minutes),
                },
            )
            for number, alarm in enumerate(self.alarms, start=1)
        ]
        return codepipeline.Conditions(conditions=[codepipeline.Condition(result=result, rules=rules)])

    def _build(self, number: int, models: Mapping[ModelNames, AlarmSettings]) -> cloudwatch.Alarm:
        metrics = {
            f"errors{place}": cloudwatch.Metric(
                namespace="AWS/SageMaker",
                metric_name="Invocation5XXErrors",
                dimensions_map={"EndpointName": names.endpoint, "VariantName": "champion"},
                statistic=cloudwatch.Stats.AVERAGE,
                period=cdk.Duration.seconds(METRIC_PERIOD_SECONDS),
            )
            for place, names in enumerate(models)
        }
        worst = ", ".join(
            f"FILL(errors{place}, 0) / {settings.error_percent / 100:g}"
            for place, settings in enumerate(models.values())
        )
        alarm = cloudwatch.MathExpression(
            expression=f"MAX([{worst}])",
            using_metrics=dict(metrics),
            period=cdk.Duration.seconds(METRIC_PERIOD_SECONDS),
            label="Server errors, in shares of what is allowed",
        ).create_alarm(
            self,
            f"Errors{number}",
            alarm_name=self._names.alarm(self._environment, number),
            alarm_description=explained(
                f"An endpoint of {self._environment} answers more requests with 5xx than its model's alarms allow.",
                "DeliveryErrors",
            ),
            threshold=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=max(each.periods for each in models.values()),
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        reason = "The pipeline looks at it; people hear of the same errors from the guardrail alarms of the endpoint."
        acknowledge_in_standards(alarm, {"CloudWatchAlarmAction": reason})
        return alarm
