"""What an environment's models share: key, buckets, ledger, topic. It holds state and is kept."""

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.data_protection import DataProtection
from mlops_constructs.empty_on_delete import EmptyOnDelete
from mlops_constructs.encrypted_bucket import EncryptedBucket
from mlops_constructs.environment_key import EnvironmentKey
from mlops_constructs.event_forwarding import ALARMS, VERSIONS, EventIntake
from mlops_constructs.ledger_backup import LedgerBackup
from mlops_constructs.naming import EnvironmentNames
from mlops_constructs.network import Network
from mlops_constructs.network_watch import NetworkWatch
from mlops_constructs.private_network import VpcPlace
from mlops_constructs.shared_foundation import SharedFoundation
from mlops_constructs.shared_parameters import SharedParameters
from stacks.settings import EnvironmentSettings
from stacks.settings.neighbours import Neighbour

EVIDENCE_DAYS = 7 * 365
"""How long nobody can remove a version's evidence by accident, from the day that it was written.

Longer than a creditor keeps what a decision was based on (25 months: 12 CFR 1002.12) and than a claim from a contract
can be brought in England (six years: Limitation Act 1980, section 5). Where more is asked for, such as ten years of
documentation for a system of high risk (Regulation (EU) 2024/1689, article 18), raise it: it may grow at any time.
"""


class FoundationStack(cdk.Stack):
    """Outlives every model; nothing in it is replaced by a deployment.

    place: where in a private network everything runs, if it does.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: EnvironmentNames,
        settings: EnvironmentSettings,
        place: VpcPlace | None = None,
        **stack: Any,
    ) -> None:
        super().__init__(scope, construct_id, **stack)
        key = EnvironmentKey(self, "Key", retain=settings.retain, description=f"Everything that {names.base} stores")
        protection = DataProtection(
            key=key,
            retain=settings.retain,
            log_retention_days=settings.log_retention_days,
            network=self._enter(place, names, key) if place else None,
        )
        if place and place.default_group:
            NetworkWatch(self, "NetworkWatch", place=place, protection=protection)
        # "Default" is left out of logical ids: what holds state keeps those that it has.
        shared = SharedFoundation(
            self,
            "Default",
            protection=protection,
            emails=settings.notifications.emails,
            evidence_locked_for=cdk.Duration.days(EVIDENCE_DAYS) if settings.retain else None,
        )
        self.foundation, topic = shared.foundation, shared.topic
        data, artifacts, capture, evidence, _ = shared.buckets
        ledger = self.foundation.ledger
        if settings.retain:
            LedgerBackup(self, "LedgerBackup", ledger=ledger, protection=protection)
        if settings.has_budgets:
            topic.let_budgets_publish()
            key.let_budgets_publish()
        SharedParameters(self, "Shared", names=names, artifacts=artifacts, key=key)
        self._open(names, settings.elsewhere, key, artifacts)
        if not settings.retain:
            emptying = EmptyOnDelete(self, "EmptyOnDelete", protection=protection)
            for bucket in shared.buckets:
                emptying.empty_bucket(bucket)
        self._export(key.key_arn, key.key_id, topic.topic_arn, ledger.table_arn, ledger.table_name)
        buckets = (data, artifacts, capture, evidence)
        self._export(*(value for each in buckets for value in (each.bucket_arn, each.bucket_name)))
        cdk.CfnOutput(self, "KeyArn", value=key.key_arn)
        cdk.CfnOutput(self, "DataBucket", value=data.bucket_name)
        cdk.CfnOutput(self, "ArtifactsBucket", value=artifacts.bucket_name)
        cdk.CfnOutput(self, "CaptureBucket", value=capture.bucket_name)
        cdk.CfnOutput(self, "EvidenceBucket", value=evidence.bucket_name)
        cdk.CfnOutput(self, "LedgerTable", value=ledger.table_name)
        cdk.CfnOutput(self, "TopicArn", value=topic.topic_arn)

    def _open(
        self, names: EnvironmentNames, elsewhere: Sequence[Neighbour], key: EnvironmentKey, artifacts: EncryptedBucket
    ) -> None:
        """What environments in other accounts may read and tell here; nothing where there are none."""
        given: dict[str, set[str]] = {}
        for each in elsewhere:
            account = str(each.account)
            if each.gives:
                given.setdefault(account, set()).update(each.gives)
            kinds = {"Versions": VERSIONS if each.takes else None, "Degradation": ALARMS if each.degrades else None}
            for what, kind in kinds.items():
                if kind:
                    name = f"{what}-{each.environment}"
                    EventIntake(self, name, account=account, kind=kind, statement_id=names.statement_id(name))
        for account, folders in sorted(given.items()):
            artifacts.let_account_read_below(account, sorted(folders))
        if given:
            key.let_accounts_read(sorted(given), names.key_alias)

    def _enter(self, place: VpcPlace, names: EnvironmentNames, key: EnvironmentKey) -> Network:
        network = Network(self, "Network", names=names, place=place, key=key)
        policies = network.functions, network.jobs, network.packages.readers
        self._export(*(each.managed_policy_arn for each in policies))
        return network

    def _export(self, *values: str) -> None:
        """Always, whether a model's stack imports it today or not.

        Left to CDK, an export would go with its last importer; but this stack is deployed before those that import,
        and CloudFormation does not let an export go that is still in use.
        """
        for value in values:
            self.export_value(value)
