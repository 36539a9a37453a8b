"""How one model's versions are explained, and when they are looked at again."""

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import EnvironmentNames, ModelNames
from mlops_constructs.record_keeper import RecordKeeper
from mlops_constructs.review_alarm import ReviewAlarm
from stacks.settings import EnvironmentSettings


class GovernanceStack(cdk.Stack):
    """The record keeper of the model, and the alarm on a review that is overdue.

    Also of a model that is switched off: its versions are there, and what becomes of them is still written down.
    """

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
        model, environment = settings.models[names.folder], EnvironmentNames(names.project, names.environment)
        keeper = RecordKeeper(
            self,
            "Records",
            names=names,
            registry=settings.registry(names.folder),
            settings=model.governance,
            data_prefix=model.training.data_prefix,
            feature_groups={name: environment.feature_group(name) for name in model.features.groups},
            tracking=model.experiments.tracking,
            foundation=foundation,
        )
        if model.governance.review_days:
            days = model.governance.review_days
            ReviewAlarm(self, "ReviewOverdue", names=names, review_days=days, topic=foundation.topic)
        cdk.CfnOutput(self, "FunctionName", value=keeper.function.function_name)
        cdk.CfnOutput(self, "DeadLetterQueueUrl", value=keeper.dead_letters.queue_url)
