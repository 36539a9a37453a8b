"""Another environment's artifacts, for an environment that takes its versions from there."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.naming import SharedParameter
from mlops_constructs.registry import Registry

_OBJECTS = "Objects come and go below this one prefix; their keys cannot be listed in a policy."
_BUCKETS = (
    "Only the other account knows what CloudFormation called its bucket. A condition names the account, and that "
    "account's bucket policy lets in what it gives, and nothing else."
)
_KEYS = "Only the other account knows its key's id; a condition names its alias, and its policy lets this account in."


class ArtifactSource(Construct):
    """Bucket and key of the environment where a registry is.

    In the same account, they are read from its parameters when the stack is deployed. As stack parameters and not as
    imports: two environments stay apart, so that either can be deployed alone.

    CloudFormation reads no parameters of another account, and a bucket cannot get a name that is known before without
    being replaced. So what is in another account is named by conditions: `s3:ResourceAccount` (S3 user guide:
    condition keys) and `kms:ResourceAliases` (KMS developer guide: use aliases to control access to KMS keys).
    """

    def __init__(self, scope: Construct, construct_id: str, *, registry: Registry) -> None:
        super().__init__(scope, construct_id)
        stack, names = cdk.Stack.of(self), registry.environment_names
        self.parameter_names = [] if registry.elsewhere else [names.shared_parameter(each) for each in SharedParameter]
        self._bucket_there: dict[str, dict[str, str]] = {}
        self._key_there: dict[str, dict[str, str]] = {}
        if registry.elsewhere:
            bucket = "*"
            self._key_arn = stack.format_arn(service="kms", account=registry.account, resource="key", resource_name="*")
            self._bucket_there = {"StringEquals": {"s3:ResourceAccount": registry.account}}
            self._key_there = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": names.key_alias}}
        else:
            bucket, self._key_arn = (
                ssm.StringParameter.value_for_string_parameter(self, name) for name in self.parameter_names
            )
        self._bucket_arn = stack.format_arn(
            service="s3", region="", account="", resource=bucket, arn_format=cdk.ArnFormat.NO_RESOURCE_NAME
        )

    @classmethod
    def of(cls, scope: Construct, construct_id: str, registry: Registry, here: str) -> "ArtifactSource | None":
        """None where versions are made in `here`, the environment of `scope`."""
        return None if registry.names.environment == here else cls(scope, construct_id, registry=registry)

    def grant_read_below(self, role: iam.IRole, prefix: str) -> None:
        """Let `role` list and read what is below `prefix/`."""
        self._allow(role, prefix, "s3:GetObject")

    def grant_list_versions_below(self, role: iam.IRole, prefix: str) -> None:
        """Let `role` see which versions of objects there are below `prefix/`, and when they were written."""
        below = {"StringLike": {"s3:prefix": [prefix, f"{prefix}/*"]}}
        there, why = self._bucket_there, _BUCKETS if self._bucket_there else None
        allow(role, ["s3:ListBucketVersions"], [self._bucket_arn], conditions={**there, **below}, why=why)

    def grant_read_versions_below(self, policy: iam.ManagedPolicy, prefix: str) -> None:
        """As `grant_read_below`, for who has `policy`, and of every version of an object."""
        self._allow(policy, prefix, "s3:GetObject", "s3:GetObjectVersion")

    def _allow(self, grantee: iam.IRole | iam.ManagedPolicy, prefix: str, *actions: str) -> None:
        there, why = self._bucket_there, _BUCKETS if self._bucket_there else None
        allow(grantee, actions, [f"{self._bucket_arn}/{prefix}/*"], why=why or _OBJECTS, conditions=there)
        below = {"StringLike": {"s3:prefix": [prefix, f"{prefix}/*"]}}
        allow(grantee, ["s3:ListBucket"], [self._bucket_arn], conditions={**there, **below}, why=why)
        allow(grantee, ["s3:GetBucketLocation"], [self._bucket_arn], conditions=there, why=why)
        allow(grantee, ["kms:Decrypt"], [self._key_arn], conditions=self._key_there, why=_KEYS if why else None)
