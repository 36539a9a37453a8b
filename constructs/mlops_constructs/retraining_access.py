"""What the retraining controller of a model may do: one method for each thing that it works with."""

from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from mlops_constructs.access import NO_RESOURCE, allow
from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import ModelNames, ReleaseParameter

READ = (ReleaseParameter.CHAMPION, ReleaseParameter.FAILED)
"""The release parameters that say what serves somewhere, and what will not."""


@dataclass(frozen=True)
class WatchedPlace:
    """An environment of the region that serves versions trained here; account: where it is, "" for this one."""

    names: ModelNames
    account: str = ""

    def reader_arn(self, stack: cdk.Stack) -> str:
        """The role (DegradationReader) that the other account has for this."""
        name = self.names.degradation_reader
        return stack.format_arn(service="iam", region="", account=self.account, resource="role", resource_name=name)


class RetrainingAccess:
    """Grants to `role`, which is the controller's of the model `names`."""

    def __init__(self, role: iam.IRole, *, names: ModelNames) -> None:
        self._role, self._names = role, names
        self._stack = cdk.Stack.of(role)

    def to_watch(self, places: Sequence[WatchedPlace]) -> None:
        """Look at the alarms, and at what serves in the places that they are about; in other accounts by a role."""
        colon = cdk.ArnFormat.COLON_RESOURCE_NAME
        here = [place.names for place in places if not place.account]
        alarms = [self._arn("cloudwatch", "alarm", names.degradation_alarm, colon) for names in here]
        allow(self._role, ["cloudwatch:DescribeAlarms"], alarms)
        parameters = [names.release_parameter(each)[1:] for names in here for each in READ]
        allow(self._role, ["ssm:GetParameters"], [self._arn("ssm", "parameter", name) for name in parameters])
        if readers := [place.reader_arn(self._stack) for place in places if place.account]:
            allow(self._role, ["sts:AssumeRole"], readers)

    def to_training(self) -> None:
        """Start the pipeline and follow its executions. It runs with its own role: nothing is passed on."""
        pipeline = self._names.pipeline
        allow(
            self._role,
            ["sagemaker:StartPipelineExecution", "sagemaker:ListPipelineExecutions"],
            [self._arn("sagemaker", "pipeline", pipeline)],
        )
        allow(
            self._role,
            ["sagemaker:DescribePipelineExecution", "sagemaker:ListPipelineExecutionSteps"],
            [self._arn("sagemaker", "pipeline", f"{pipeline}/execution/*")],
            why="The end of an execution's ARN is an id that SageMaker gives it; the pipeline's name is exact.",
        )

    def to_registry(self) -> None:
        """Find versions and read what they learned from."""
        allow(
            self._role,
            ["sagemaker:ListModelPackages"],
            ["*"],
            why=f"{NO_RESOURCE}; it reads names and states.",
        )
        allow(
            self._role,
            ["sagemaker:DescribeModelPackage"],
            [self._arn("sagemaker", "model-package", f"{self._names.package_group}/*")],
            why="The registry numbers a group's versions; the wildcard stands for the number.",
        )

    def to_data(self, foundation: Foundation, prefix: str, findings: str) -> None:
        """List the snapshots below `prefix`, not read them; read the monitor's last word, which is at `findings`."""
        data, artifacts = foundation.data, foundation.artifacts
        snapshots = {"StringLike": {"s3:prefix": [f"{prefix}/until=*"]}}
        allow(self._role, ["s3:ListBucket"], [data.bucket_arn], conditions=snapshots)
        allow(self._role, ["s3:GetObject"], [artifacts.arn_for_objects(findings)])
        last_word = {"StringEquals": {"s3:prefix": [findings]}}
        allow(self._role, ["s3:ListBucket"], [artifacts.bucket_arn], conditions=last_word)

    def to_tell(self, foundation: Foundation) -> None:
        """Append to the ledger under the lock of the model's retrainings, and notify people."""
        partition = retraining_partition(self._names)
        foundation.ledger.grant_append(self._role, partition)
        foundation.ledger.grant_lock(self._role, partition)
        allow(self._role, ["sns:Publish"], [foundation.topic.topic_arn])
        allow(self._role, ["kms:Decrypt", "kms:GenerateDataKey"], [foundation.protection.key.key_arn])

    def _arn(self, service: str, resource: str, name: str, arn_format: cdk.ArnFormat | None = None) -> str:
        return self._stack.format_arn(service=service, resource=resource, resource_name=name, arn_format=arn_format)


def retraining_partition(names: ModelNames) -> str:
    """Where the ledger's table has the entries of a model's retrainings (lambdas/retraining_controller/settings.py)."""
    return f"{names.public}#retraining"
