"""A machine of CodeBuild that runs the project's own make targets, as a person does."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.acknowledge import acknowledge_in_standards
from mlops_constructs.build_machine import Builds, machine
from mlops_constructs.data_protection import DataProtection

ARTIFACTS = "CodePipeline names artifacts by ids; the bucket holds nothing else."

_OWN_ARTIFACTS = "CodePipeline puts artifacts below the pipeline's name and the first letters of their own."
_NO_REPOSITORY = "The source is an artifact of the pipeline, which reads the repository by itself; no token is kept."


class BuildRole(iam.Role):
    """Of one or more machines: reads and writes the pipeline's artifacts, and takes the roles that it is let take."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        description: str,
        artifacts: s3.IBucket,
        protection: DataProtection,
        leaves: str = "",
        role_name: str | None = None,
    ) -> None:
        """leaves: how the name of the one artifact begins that it writes; without, it writes none.

        What an environment is deployed from is written by the build alone: a build that only looks, before somebody has
        approved, must not exchange it.
        """
        super().__init__(
            scope,
            construct_id,
            role_name=role_name,
            description=description,
            assumed_by=iam.ServicePrincipal("codebuild.amazonaws.com"),
        )
        allow(self, ["s3:GetObject", "s3:GetObjectVersion"], [artifacts.arn_for_objects("*")], why=ARTIFACTS)
        allow(self, ["s3:GetBucketLocation"], [artifacts.bucket_arn])
        allow(self, ["kms:Decrypt"], [protection.key.key_arn])
        if leaves:
            allow(self, ["s3:PutObject"], [artifacts.arn_for_objects(f"*/{leaves}*/*")], why=_OWN_ARTIFACTS)
            allow(self, ["kms:GenerateDataKey"], [protection.key.key_arn])

    def let_take(self, roles: Sequence[str]) -> None:
        """Let the machine take these roles, by their ARNs."""
        allow(self, ["sts:AssumeRole"], roles)


class DeliveryProject(codebuild.PipelineProject):
    """A machine in the delivery pipeline; some share a role."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        builds: Builds,
        description: str,
        role: BuildRole,
        protection: DataProtection,
    ) -> None:
        settings = machine(
            scope, construct_id, builds=builds, role=role, protection=protection, waits=cdk.Duration.hours(1)
        )
        super().__init__(scope, construct_id, description=description, **settings)
        acknowledge_in_standards(self, {"CodeBuildProjectSourceRepoUrl": _NO_REPOSITORY})
