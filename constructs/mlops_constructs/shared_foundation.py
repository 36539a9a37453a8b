"""What all models of an environment share, made in one go: buckets, ledger and topic."""

from collections.abc import Sequence

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.data_protection import DataProtection
from mlops_constructs.encrypted_bucket import AccessLogBucket, EncryptedBucket
from mlops_constructs.foundation import Foundation
from mlops_constructs.ledger import Ledger
from mlops_constructs.notification_topic import NotificationTopic


class SharedFoundation(Construct):
    """`foundation` is what the constructs of a model take; one for each environment, in a stack that is kept.

    `buckets` are all of them, that of access logs too: what to empty where an environment may vanish.

    ```python
    import aws_cdk as cdk

    from mlops_constructs import DataProtection, EnvironmentKey, SharedFoundation

    app = cdk.App()
    stack = cdk.Stack(app, "shop-dev")
    key = EnvironmentKey(stack, "Key", retain=False, description="All that shop-dev stores")
    protection = DataProtection(key=key, retain=False, log_retention_days=30)
    shared = SharedFoundation(stack, "Shared", protection=protection, emails=["ml@example.com"])
    cdk.CfnOutput(stack, "DataBucket", value=shared.foundation.data.bucket_name)

    app.synth()
    ```
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        protection: DataProtection,
        emails: Sequence[str],
        evidence_locked_for: cdk.Duration | None = None,
    ) -> None:
        """emails: who is told; each address has to confirm. evidence_locked_for: how long no evidence can go."""
        super().__init__(scope, construct_id)
        access_logs = AccessLogBucket(self, "AccessLogs", protection=protection)
        data, artifacts, capture = (
            EncryptedBucket(self, name, protection=protection, access_logs=access_logs)
            for name in ("Data", "Artifacts", "Capture")
        )
        evidence = EncryptedBucket(
            self, "Evidence", protection=protection, access_logs=access_logs, locked_for=evidence_locked_for
        )
        capture.send_events()  # outcomes arrive there, and the release controllers want to know
        data.send_events()  # training data arrive there, and the retraining controllers want to know
        self.topic = NotificationTopic(self, "Topic", key=protection.key, emails=emails)
        self.buckets = (data, artifacts, capture, evidence, access_logs)
        self.foundation = Foundation(
            data=data,
            artifacts=artifacts,
            capture=capture,
            evidence=evidence,
            ledger=Ledger(self, "Ledger", protection=protection),
            topic=self.topic,
            protection=protection,
        )
