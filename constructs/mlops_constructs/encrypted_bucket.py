"""A bucket that is private, versioned, encrypted with the environment's key and reachable over TLS only."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.acknowledge import acknowledge_in_standards
from mlops_constructs.data_protection import DataProtection
from mlops_constructs.errors import ConstructError

# Trail files and evidence are locked besides.
_ONE_REGION = (
    "Versions keep what is overwritten or deleted. A copy in another region would serve nothing by itself: the "
    "registry, endpoints and the feature store of an environment are in one region (docs/compliance.md, Backups)."
)
_DELIVERED = "S3 delivers access logs only to buckets with keys of its own (user guide: server access logging)."
_DAYS_AFTER_DELETION = 30
_BY_POLICY = "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy"
_OBJECTS = "Objects come and go below this one prefix; their keys cannot be listed in a policy."


class EncryptedBucket(s3.Bucket):
    """Grants are by prefix: a model's roles see that model's objects and no others.

    ```python
    import aws_cdk as cdk
    from aws_cdk import aws_iam as iam

    from mlops_constructs import AccessLogBucket, DataProtection, EncryptedBucket, EnvironmentKey

    app = cdk.App()
    stack = cdk.Stack(app, "shop-dev")
    key = EnvironmentKey(stack, "Key", retain=False, description="All that shop-dev stores")
    protection = DataProtection(key=key, retain=False, log_retention_days=30)
    access_logs = AccessLogBucket(stack, "AccessLogs", protection=protection)
    bucket = EncryptedBucket(stack, "Data", protection=protection, access_logs=access_logs)
    job = iam.Role(stack, "Job", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    bucket.grant_read_below(job, "churn/raw")

    app.synth()
    ```
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        protection: DataProtection,
        access_logs: s3.IBucket,
        locked_for: cdk.Duration | None = None,
    ) -> None:
        """locked_for: how long a version can neither be removed nor changed but by who may bypass governance."""
        _check_flag(scope)
        super().__init__(
            scope,
            construct_id,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=protection.key,
            bucket_key_enabled=True,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            object_lock_default_retention=s3.ObjectLockRetention.governance(locked_for) if locked_for else None,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=protection.removal_policy,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=f"{construct_id.lower()}/",
            lifecycle_rules=[s3.LifecycleRule(abort_incomplete_multipart_upload_after=cdk.Duration.days(7))],
        )
        self._protection = protection
        acknowledge_in_standards(self, {"S3BucketReplicationEnabled": _ONE_REGION})

    def send_events(self) -> None:
        """Tell EventBridge's default bus of every object.

        By the resource's own property: `event_bridge_enabled` would bring a custom resource in Node.
        """
        bucket = self.node.default_child
        assert isinstance(bucket, s3.CfnBucket)
        bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
        )

    def grant_read_below(self, role: iam.IRole, prefix: str) -> None:
        """Let `role` list and read what is below `prefix/`."""
        allow(role, ["s3:GetObject"], [self.arn_for_objects(f"{prefix}/*")], why=_OBJECTS)
        allow(
            role,
            ["s3:ListBucket"],
            [self.bucket_arn],
            conditions={"StringLike": {"s3:prefix": [prefix, f"{prefix}/*"]}},
        )
        allow(role, ["s3:GetBucketLocation"], [self.bucket_arn])
        allow(role, ["kms:Decrypt"], [self._protection.key.key_arn])

    def grant_write_below(self, role: iam.IRole, prefix: str) -> None:
        """Let `role` write below `prefix/`; it cannot delete, and what it overwrites stays as a version."""
        allow(
            role,
            ["s3:PutObject", "s3:AbortMultipartUpload"],
            [self.arn_for_objects(f"{prefix}/*")],
            why=_OBJECTS,
        )
        allow(role, ["s3:GetBucketLocation"], [self.bucket_arn])
        # Decrypt: S3 needs it to put the parts of a multipart upload together.
        allow(role, ["kms:GenerateDataKey", "kms:Decrypt"], [self._protection.key.key_arn])

    def let_account_read_below(self, account: str, prefixes: Sequence[str]) -> None:
        """Let another account read what is below these prefixes; who of it may, its own policies say.

        The account and not its roles, which need not be there yet: S3 refuses a policy that names somebody who is not.
        """
        reader = [iam.AccountPrincipal(account)]
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid=f"Objects{account}",
                principals=reader,
                actions=["s3:GetObject", "s3:GetObjectVersion"],
                resources=[self.arn_for_objects(f"{each}/*") for each in prefixes],
            )
        )
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid=f"Lists{account}",
                principals=reader,
                actions=["s3:ListBucket", "s3:ListBucketVersions"],
                resources=[self.bucket_arn],
                conditions={"StringLike": {"s3:prefix": [form for each in prefixes for form in (each, f"{each}/*")]}},
            )
        )
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid=f"Place{account}",
                principals=reader,
                actions=["s3:GetBucketLocation"],
                resources=[self.bucket_arn],
            )
        )


class AccessLogBucket(s3.Bucket):
    """Where S3 writes who read what; expires with the environment's logs, and what somebody deletes a while later.

    ```python
    import aws_cdk as cdk
    from aws_cdk import aws_s3 as s3

    from mlops_constructs import AccessLogBucket, DataProtection, EnvironmentKey

    app = cdk.App()
    stack = cdk.Stack(app, "shop-dev")
    key = EnvironmentKey(stack, "Key", retain=False, description="All that shop-dev stores")
    protection = DataProtection(key=key, retain=False, log_retention_days=30)
    access_logs = AccessLogBucket(stack, "AccessLogs", protection=protection)
    s3.Bucket(stack, "Uploads", server_access_logs_bucket=access_logs)

    app.synth()
    ```
    """

    def __init__(self, scope: Construct, construct_id: str, *, protection: DataProtection) -> None:
        super().__init__(
            scope,
            construct_id,
            encryption=s3.BucketEncryption.S3_MANAGED,  # log delivery cannot write with a customer's key
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=protection.removal_policy,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=cdk.Duration.days(protection.log_retention_days),
                    noncurrent_version_expiration=cdk.Duration.days(_DAYS_AFTER_DELETION),
                )
            ],
        )
        reasons = {"S3BucketReplicationEnabled": _ONE_REGION, "S3DefaultEncryptionKMS": _DELIVERED}
        acknowledge_in_standards(self, reasons)


def _check_flag(scope: Construct) -> None:
    """Without it CDK has access logs delivered by an access control list, which a bucket of one owner does not take."""
    if not cdk.FeatureFlags.of(scope).is_enabled(_BY_POLICY):
        raise ConstructError(f'feature flag {_BY_POLICY} is off: set it to true in "context" of cdk.json')
