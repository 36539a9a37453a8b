"""The Lambda function that has a model trained anew when there is a reason to, and what wakes it."""

import json
from collections.abc import Sequence

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.dead_letter_queue import DeadLetterQueue
from mlops_constructs.failure_alarm import FailureAlarm
from mlops_constructs.foundation import Foundation
from mlops_constructs.function import PythonFunction
from mlops_constructs.naming import ModelNames
from mlops_constructs.retraining_access import RetrainingAccess, WatchedPlace
from mlops_constructs.retraining_settings import RetrainingSettings
from mlops_constructs.retraining_wakes import RetrainingWakes
from mlops_constructs.settings import TrainingSettings

LAST_WORD = "latest.json"
"""What the monitor writes below the model's findings at the end of each run (pipeline_code/monitoring/steps)."""

_TIMEOUT = cdk.Duration.seconds(60)


class RetrainingController(Construct):
    """For an environment that trains; what it does follows from what it observes.

    places: where versions serve that were trained here, this environment first.

    ```python
    import aws_cdk as cdk

    from mlops_constructs import (
        DataProtection,
        EnvironmentKey,
        EnvironmentNames,
        RetrainingController,
        RetrainingSettings,
        SharedFoundation,
        TrainingSettings,
        WatchedPlace,
        starting,
    )

    app = cdk.App()
    names = EnvironmentNames("shop", "dev")
    shared = cdk.Stack(app, names.foundation_stack)
    key = EnvironmentKey(shared, "Key", retain=False, description="All that shop-dev stores")
    protection = DataProtection(key=key, retain=False, log_retention_days=30)
    foundation = SharedFoundation(shared, "Shared", protection=protection, emails=["ml@example.com"]).foundation
    model = names.model("churn")
    stack = cdk.Stack(app, model.monitoring_stack)
    RetrainingController(
        stack,
        "Retraining",
        names=model,
        settings=starting(RetrainingSettings, max_per_month=4),
        training=starting(TrainingSettings, data_prefix="churn"),
        foundation=foundation,
        places=[WatchedPlace(model)],
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
        settings: RetrainingSettings,
        training: TrainingSettings,
        foundation: Foundation,
        places: Sequence[WatchedPlace],
    ) -> None:
        super().__init__(scope, construct_id)
        self._names, self._settings, self._places = names, settings, places
        self.dead_letters = DeadLetterQueue(self, "DeadLetters", protection=foundation.protection)
        self.function = self._build_function(training, foundation)
        self._allow(training, foundation)
        RetrainingWakes(
            self,
            "Wakes",
            names=names,
            settings=settings,
            training=training,
            foundation=foundation,
            places=places,
            function=self.function,
            dead_letters=self.dead_letters,
        )
        metrics = {
            "DeadLettersWaiting": self.dead_letters.metric_waiting(),
            "FunctionFails": self.function.metric_failures(),
        }
        for name, metric in metrics.items():
            description = f"Retraining controller of {names.base}: {name}"
            FailureAlarm(self, name, metric=metric, topic=foundation.topic, description=description)

    def _build_function(self, training: TrainingSettings, foundation: Foundation) -> PythonFunction:
        names = self._names
        return PythonFunction(
            self,
            "Function",
            name="retraining_controller",
            description=f"Has {names.public} trained anew in {names.environment}",
            protection=foundation.protection,
            environment={
                "ENVIRONMENT": names.environment,
                "MODEL": names.public,
                "PIPELINE": names.pipeline,
                "MODEL_PACKAGE_GROUP": names.package_group,
                "PLACES": self._places_json(),
                "DATA_BUCKET": foundation.data.bucket_name,
                "DATA_PREFIX": training.data_prefix,
                "ARTIFACTS_BUCKET": foundation.artifacts.bucket_name,
                "FINDINGS_KEY": self._findings_key,
                "TOPIC_ARN": foundation.topic.topic_arn,
                "DEAD_LETTER_QUEUE_URL": self.dead_letters.queue_url,
                "LEDGER_TABLE": foundation.ledger.table_name,
                "POLICY": policy_json(self._settings),
            },
            timeout=_TIMEOUT,
            on_failure=self.dead_letters,
        )

    def _allow(self, training: TrainingSettings, foundation: Foundation) -> None:
        access = RetrainingAccess(self.function.execution_role, names=self._names)
        access.to_watch(self._places)
        access.to_training()
        access.to_registry()
        access.to_data(foundation, training.data_prefix, self._findings_key)
        access.to_tell(foundation)

    @property
    def _findings_key(self) -> str:
        return f"{self._names.findings}/{LAST_WORD}"

    def _places_json(self) -> str:
        """The function's variable PLACES (lambdas/retraining_controller/settings.py: Watched)."""
        stack = cdk.Stack.of(self)
        places = [
            {
                "environment": place.names.environment,
                "alarm": place.names.degradation_alarm,
                "parameters": place.names.release_prefix,
                **({"role": place.reader_arn(stack)} if place.account else {}),
            }
            for place in self._places
        ]
        return json.dumps(places, separators=(",", ":"))


def policy_json(settings: RetrainingSettings) -> str:
    """The function's variable POLICY (lambdas/retraining_controller/policy.py: Policy), as short as JSON can be."""
    told = {
        "on_degradation", "on_new_data", "cooldown_hours", "max_per_month", "train_months", "test_months",
        "label_maturity_months",
    }  # fmt: skip
    parameters = {"data": settings.data_parameter, **settings.window.model_dump()}
    policy = {**settings.model_dump(include=told), "parameters": parameters}
    return json.dumps(policy, separators=(",", ":"))
