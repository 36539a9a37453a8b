"""What every machine of CodeBuild has here: image, log group, key, limits; a project adds what it runs and its role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.data_protection import DataProtection

COMPUTE = {
    "small": codebuild.ComputeType.SMALL,
    "medium": codebuild.ComputeType.MEDIUM,
    "large": codebuild.ComputeType.LARGE,
    "xlarge": codebuild.ComputeType.X_LARGE,
}
PYTHON, NODE = "3.11", "22"
"""Both are in the image (CodeBuild's user guide: available runtimes)."""


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


def machine(
    scope: Construct,
    construct_id: str,
    *,
    builds: Builds,
    role: iam.Role,
    protection: DataProtection,
    waits: cdk.Duration,
) -> dict[str, Any]:
    """Arguments of the project `construct_id`: unprivileged, with a log group and a time limit of its own.

    Its role gets what is allowed here and there, and none of what CDK's constructs would add by themselves: that comes
    with wildcards. waits: how long a build may stand in the queue.
    """
    group = logs.LogGroup(
        scope,
        f"{construct_id}Logs",
        encryption_key=protection.key,
        retention=protection.log_retention,
        removal_policy=protection.removal_policy,
    )
    allow(role, ["logs:CreateLogStream", "logs:PutLogEvents"], [group.log_group_arn])
    return {
        "role": role.without_policy_updates(),
        "build_spec": builds.spec(),
        "environment": codebuild.BuildEnvironment(
            build_image=codebuild.LinuxBuildImage.STANDARD_7_0,
            compute_type=COMPUTE[builds.compute],
            privileged=False,
        ),
        "environment_variables": {
            name: codebuild.BuildEnvironmentVariable(value=value) for name, value in builds.variables.items()
        },
        "encryption_key": protection.key,
        "timeout": builds.timeout,
        "queued_timeout": waits,
        "grant_report_group_permissions": False,
        "logging": codebuild.LoggingOptions(cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=group)),
    }
