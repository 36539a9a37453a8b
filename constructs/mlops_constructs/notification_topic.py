"""Where people hear about releases, failures and alarms."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from mlops_constructs.environment_key import BUDGETS, of_this_accounts_budgets


class NotificationTopic(sns.Topic):
    """An encrypted, TLS-only topic that this account's alarms may publish to.

    ```python
    import aws_cdk as cdk

    from mlops_constructs import EnvironmentKey, NotificationTopic

    app = cdk.App()
    stack = cdk.Stack(app, "shop-dev")
    key = EnvironmentKey(stack, "Key", retain=False, description="All that shop-dev stores")
    topic = NotificationTopic(stack, "Topic", key=key, emails=["ml@example.com"])

    app.synth()
    ```
    """

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.IKey, emails: Sequence[str]) -> None:
        super().__init__(scope, construct_id, master_key=key, enforce_ssl=True)
        for email in emails:
            self.add_subscription(subscriptions.EmailSubscription(email))
        # A topic with a policy of its own loses SNS's default one, which let alarms publish.
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            )
        )

    def let_budgets_publish(self) -> None:
        """AWS Budgets tells from outside of every region (user guide: Amazon SNS topics for budget notifications)."""
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="BudgetsOfThisAccount",
                principals=[iam.ServicePrincipal(BUDGETS)],
                actions=["sns:Publish"],
                resources=[self.topic_arn],
                conditions=of_this_accounts_budgets(cdk.Stack.of(self)),
            )
        )
