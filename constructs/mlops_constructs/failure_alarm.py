"""An alarm on a count of failures: one is too many."""

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from mlops_constructs.model_alarm import explained


class FailureAlarm(cloudwatch.Alarm):
    """Tells `topic` as soon as `metric` is above zero; no data are good news.

    Its section in the operations manual is called after `scope` and it: `Batch` and `FunctionFails` have
    BatchFunctionFails.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, metric: cloudwatch.Metric, topic: sns.ITopic, description: str
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            metric=metric,
            alarm_description=explained(f"{description}.", f"{scope.node.id}{construct_id}"),
            threshold=0,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self.add_alarm_action(actions.SnsAction(topic))
