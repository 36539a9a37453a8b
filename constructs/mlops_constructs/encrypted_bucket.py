"""A bucket that is private, versioned, encrypted with the environment's key and reachable over TLS only."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.data_protection import DataProtection

_OBJECTS = "Objects come and go below this one prefix; their keys cannot be listed in a policy."


class EncryptedBucket(s3.Bucket):
    """Grants are by prefix: a model's roles see that model's objects and no others."""

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


class AccessLogBucket(s3.Bucket):
    """Where S3 writes who read what; expires with the environment's logs."""

    def __init__(self, scope: Construct, construct_id: str, *, protection: DataProtection) -> None:
        super().__init__(
            scope,
            construct_id,
            encryption=s3.BucketEncryption.S3_MANAGED,  # log delivery cannot write with a customer's key
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=protection.removal_policy,
            lifecycle_rules=[s3.LifecycleRule(expiration=cdk.Duration.days(protection.log_retention_days))],
        )
