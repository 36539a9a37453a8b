"""Where events go that could not be handled: kept for two weeks, alarmed, replayable."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.acknowledge import acknowledge
from mlops_constructs.data_protection import DataProtection


class DeadLetterQueue(sqs.Queue):
    """An encrypted, TLS-only queue at the end of the road.

    ```python
    import aws_cdk as cdk

    from mlops_constructs import DataProtection, DeadLetterQueue, EnvironmentKey

    app = cdk.App()
    stack = cdk.Stack(app, "shop-dev")
    key = EnvironmentKey(stack, "Key", retain=False, description="All that shop-dev stores")
    protection = DataProtection(key=key, retain=False, log_retention_days=30)
    queue = DeadLetterQueue(stack, "DeadLetters", protection=protection)
    waiting = queue.metric_waiting().create_alarm(stack, "Waiting", threshold=1, evaluation_periods=1)

    app.synth()
    ```
    """

    def __init__(self, scope: Construct, construct_id: str, *, protection: DataProtection) -> None:
        super().__init__(
            scope,
            construct_id,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=protection.key,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
            removal_policy=protection.removal_policy,
        )
        self._key = protection.key
        acknowledge(self, {"AwsSolutions-SQS3": "This queue is the dead-letter queue itself."})

    def grant_send(self, role: iam.IRole) -> None:
        """Let `role` put messages in."""
        allow(role, ["sqs:SendMessage"], [self.queue_arn])
        allow(role, ["kms:Decrypt", "kms:GenerateDataKey"], [self._key.key_arn])

    def metric_waiting(self) -> cloudwatch.Metric:
        """How many events wait to be looked at."""
        return self.metric_approximate_number_of_messages_visible(
            period=cdk.Duration.minutes(1), statistic=cloudwatch.Stats.MAXIMUM
        )
