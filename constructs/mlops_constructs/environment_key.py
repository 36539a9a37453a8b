"""The one KMS key of an environment, and the AWS services that may use it on the environment's behalf."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

# Services that write into encrypted topics and queues without a role of ours.
_PUBLISHERS = ("cloudwatch.amazonaws.com", "events.amazonaws.com")
# What CloudWatch Logs asks for (user guide: encrypt log data).
_LOG_ACTIONS = ("Encrypt", "Decrypt", "ReEncrypt*", "GenerateDataKey*", "Describe*")
# What CloudTrail asks for, Decrypt where a bucket's own key is between (user guide: KMS key policies for CloudTrail).
_TRAIL_ACTIONS = ("GenerateDataKey*", "Decrypt", "DescribeKey")

BUDGETS = "budgets.amazonaws.com"


def of_this_accounts_budgets(stack: cdk.Stack) -> dict[str, dict[str, str]]:
    """Conditions on a request that AWS Budgets makes; a budget has no region."""
    budgets = stack.format_arn(service="budgets", region="", resource="*", arn_format=cdk.ArnFormat.NO_RESOURCE_NAME)
    return {"StringEquals": {"aws:SourceAccount": stack.account}, "ArnLike": {"aws:SourceArn": budgets}}


class EnvironmentKey(kms.Key):
    """A rotated key; roles get their use of it by grants, services by the key's own policy.

    ```python
    import aws_cdk as cdk

    from mlops_constructs import EnvironmentKey

    app = cdk.App()
    stack = cdk.Stack(app, "shop-dev")
    key = EnvironmentKey(stack, "Key", retain=False, description="All that shop-dev stores")

    app.synth()
    ```
    """

    def __init__(self, scope: Construct, construct_id: str, *, retain: bool, description: str) -> None:
        super().__init__(
            scope,
            construct_id,
            description=description,
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.RETAIN if retain else cdk.RemovalPolicy.DESTROY,
            pending_window=cdk.Duration.days(30 if retain else 7),
        )
        self._allow_log_groups()
        self._allow_publishers()
        self._allow_trails()

    def let_accounts_read(self, accounts: Sequence[str], alias: str) -> None:
        """Let other accounts read what the environment's buckets hand out to them, and nothing by other ways.

        alias: the name by which they know the key.
        """
        kms.CfnAlias(self, "Alias", alias_name=alias, target_key_id=self.key_id)
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="ReadersInOtherAccounts",
                principals=[iam.AccountPrincipal(each) for each in accounts],
                actions=["kms:Decrypt"],
                resources=["*"],  # in a key policy: this key
                conditions={"StringEquals": {"kms:ViaService": f"s3.{cdk.Stack.of(self).region}.amazonaws.com"}},
            )
        )

    def let_budgets_publish(self) -> None:
        """Let AWS Budgets write into the encrypted topic."""
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="BudgetsOfThisAccount",
                principals=[iam.ServicePrincipal(BUDGETS)],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],  # in a key policy: this key
                conditions=of_this_accounts_budgets(cdk.Stack.of(self)),
            )
        )

    def _allow_log_groups(self) -> None:
        stack = cdk.Stack.of(self)
        groups = stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name="*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LogGroupsOfThisAccount",
                principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
                actions=[f"kms:{action}" for action in _LOG_ACTIONS],
                resources=["*"],  # in a key policy: this key
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
            )
        )

    def _allow_publishers(self) -> None:
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsAndRulesOfThisAccount",
                principals=[iam.ServicePrincipal(service) for service in _PUBLISHERS],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],  # in a key policy: this key
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            )
        )

    def _allow_trails(self) -> None:
        """By the trail's ARN alone: with a bucket's own key, S3 names the bucket, not the trail, as the context."""
        trails = cdk.Stack.of(self).format_arn(service="cloudtrail", resource="trail", resource_name="*")
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="TrailsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudtrail.amazonaws.com")],
                actions=[f"kms:{action}" for action in _TRAIL_ACTIONS],
                resources=["*"],  # in a key policy: this key
                conditions={"ArnLike": {"aws:SourceArn": trails}},
            )
        )
