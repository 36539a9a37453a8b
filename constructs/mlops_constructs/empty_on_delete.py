"""Empties what CloudFormation cannot delete while something is in it, where an environment may vanish."""

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mlops_constructs.access import NO_RESOURCE, allow
from mlops_constructs.audit_bucket import AuditBucket
from mlops_constructs.data_protection import DataProtection
from mlops_constructs.encrypted_bucket import AccessLogBucket
from mlops_constructs.function import PythonFunction

BUCKET = "bucket"
PACKAGE_GROUP = "model-package-group"


class EmptyOnDelete(Construct):
    """A custom resource for each thing to empty; they go before the thing itself, and the function last.

    ```python
    import aws_cdk as cdk

    from mlops_constructs import DataProtection, EmptyOnDelete, EnvironmentKey, SharedFoundation

    app = cdk.App()
    stack = cdk.Stack(app, "shop-dev")
    key = EnvironmentKey(stack, "Key", retain=False, description="All that shop-dev stores")
    protection = DataProtection(key=key, retain=False, log_retention_days=30)
    shared = SharedFoundation(stack, "Shared", protection=protection, emails=[])
    emptying = EmptyOnDelete(stack, "EmptyOnDelete", protection=protection)
    for bucket in shared.buckets:
        emptying.empty_bucket(bucket)

    app.synth()
    ```
    """

    def __init__(self, scope: Construct, construct_id: str, *, protection: DataProtection) -> None:
        super().__init__(scope, construct_id)
        self._function = PythonFunction(
            self,
            "Function",
            name="custom_resources",
            description="Empties buckets and model package groups that are about to be deleted",
            protection=protection,
            timeout=cdk.Duration.minutes(15),
        )

    def empty_bucket(self, bucket: s3.Bucket) -> None:
        """Delete every version of every object once `bucket` is on its way out."""
        role = self._function.execution_role
        allow(role, ["s3:ListBucketVersions"], [bucket.bucket_arn])
        allow(
            role,
            ["s3:DeleteObject", "s3:DeleteObjectVersion"],
            [bucket.arn_for_objects("*")],
            why="Emptying a bucket means all of its objects.",
        )
        resource = self._resource(bucket.node.id, BUCKET, bucket.bucket_name)
        if not bucket.policy:
            return
        if isinstance(bucket, AccessLogBucket | AuditBucket):
            # S3 and CloudTrail go on writing what they recorded, the deletion of the other buckets' objects for one,
            # as long as the policy lets them: the policy goes first, or the bucket is not empty when its turn comes.
            bucket.policy.node.add_dependency(resource)
        else:
            # The deny of plain HTTP stays until the bucket is empty.
            resource.node.add_dependency(bucket.policy)

    def empty_package_group(self, group: sagemaker.CfnModelPackageGroup) -> None:
        """Delete every version of `group` once it is on its way out."""
        role, name = self._function.execution_role, group.model_package_group_name
        allow(
            role,
            ["sagemaker:ListModelPackages"],
            ["*"],
            why=f"{NO_RESOURCE}; it reads names and states.",
        )
        packages = cdk.Stack.of(self).format_arn(
            service="sagemaker", resource="model-package", resource_name=f"{name}/*"
        )
        allow(
            role,
            ["sagemaker:DeleteModelPackage"],
            [packages],
            why="The registry numbers a group's versions; the wildcard stands for the number.",
        )
        self._resource(group.node.id, PACKAGE_GROUP, name).node.add_dependency(group)

    def _resource(self, construct_id: str, kind: str, name: str) -> cdk.CustomResource:
        return cdk.CustomResource(
            self,
            construct_id,
            resource_type="Custom::EmptyOnDelete",
            service_token=self._function.function_arn,
            properties={"Kind": kind, "Name": name},
        )
