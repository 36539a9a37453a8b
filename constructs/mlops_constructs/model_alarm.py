"""An alarm of a model that says what it means, and the one page that several alarms of one cause share."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from mlops_constructs.acknowledge import acknowledge_in_standards

EXPLAINED_IN = "docs/operations.md"


class ModelAlarm(cloudwatch.Alarm):
    """`<stack>-<name>`: in ALARM when `metric` is at or above `threshold` in `datapoints` (all) of `periods` periods.

    It tells nobody unless `page` is called, or a Trouble that it belongs to does.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        metric: cloudwatch.IMetric,
        meaning: str,
        threshold: float = 1,
        periods: int = 1,
        datapoints: int | None = None,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
        alarm_name: str | None = None,
    ) -> None:
        super().__init__(
            scope,
            name,
            alarm_name=alarm_name or f"{cdk.Stack.of(scope).stack_name}-{name}",
            alarm_description=explained(meaning, name),
            metric=metric,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=periods,
            datapoints_to_alarm=datapoints,
            treat_missing_data=missing,
        )

    def page(self, topic: sns.ITopic) -> None:
        """Tell `topic` by itself."""
        self.add_alarm_action(actions.SnsAction(topic))

    def tell_nobody(self, why: str) -> None:
        """Why no action belongs to this alarm itself."""
        acknowledge_in_standards(self, {"CloudWatchAlarmAction": why})


class Trouble(cloudwatch.CompositeAlarm):
    """`<stack>-<name>`: tells `topic` when the first of `alarms` goes off, and not again until all are over."""

    def __init__(
        self, scope: Construct, name: str, *, alarms: Sequence[ModelAlarm], meaning: str, topic: sns.ITopic
    ) -> None:
        super().__init__(
            scope,
            name,
            composite_alarm_name=f"{cdk.Stack.of(scope).stack_name}-{name}",
            alarm_description=explained(meaning, name),
            alarm_rule=cloudwatch.AlarmRule.any_of(*alarms),
        )
        self.add_alarm_action(actions.SnsAction(topic))
        for alarm in alarms:
            alarm.tell_nobody(f"The composite alarm {name} tells the topic, once for all of its members.")


def explained(meaning: str, name: str) -> str:
    """The description of an alarm: what it means, and the section of the manual that says what to do."""
    return f"{meaning} What to do: {EXPLAINED_IN}, {name}"
