"""The Lambda function that tests the version an environment just released, and notes the verdict with the version."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.dead_letter_queue import DeadLetterQueue
from mlops_constructs.errors import SettingRefusedError
from mlops_constructs.failure_alarm import FailureAlarm
from mlops_constructs.foundation import Foundation
from mlops_constructs.function import PythonFunction
from mlops_constructs.naming import ModelNames
from mlops_constructs.registry import Registry
from mlops_constructs.registry_policy import NEITHER
from mlops_constructs.release_policy import evidence_key
from mlops_constructs.release_settings import ReleaseSettings

SAMPLE_FILES = ("requests.jsonl", "response.schema.json")

# As long as Lambda allows: the function watches the time itself and says how far it came.
_TIMEOUT = cdk.Duration.minutes(15)
# A whole processor (developer guide: memory): threads that wait for one would be taken for a slow endpoint.
_MEMORY_MB = 1769


class ReleaseTests(Construct):
    """Asked by the release controller; `registry` is where the released versions are.

    ```python
    from pathlib import Path

    import aws_cdk as cdk

    from mlops_constructs import (
        DataProtection,
        EnvironmentKey,
        EnvironmentNames,
        Registry,
        ReleaseSettings,
        ReleaseTests,
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
    samples = Path("samples")
    samples.mkdir(exist_ok=True)
    (samples / "requests.jsonl").write_text('{"customer": "1", "visits": 3}\\n')
    (samples / "response.schema.json").write_text('{"type": "object", "required": ["probability"]}')
    ReleaseTests(
        stack,
        "Tests",
        names=model,
        settings=starting(ReleaseSettings, tests=True, test={"max_p95_ms": 200}),
        foundation=foundation,
        samples=samples,
        registry=Registry(model),
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
        settings: ReleaseSettings,
        foundation: Foundation,
        samples: Path,
        registry: Registry,
    ) -> None:
        super().__init__(scope, construct_id)
        self._names = names
        _check(samples, names)
        self._samples = s3_assets.Asset(self, "Samples", path=str(samples.resolve()))
        self.dead_letters = DeadLetterQueue(self, "DeadLetters", protection=foundation.protection)
        self.function = self._build_function(settings, foundation, registry)
        self._allow_tests(registry)
        self._allow_notifications(foundation)
        metrics = {
            "DeadLettersWaiting": self.dead_letters.metric_waiting(),
            "FunctionFails": self.function.metric_failures(),
        }
        for name, metric in metrics.items():
            description = f"Release tests of {names.base}: {name}"
            FailureAlarm(self, name, metric=metric, topic=foundation.topic, description=description)

    def _build_function(self, settings: ReleaseSettings, foundation: Foundation, registry: Registry) -> PythonFunction:
        names = self._names
        return PythonFunction(
            self,
            "Function",
            name="release_tests",
            description=f"Tests each version of {names.public} that {names.environment} has released",
            protection=foundation.protection,
            environment={
                "ENVIRONMENT": names.environment,
                "MODEL_PACKAGE_GROUP": registry.group(cdk.Stack.of(self)),
                "ENDPOINT_NAME": names.endpoint,
                "SERVING_STACK": names.serving_stack,
                "EVIDENCE_KEY": evidence_key(names.environment),
                "TOPIC_ARN": foundation.topic.topic_arn,
                "SAMPLES_BUCKET": self._samples.s3_bucket_name,
                "SAMPLES_KEY": self._samples.s3_object_key,
                "LIMITS": settings.test.model_dump_json(),
            },
            timeout=_TIMEOUT,
            memory_mb=_MEMORY_MB,
            # A second run beside the first would be part of its load; 0 leaves it to who asks.
            reserved_concurrency=settings.reserved_concurrency or None,
            on_failure=self.dead_letters,
        )

    def _allow_tests(self, registry: Registry) -> None:
        """Ask this endpoint, read the samples, note verdicts: not approve, and not remove what others noted."""
        role, stack = self.function.execution_role, cdk.Stack.of(self)
        packages = registry.versions_arn(stack)
        number = "The registry numbers a group's versions; the wildcard stands for the number."
        allow(role, ["sagemaker:DescribeModelPackage"], [packages], why=number)
        allow(role, ["sagemaker:UpdateModelPackage"], [packages], why=number, conditions={"Null": NEITHER})
        endpoint = stack.format_arn(service="sagemaker", resource="endpoint", resource_name=self._names.endpoint)
        allow(role, ["sagemaker:InvokeEndpoint"], [endpoint])
        serving = f"{self._names.serving_stack}/*"
        allow(
            role,
            ["cloudformation:DescribeStacks"],
            [stack.format_arn(service="cloudformation", resource="stack", resource_name=serving)],
            why="The end of a stack's ARN is an id that CloudFormation gives it; the stack's name is exact.",
        )
        allow(role, ["s3:GetObject"], [self._samples.bucket.arn_for_objects(self._samples.s3_object_key)])

    def _allow_notifications(self, foundation: Foundation) -> None:
        role = self.function.execution_role
        allow(role, ["sns:Publish"], [foundation.topic.topic_arn])
        allow(role, ["kms:Decrypt", "kms:GenerateDataKey"], [foundation.protection.key.key_arn])


def _check(samples: Path, names: ModelNames) -> None:
    for name in SAMPLE_FILES:
        if not (samples / name).is_file():
            place = "/".join((*samples.parts[-2:], name))
            raise SettingRefusedError(f"models.{names.folder}.release.tests", True, f"false, or {place} must be there")
