"""The Lambda function that brings approved versions to an endpoint, or back, and what wakes it."""

import aws_cdk as cdk
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from mlops_constructs.dead_letter_queue import DeadLetterQueue
from mlops_constructs.failure_alarm import FailureAlarm
from mlops_constructs.foundation import Foundation
from mlops_constructs.function import PythonFunction
from mlops_constructs.naming import ModelNames
from mlops_constructs.prediction_tables import PredictionTables
from mlops_constructs.registry import Registry
from mlops_constructs.release_access import ReleaseAccess
from mlops_constructs.release_policy import policy_json
from mlops_constructs.release_settings import ReleaseSettings
from mlops_constructs.release_wakes import ReleaseWakes

_EVENT_AGE = cdk.Duration.hours(2)
_TIMEOUT = cdk.Duration.seconds(60)


class ReleaseController(Construct):
    """Events and a schedule only wake the function; what it does follows from what it then observes.

    registry: where its versions are. enabled: whether there is to be an endpoint at all. tests: what tests a released
    version, if anything does.

    ```python
    import aws_cdk as cdk

    from mlops_constructs import (
        DataProtection,
        EnvironmentKey,
        EnvironmentNames,
        PredictionTables,
        Registry,
        ReleaseController,
        ReleaseSettings,
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
    stack = cdk.Stack(app, model.release_stack)
    ReleaseController(
        stack,
        "Controller",
        names=model,
        registry=Registry(model),
        settings=starting(ReleaseSettings, strategy=["challenger"]),
        enabled=True,
        foundation=foundation,
        tables=PredictionTables(stack, "Tables", names=model, foundation=foundation),
        tests=None,
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
        settings: ReleaseSettings,
        enabled: bool,
        foundation: Foundation,
        tables: PredictionTables,
        tests: lambda_.IFunction | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._names, self._registry = names, registry
        self.dead_letters = DeadLetterQueue(self, "DeadLetters", protection=foundation.protection)
        self.function = self._build_function(settings, enabled, foundation, tests)
        self._allow(settings, foundation, tables, tests)
        target = targets.LambdaFunction(
            self.function, dead_letter_queue=self.dead_letters, max_event_age=_EVENT_AGE, retry_attempts=8
        )
        ReleaseWakes(
            self, "Wakes", names=names, registry=registry, settings=settings, foundation=foundation, target=target
        )
        metrics = {
            "DeadLettersWaiting": self.dead_letters.metric_waiting(),
            "FunctionFails": self.function.metric_failures(),
        }
        for name, metric in metrics.items():
            description = f"Release controller of {names.base}: {name}"
            FailureAlarm(self, name, metric=metric, topic=foundation.topic, description=description)

    def _build_function(
        self, settings: ReleaseSettings, enabled: bool, foundation: Foundation, tests: lambda_.IFunction | None
    ) -> PythonFunction:
        names = self._names
        return PythonFunction(
            self,
            "Function",
            name="release_controller",
            description=f"Releases approved versions of {names.public} in {names.environment}",
            protection=foundation.protection,
            environment={
                "ENVIRONMENT": names.environment,
                "MODEL": names.public,
                "MODEL_PACKAGE_GROUP": self._registry.group(cdk.Stack.of(self)),
                "SERVING_STACK": names.serving_stack,
                "ENDPOINT_NAME": names.endpoint,
                "PARAMETER_PREFIX": names.release_prefix,
                "TOPIC_ARN": foundation.topic.topic_arn,
                "DEAD_LETTER_QUEUE_URL": self.dead_letters.queue_url,
                "LEDGER_TABLE": foundation.ledger.table_name,
                "DATABASE": names.database,
                "WORKGROUP": names.workgroup,
                "ARTIFACTS_BUCKET": foundation.artifacts.bucket_name,
                "ARCHIVE_PREFIX": names.archive,
                "TESTS_FUNCTION": tests.function_name if tests else "",
                "POLICY": policy_json(settings, environment=names.environment, enabled=enabled),
            },
            timeout=_TIMEOUT,
            # One run at a time; 0 leaves it to the lock in the ledger.
            reserved_concurrency=settings.reserved_concurrency or None,
            on_failure=self.dead_letters,
        )

    def _allow(
        self,
        settings: ReleaseSettings,
        foundation: Foundation,
        tables: PredictionTables,
        tests: lambda_.IFunction | None,
    ) -> None:
        role = self.function.execution_role
        access = ReleaseAccess(role, names=self._names, registry=self._registry)
        access.to_parameters()
        access.to_serving()
        access.to_registry()
        access.to_tell(foundation)
        access.to_metrics()
        if settings.retires:
            access.to_retirement(foundation)
        if tests:
            access.to_tests(tests)
        tables.grant_query(role)
