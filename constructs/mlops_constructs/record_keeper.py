"""The Lambda function that writes down how each version of a model came to be and what became of it."""

import json
from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from mlops_constructs.artifact_source import ArtifactSource
from mlops_constructs.dead_letter_queue import DeadLetterQueue
from mlops_constructs.failure_alarm import FailureAlarm
from mlops_constructs.foundation import Foundation
from mlops_constructs.function import PythonFunction
from mlops_constructs.governance_settings import GovernanceSettings
from mlops_constructs.naming import ModelNames, ReleaseParameter
from mlops_constructs.record_keeper_access import RecordKeeperAccess
from mlops_constructs.record_keeper_wakes import RecordKeeperWakes
from mlops_constructs.registry import Registry

_EVENT_AGE = cdk.Duration.hours(2)
_TIMEOUT = cdk.Duration.seconds(60)
_MEMORY_MB = 512  # documents and code bundles are read into it


class RecordKeeper(Construct):
    """Events and a schedule only wake the function; what it writes follows from what it then observes.

    registry: where the versions are made. data_prefix: where the model's data are in the data bucket. feature_groups:
    of those that it learns from, by their names in the configuration, the names on AWS. tracking: ARN of the MLflow
    that keeps the pipeline's runs, "" for none; it does so where they are made.

    ```python
    import aws_cdk as cdk

    from mlops_constructs import (
        DataProtection,
        EnvironmentKey,
        EnvironmentNames,
        GovernanceSettings,
        RecordKeeper,
        Registry,
        SharedFoundation,
        starting,
    )

    app = cdk.App()
    names = EnvironmentNames("shop", "dev")
    shared = cdk.Stack(app, names.foundation_stack)
    key = EnvironmentKey(shared, "Key", retain=False, description="All that shop-dev stores")
    protection = DataProtection(key=key, retain=False, log_retention_days=30)
    foundation = SharedFoundation(shared, "Shared", protection=protection, emails=["ml@example.com"]).foundation
    model = names.model("churn")
    stack = cdk.Stack(app, model.governance_stack)
    RecordKeeper(
        stack,
        "Records",
        names=model,
        registry=Registry(model),
        settings=starting(GovernanceSettings, owner="churn@example.com", risk_rating="Low"),
        data_prefix="churn",
        feature_groups={},
        tracking="",
        foundation=foundation,
    )

    app.synth()
    ```
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        registry: Registry,
        settings: GovernanceSettings,
        data_prefix: str,
        feature_groups: Mapping[str, str],
        tracking: str,
        foundation: Foundation,
    ) -> None:
        super().__init__(scope, construct_id)
        self._names, self._registry = names, registry
        self._takes_from = "" if registry.names == names else registry.names.environment
        self._tracking = "" if self._takes_from else tracking
        self.dead_letters = DeadLetterQueue(self, "DeadLetters", protection=foundation.protection)
        self.function = self._build_function(settings, feature_groups, foundation)
        self._allow(data_prefix, foundation)
        target = targets.LambdaFunction(
            self.function, dead_letter_queue=self.dead_letters, max_event_age=_EVENT_AGE, retry_attempts=8
        )
        RecordKeeperWakes(self, "Wakes", names=names, registry=registry, target=target)
        metrics = {
            "DeadLettersWaiting": self.dead_letters.metric_waiting(),
            "FunctionFails": self.function.metric_failures(),
        }
        for name, metric in metrics.items():
            description = f"Record keeper of {names.base}: {name}"
            FailureAlarm(self, name, metric=metric, topic=foundation.topic, description=description)

    def _build_function(
        self, settings: GovernanceSettings, feature_groups: Mapping[str, str], foundation: Foundation
    ) -> PythonFunction:
        names = self._names
        return PythonFunction(
            self,
            "Function",
            name="record_keeper",
            description=f"Writes down how versions of {names.public} in {names.environment} came to be",
            protection=foundation.protection,
            environment={
                "ENVIRONMENT": names.environment,
                "MODEL": names.public,
                "FOLDER": names.folder,
                "BASE": names.base,
                "TAKES_FROM": self._takes_from,
                "MODEL_PACKAGE_GROUP": self._registry.group(cdk.Stack.of(self)),
                "PIPELINE": self._registry.names.pipeline,
                "ENDPOINT_ARN": cdk.Stack.of(self).format_arn(
                    service="sagemaker", resource="endpoint", resource_name=names.endpoint
                ),
                "CHAMPION_PARAMETER": names.release_parameter(ReleaseParameter.CHAMPION),
                "EVIDENCE_BUCKET": foundation.evidence.bucket_name,
                "ARTIFACTS_BUCKET": foundation.artifacts.bucket_name,
                "ARCHIVE_PREFIX": names.archive,
                "LEDGER_TABLE": foundation.ledger.table_name,
                "DEAD_LETTER_QUEUE_URL": self.dead_letters.queue_url,
                "KEY_ARN": foundation.protection.key.key_arn,
                "GOVERNANCE": _json(settings.model_dump(mode="json")),
                "FEATURE_GROUPS": _json(feature_groups),
                "TRACKING": self._tracking,
            },
            timeout=_TIMEOUT,
            memory_mb=_MEMORY_MB,
            on_failure=self.dead_letters,
        )

    def _allow(self, data_prefix: str, foundation: Foundation) -> None:
        access = RecordKeeperAccess(self.function.execution_role, names=self._names, registry=self._registry)
        access.to_registry()
        # No account shows its executions, jobs and bootstrap bucket to another: its own keeper has written them down.
        if not self._registry.elsewhere:
            access.to_pipeline()
        access.to_data(foundation, data_prefix)
        if not self._registry.elsewhere:
            access.to_code()
        access.to_evidence(foundation)
        access.to_cards(foundation)
        access.to_lineage()
        access.to_tell(foundation)
        if self._tracking:
            access.to_experiments(self._tracking)
        if self._takes_from:
            source = ArtifactSource(self, "Origin", registry=self._registry)
            source.grant_read_below(self.function.execution_role, self._names.folder)
            source.grant_list_versions_below(self.function.execution_role, self._names.folder)


def _json(values: Mapping[str, object]) -> str:
    return json.dumps(dict(values), separators=(",", ":"), sort_keys=True)
