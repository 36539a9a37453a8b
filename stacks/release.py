"""Who brings the versions of one model to its endpoint, and what that takes."""

from pathlib import Path
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.batch_scoring import BatchScoring
from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import ModelNames
from mlops_constructs.prediction_tables import PredictionTables
from mlops_constructs.release_controller import ReleaseController
from mlops_constructs.release_tests import ReleaseTests
from stacks.settings import EnvironmentSettings

SAMPLES = "samples"
"""The folder, in a model's own, of the requests that released versions are tested with."""


class ReleaseStack(cdk.Stack):
    """The release controller with its wakes and alarms, what it counts and tests with; the champion's batch jobs."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        settings: EnvironmentSettings,
        foundation: Foundation,
        code_root: Path,
        **stack: Any,
    ) -> None:
        super().__init__(scope, construct_id, **stack)
        model, registry = settings.models[names.folder], settings.registry(names.folder)
        common: dict[str, Any] = {"names": names, "foundation": foundation}
        tests = None
        if model.enabled and model.release.tests:
            tests = ReleaseTests(
                self,
                "Tests",
                settings=model.release,
                samples=code_root / names.folder / SAMPLES,
                registry=registry,
                **common,
            )
        controller = ReleaseController(
            self,
            "Controller",
            registry=registry,
            settings=model.release,
            enabled=model.enabled,
            tables=PredictionTables(self, "Tables", **common),
            tests=tests.function if tests else None,
            **common,
        )
        if model.enabled and model.batch.enabled:
            batch = BatchScoring(self, "Batch", settings=model.batch, **common)
            cdk.CfnOutput(self, "BatchFunctionName", value=batch.function.function_name)
        if tests:
            cdk.CfnOutput(self, "TestsFunctionName", value=tests.function.function_name)
        cdk.CfnOutput(self, "FunctionName", value=controller.function.function_name)
        cdk.CfnOutput(self, "DeadLetterQueueUrl", value=controller.dead_letters.queue_url)
