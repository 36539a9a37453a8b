"""Who moves one model's endpoint to the version that was approved."""

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import ModelNames
from mlops_constructs.release_controller import ReleaseController
from stacks.settings import EnvironmentSettings


class ReleaseStack(cdk.Stack):
    """The release controller, what wakes it, and what tells people that it fails."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        settings: EnvironmentSettings,
        foundation: Foundation,
        **stack: Any,
    ) -> None:
        super().__init__(scope, construct_id, **stack)
        controller = ReleaseController(
            self,
            "Controller",
            names=names,
            settings=settings.models[names.folder].release,
            foundation=foundation,
        )
        cdk.CfnOutput(self, "FunctionName", value=controller.function.function_name)
        cdk.CfnOutput(self, "DeadLetterQueueUrl", value=controller.dead_letters.queue_url)
