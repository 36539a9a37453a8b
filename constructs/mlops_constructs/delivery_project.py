"""A machine of CodeBuild that runs the project's own make targets, as a person does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.acknowledge import acknowledge_in_standards
from mlops_constructs.data_protection import DataProtection

COMPUTE = {
    "small": codebuild.ComputeType.SMALL,
    "medium": codebuild.ComputeType.MEDIUM,
    "large": codebuild.ComputeType.LARGE,
    "xlarge": codebuild.ComputeType.X_LARGE,
}
PYTHON, NODE = "3.11", "22"
"""Both are in the image (CodeBuild's user guide: available runtimes)."""

ARTIFACTS = "CodePipeline names artifacts by ids; the bucket holds nothing else."

_OWN_ARTIFACTS = "CodePipeline puts artifacts below the pipeline's name and the first letters of their own."
_NO_REPOSITORY = "The source is an artifact of the pipeline, which reads the repository by itself; no token is kept."


@dataclass(frozen=True)
class Builds:
    """What a machine runs: commands, one after the other up to the first that fails, and what it leaves.

    leaves: patterns of files for the next ones, but for `without`. exports: variables of the shell that the pipeline
    may use.
    """

    commands: Sequence[str]
    timeout: cdk.Duration
    compute: str = "small"
    leaves: Sequence[str] = ()
    without: Sequence[str] = ()
    exports: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def spec(self) -> codebuild.BuildSpec:
        """As CodeBuild reads it (user guide: build specification reference)."""
        leaves = {"files": list(self.leaves), "exclude-paths": list(self.without)} if self.leaves else {}
        return codebuild.BuildSpec.from_object(
            {
                "version": "0.2",
                # One shell for all commands: what one exports, the next one has.
                "env": {"shell": "bash", **({"exported-variables": list(self.exports)} if self.exports else {})},
                "phases": {
                    "install": {"runtime-versions": {"python": PYTHON, "nodejs": NODE}},
                    "build": {"on-failure": "ABORT", "commands": list(self.commands)},
                },
                **({"artifacts": {key: each for key, each in leaves.items() if each}} if leaves else {}),
            }
        )


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
    """Unprivileged, with a log group and a time limit of its own.

    Its role gets what is allowed here and there, and none of what CDK's constructs would add by themselves: that comes
    with wildcards.
    """

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
        group = logs.LogGroup(
            scope,
            f"{construct_id}Logs",
            encryption_key=protection.key,
            retention=protection.log_retention,
            removal_policy=protection.removal_policy,
        )
        super().__init__(
            scope,
            construct_id,
            description=description,
            role=role.without_policy_updates(),
            build_spec=builds.spec(),
            environment=codebuild.BuildEnvironment(
                build_image=codebuild.LinuxBuildImage.STANDARD_7_0,
                compute_type=COMPUTE[builds.compute],
                privileged=False,
            ),
            environment_variables={
                name: codebuild.BuildEnvironmentVariable(value=value) for name, value in builds.variables.items()
            },
            encryption_key=protection.key,
            timeout=builds.timeout,
            queued_timeout=cdk.Duration.hours(1),
            grant_report_group_permissions=False,
            logging=codebuild.LoggingOptions(cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=group)),
        )
        allow(role, ["logs:CreateLogStream", "logs:PutLogEvents"], [group.log_group_arn])
        acknowledge_in_standards(self, {"CodeBuildProjectSourceRepoUrl": _NO_REPOSITORY})
