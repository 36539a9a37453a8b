"""What an environment's models share: key, buckets, ledger, release parameters, topic. It holds state and is kept."""

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.data_protection import DataProtection
from mlops_constructs.empty_on_delete import EmptyOnDelete
from mlops_constructs.encrypted_bucket import AccessLogBucket, EncryptedBucket
from mlops_constructs.environment_key import EnvironmentKey
from mlops_constructs.foundation import Foundation
from mlops_constructs.ledger import Ledger
from mlops_constructs.naming import EnvironmentNames
from mlops_constructs.notification_topic import NotificationTopic
from mlops_constructs.release_parameters import ReleaseParameters
from mlops_constructs.shared_parameters import SharedParameters
from stacks.settings import EnvironmentSettings

EVIDENCE_DAYS = 7 * 365
"""How long nobody can remove a version's evidence by accident, from the day that it was written.

Longer than a creditor keeps what a decision was based on (25 months: 12 CFR 1002.12) and than a claim from a contract
can be brought in England (six years: Limitation Act 1980, section 5). Where more is asked for, such as ten years of
documentation for a system of high risk (Regulation (EU) 2024/1689, article 18), raise it: it may grow at any time.
"""


class FoundationStack(cdk.Stack):
    """Outlives every model; nothing in it is replaced by a deployment."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: EnvironmentNames,
        settings: EnvironmentSettings,
        **stack: Any,
    ) -> None:
        super().__init__(scope, construct_id, **stack)
        key = EnvironmentKey(self, "Key", retain=settings.retain, description=f"Everything that {names.base} stores")
        protection = DataProtection(key=key, retain=settings.retain, log_retention_days=settings.log_retention_days)
        access_logs = AccessLogBucket(self, "AccessLogs", protection=protection)
        data, artifacts, capture = (
            EncryptedBucket(self, name, protection=protection, access_logs=access_logs)
            for name in ("Data", "Artifacts", "Capture")
        )
        evidence = EncryptedBucket(
            self,
            "Evidence",
            protection=protection,
            access_logs=access_logs,
            locked_for=cdk.Duration.days(EVIDENCE_DAYS) if settings.retain else None,
        )
        capture.send_events()  # outcomes arrive there, and the release controllers want to know
        data.send_events()  # training data arrive there, and the retraining controllers want to know
        ledger = Ledger(self, "Ledger", protection=protection)
        topic = NotificationTopic(self, "Topic", key=key, emails=settings.notifications.emails)
        self.foundation = Foundation(
            data=data,
            artifacts=artifacts,
            capture=capture,
            evidence=evidence,
            ledger=ledger,
            topic=topic,
            protection=protection,
        )
        SharedParameters(self, "Shared", names=names, artifacts=artifacts, key=key)
        for folder in settings.models:
            model = names.model(folder)
            ReleaseParameters(self, f"Release-{model.public}", names=model)
        if not settings.retain:
            emptying = EmptyOnDelete(self, "EmptyOnDelete", protection=protection)
            for bucket in (data, artifacts, capture, evidence, access_logs):
                emptying.empty_bucket(bucket)
        self._export(key.key_arn, topic.topic_arn, ledger.table_arn, ledger.table_name)
        buckets = (data, artifacts, capture, evidence)
        self._export(*(value for each in buckets for value in (each.bucket_arn, each.bucket_name)))
        cdk.CfnOutput(self, "KeyArn", value=key.key_arn)
        cdk.CfnOutput(self, "DataBucket", value=data.bucket_name)
        cdk.CfnOutput(self, "ArtifactsBucket", value=artifacts.bucket_name)
        cdk.CfnOutput(self, "CaptureBucket", value=capture.bucket_name)
        cdk.CfnOutput(self, "EvidenceBucket", value=evidence.bucket_name)
        cdk.CfnOutput(self, "LedgerTable", value=ledger.table_name)
        cdk.CfnOutput(self, "TopicArn", value=topic.topic_arn)

    def _export(self, *values: str) -> None:
        """Always, whether a model's stack imports it today or not.

        Left to CDK, an export would go with its last importer; but this stack is deployed before those that import,
        and CloudFormation does not let an export go that is still in use.
        """
        for value in values:
            self.export_value(value)
