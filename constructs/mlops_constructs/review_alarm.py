"""An alarm on the date by which a serving version should have been looked at again."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from mlops_constructs.model_alarm import explained
from mlops_constructs.naming import ModelNames

GOVERNANCE_NAMESPACE = "MLOps/Governance"
"""Of what the record keeper publishes (lambdas/record_keeper/review.py)."""

_PERIOD = cdk.Duration.hours(3)  # the keeper publishes once an hour


class ReviewAlarm(cloudwatch.Alarm):
    """Tells `topic` when a version serves longer without a review than the configuration allows."""

    def __init__(
        self, scope: Construct, construct_id: str, *, names: ModelNames, review_days: int, topic: sns.ITopic
    ) -> None:
        meaning = f"The version of {names.base} that serves has not been reviewed for more than {review_days} days."
        super().__init__(
            scope,
            construct_id,
            alarm_description=explained(meaning, construct_id),
            metric=overdue(names),
            threshold=0,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            # Where nothing serves, nothing is published, and nothing is due.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self.add_alarm_action(actions.SnsAction(topic))


def overdue(names: ModelNames) -> cloudwatch.Metric:
    """Days beyond the date of the review; 0 before it, nothing where nothing serves."""
    return cloudwatch.Metric(
        namespace=GOVERNANCE_NAMESPACE,
        metric_name="ReviewOverdueDays",
        dimensions_map={"Model": names.base},
        statistic=cloudwatch.Stats.MAXIMUM,
        period=_PERIOD,
    )
