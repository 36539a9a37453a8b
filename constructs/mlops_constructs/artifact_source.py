"""Another environment's artifacts, for an environment that takes its versions from there."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.naming import EnvironmentNames, SharedParameter

_OBJECTS = "Objects come and go below this one prefix; their keys cannot be listed in a policy."


class ArtifactSource(Construct):
    """Bucket and key of `names`, an environment of the same account, read when the stack is deployed.

    As stack parameters and not as imports: two environments stay apart, so that either can be deployed alone.
    """

    def __init__(self, scope: Construct, construct_id: str, *, names: EnvironmentNames) -> None:
        super().__init__(scope, construct_id)
        self.parameter_names = [names.shared_parameter(each) for each in SharedParameter]
        bucket, self._key_arn = (
            ssm.StringParameter.value_for_string_parameter(self, name) for name in self.parameter_names
        )
        self._bucket_arn = cdk.Stack.of(self).format_arn(
            service="s3", region="", account="", resource=bucket, arn_format=cdk.ArnFormat.NO_RESOURCE_NAME
        )

    def grant_read_below(self, role: iam.IRole, prefix: str) -> None:
        """Let `role` list and read what is below `prefix/`."""
        self._allow(role, prefix, "s3:GetObject")

    def grant_read_versions_below(self, policy: iam.ManagedPolicy, prefix: str) -> None:
        """As `grant_read_below`, for who has `policy`, and of every version of an object."""
        self._allow(policy, prefix, "s3:GetObject", "s3:GetObjectVersion")

    def _allow(self, grantee: iam.IRole | iam.ManagedPolicy, prefix: str, *actions: str) -> None:
        allow(grantee, actions, [f"{self._bucket_arn}/{prefix}/*"], why=_OBJECTS)
        allow(
            grantee,
            ["s3:ListBucket"],
            [self._bucket_arn],
            conditions={"StringLike": {"s3:prefix": [prefix, f"{prefix}/*"]}},
        )
        allow(grantee, ["s3:GetBucketLocation"], [self._bucket_arn])
        allow(grantee, ["kms:Decrypt"], [self._key_arn])
