"""Projects of SageMaker Studio that make a model: the template, who may use it, and the build behind it."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from mlops_constructs import project_template
from mlops_constructs.delivery_settings import S3Source
from mlops_constructs.empty_on_delete import EmptyOnDelete
from mlops_constructs.encrypted_bucket import AccessLogBucket, EncryptedBucket
from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import EnvironmentNames
from mlops_constructs.project_build import TOLD, ProjectBuild
from mlops_constructs.project_catalog import ProjectCatalog
from mlops_constructs.project_controller import TEMPLATES, WAITING, ProjectController
from mlops_constructs.project_source import ProjectSource
from stacks.settings import EnvironmentSettings

_DAYS = 30
"""How long it is kept what a build was asked, and said."""


class ProjectsStack(cdk.Stack):
    """Where [projects] is enabled: a data scientist starts a project, a reviewer merges its branch."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: EnvironmentNames,
        settings: EnvironmentSettings,
        foundation: Foundation,
        **stack: Any,
    ) -> None:
        super().__init__(scope, construct_id, **stack)
        # The settings refuse anything else.
        assert settings.delivery is not None
        assert not isinstance(settings.delivery.source, S3Source)
        protection, roles = foundation.protection, settings.projects.roles
        access_logs = AccessLogBucket(self, "AccessLogs", protection=protection)
        bucket = self._build_bucket(foundation, access_logs)
        source = ProjectSource(self, settings.delivery.source)
        build = ProjectBuild(self, "Build", source=source, bucket=bucket, protection=protection)
        controller = ProjectController(
            self,
            "NewModels",
            names=names,
            build=build,
            bucket=bucket,
            topic=foundation.topic,
            protection=protection,
        )
        template = s3_assets.Asset(self, "Template", path=str(project_template.write(self, names)))
        controller.publish(template, "new-model.yaml")
        catalog = ProjectCatalog(
            self,
            "Catalog",
            names=names,
            template=template,
            function=controller.function,
            bucket=bucket,
            roles=roles,
            protection=protection,
        )
        if not settings.retain:
            emptying = EmptyOnDelete(self, "EmptyOnDelete", protection=protection)
            for each in (bucket, access_logs):
                emptying.empty_bucket(each)
        cdk.CfnOutput(self, "TemplatesUri", value=f"s3://{bucket.bucket_name}/{TEMPLATES}/")
        cdk.CfnOutput(self, "LaunchRoleArn", value=catalog.launch_role.role_arn)

    def _build_bucket(self, foundation: Foundation, access_logs: AccessLogBucket) -> EncryptedBucket:
        """Templates, which Studio's pages read, and requests with what became of them, which expire."""
        bucket = EncryptedBucket(self, "Projects", protection=foundation.protection, access_logs=access_logs)
        bucket.add_cors_rule(
            allowed_methods=[s3.HttpMethods.GET, s3.HttpMethods.HEAD],
            allowed_origins=[f"https://*.studio.{self.region}.sagemaker.aws"],
            allowed_headers=["*"],
            exposed_headers=["ETag"],
        )
        for prefix in (WAITING, TOLD):
            kept = cdk.Duration.days(_DAYS)
            bucket.add_lifecycle_rule(prefix=f"{prefix}/", expiration=kept, noncurrent_version_expiration=kept)
        return bucket
