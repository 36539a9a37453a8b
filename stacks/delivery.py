"""The pipeline that delivers commits, and all that it needs in its account."""

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from mlops_constructs.data_protection import DataProtection
from mlops_constructs.delivery_names import DeliveryNames
from mlops_constructs.delivery_pipeline import ITSELF, DeliveryPipeline
from mlops_constructs.delivery_stage import Place
from mlops_constructs.empty_on_delete import EmptyOnDelete
from mlops_constructs.encrypted_bucket import AccessLogBucket, EncryptedBucket
from mlops_constructs.environment_key import EnvironmentKey
from mlops_constructs.frozen import FrozenMap
from mlops_constructs.naming import EnvironmentNames
from mlops_constructs.notification_topic import NotificationTopic
from stacks.context import deploy_with
from stacks.settings import Delivery


class DeliveryStack(cdk.Stack):
    """Outside of every environment; deploying it changes none."""

    def __init__(self, scope: Construct, construct_id: str, *, delivery: Delivery, **stack: Any) -> None:
        super().__init__(scope, construct_id, **stack)
        settings, names = delivery.settings, DeliveryNames(delivery.project)
        key = EnvironmentKey(self, "Key", retain=settings.retain, description=f"Everything that {names.base} stores")
        protection = DataProtection(key=key, retain=settings.retain, log_retention_days=settings.log_retention_days)
        access_logs = AccessLogBucket(self, "AccessLogs", protection=protection)
        artifacts = EncryptedBucket(self, "Artifacts", protection=protection, access_logs=access_logs)
        kept = cdk.Duration.days(settings.log_retention_days)
        artifacts.add_lifecycle_rule(expiration=kept, noncurrent_version_expiration=kept)
        topic = NotificationTopic(self, "Topic", key=key, emails=settings.notifications.emails)
        pipeline = DeliveryPipeline(
            self,
            "Delivery",
            names=names,
            source=settings.source,
            build=settings.build,
            mode=settings.execution_mode,
            stages={self._place(delivery, name): settings.stages[name] for name in settings.order},
            itself=Place(
                names=EnvironmentNames(delivery.project, ITSELF),
                account=self.account,
                region=self.region,
                qualifier=settings.qualifier,
                here=True,
                models=FrozenMap({}),
            ),
            artifacts=artifacts,
            topic=topic,
            protection=protection,
        )
        if not settings.retain:
            emptying = EmptyOnDelete(self, "EmptyOnDelete", protection=protection)
            for bucket in (artifacts, access_logs):
                emptying.empty_bucket(bucket)
        cdk.CfnOutput(self, "PipelineName", value=pipeline.pipeline.pipeline_name)
        cdk.CfnOutput(self, "ArtifactsBucket", value=artifacts.bucket_name)
        cdk.CfnOutput(self, "TopicArn", value=topic.topic_arn)

    def _place(self, delivery: Delivery, environment: str) -> Place:
        settings = delivery.environments[environment]
        names = EnvironmentNames(delivery.project, environment)
        return Place(
            names=names,
            account=settings.account or self.account,
            region=settings.region or self.region,
            qualifier=settings.deployment.qualifier,
            here=delivery.is_here(environment),
            models=FrozenMap(
                {names.model(folder): each.serving.alarms for folder, each in settings.models.items() if each.enabled}
            ),
        )


def add_delivery(app: cdk.App, delivery: Delivery) -> None:
    """The one stack of the pipeline, with tags for allocating its costs."""
    settings = delivery.settings
    deploy_with(app, settings.qualifier, settings.permissions_boundary)
    DeliveryStack(
        app,
        DeliveryNames(delivery.project).base,
        delivery=delivery,
        env=cdk.Environment(account=settings.account, region=settings.region),
        termination_protection=settings.retain,
    )
    for key, value in {"project": delivery.project, "environment": ITSELF}.items():
        cdk.Tags.of(app).add(key, value)
