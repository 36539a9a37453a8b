"""What may be spent in a month, by the tags of what costs, and who is told when it is."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_sns as sns
from constructs import Construct


class MonthlyBudget(Construct):
    """A cost budget of everything with all of `tags`; `topic` is told at each of `notify_percent`, twice.

    Once when so much has been spent, and once when the month's forecast reaches it. Billing knows a tag only once it is
    activated there, and costs from then on (user guide: user-defined cost allocation tags).

    ```python
    import aws_cdk as cdk

    from mlops_constructs import EnvironmentKey, EnvironmentNames, MonthlyBudget, NotificationTopic

    app = cdk.App()
    stack = cdk.Stack(app, "shop-dev")
    model = EnvironmentNames("shop", "dev").model("churn")
    key = EnvironmentKey(stack, "Key", retain=False, description="All that shop-dev stores")
    topic = NotificationTopic(stack, "Topic", key=key, emails=["ml@example.com"])
    for each in (key, topic):
        each.let_budgets_publish()
    MonthlyBudget(
        stack, "Budget", name=model.base, monthly_usd=500, notify_percent=[80, 100], tags=model.tags, topic=topic
    )

    app.synth()
    ```
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        monthly_usd: int,
        notify_percent: Sequence[int],
        tags: Mapping[str, str],
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, construct_id)
        budget = budgets.CfnBudget
        self.budget = budget(
            self,
            "Resource",
            budget=budget.BudgetDataProperty(
                budget_name=name,
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budget.SpendProperty(amount=monthly_usd, unit="USD"),
                # "user:" is how Budgets calls tags that users made (user guide: budget filters).
                cost_filters={"TagKeyValue": [f"user:{key}${value}" for key, value in tags.items()]},
            ),
            notifications_with_subscribers=[
                _notification(kind, percent, topic) for percent in notify_percent for kind in ("ACTUAL", "FORECASTED")
            ],
            resource_tags=[budget.ResourceTagProperty(key=key, value=value) for key, value in tags.items()],
        )


def _notification(kind: str, percent: int, topic: sns.ITopic) -> Any:
    budget = budgets.CfnBudget
    return budget.NotificationWithSubscribersProperty(
        notification=budget.NotificationProperty(
            notification_type=kind,
            comparison_operator="GREATER_THAN",
            threshold=percent,
            threshold_type="PERCENTAGE",
        ),
        # The topic has the addresses of [notifications]: a budget's own would tell them twice.
        subscribers=[budget.SubscriberProperty(subscription_type="SNS", address=topic.topic_arn)],
    )
