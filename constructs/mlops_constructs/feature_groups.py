"""The feature groups of an environment: facts as they became known, online the newest and offline all of them."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.feature_access import CATALOG, OFFLINE_TABLE, offline_table, store_prefix
from mlops_constructs.feature_group_guard import FeatureGroupGuard
from mlops_constructs.feature_settings import FeatureGroupSettings
from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import EnvironmentNames

_OBJECTS = "Feature Store names the files of a group's offline store itself, below this one prefix."


class FeatureGroups(Construct):
    """One group for each section of the configuration, encrypted with the environment's key, kept as all data are.

    A group's role is its own: AWS cannot change the role of a group that is there, and none can write into the store
    of another.

    ```python
    import aws_cdk as cdk

    from mlops_constructs import (
        DataProtection,
        EnvironmentKey,
        EnvironmentNames,
        FeatureGroupSettings,
        FeatureGroups,
        SharedFoundation,
    )

    app = cdk.App()
    names = EnvironmentNames("shop", "dev")
    shared = cdk.Stack(app, names.foundation_stack)
    key = EnvironmentKey(shared, "Key", retain=False, description="All that shop-dev stores")
    protection = DataProtection(key=key, retain=False, log_retention_days=30)
    foundation = SharedFoundation(shared, "Shared", protection=protection, emails=["ml@example.com"]).foundation
    stack = cdk.Stack(app, names.features_stack)
    visits = FeatureGroupSettings(
        description="What had become known of a customer by a time",
        record_identifier="customer",
        event_time="known_from",
        event_time_type="String",
        online=True,
        offline=True,
        ttl_days=0,
        features={"visits_30d": "Integral", "spent_30d": "Fractional"},
    )
    FeatureGroups(stack, "Groups", names=names, foundation=foundation, groups={"visits": visits})

    app.synth()
    ```
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: EnvironmentNames,
        foundation: Foundation,
        groups: dict[str, FeatureGroupSettings],
    ) -> None:
        super().__init__(scope, construct_id)
        self._names, self._foundation, self._stack = names, foundation, cdk.Stack.of(self)
        guard = FeatureGroupGuard(self, "Guard", protection=foundation.protection)
        for name, settings in groups.items():
            group = self._build_group(name, settings)
            group.node.add_dependency(guard.watch(name, settings, physical=names.feature_group(name)))

    def _build_group(self, name: str, settings: FeatureGroupSettings) -> sagemaker.CfnFeatureGroup:
        role = self._build_role(name) if settings.offline else None
        group = sagemaker.CfnFeatureGroup(
            self,
            name,
            feature_group_name=self._names.feature_group(name),
            description=settings.description,
            record_identifier_feature_name=settings.record_identifier,
            event_time_feature_name=settings.event_time,
            feature_definitions=[
                sagemaker.CfnFeatureGroup.FeatureDefinitionProperty(feature_name=feature, feature_type=kind)
                for feature, kind in settings.types.items()
            ],
            online_store_config=self._online(settings) if settings.online else None,
            offline_store_config=self._offline(name) if settings.offline else None,
            role_arn=role.role_arn if role else None,
        )
        group.apply_removal_policy(self._foundation.protection.removal_policy)
        if role:
            group.node.add_dependency(role)
        return group

    def _online(self, settings: FeatureGroupSettings) -> dict[str, Any]:
        """Typed Any in the schema: CloudFormation takes it in PascalCase only, and so the one below."""
        ttl = {"TtlDuration": {"Unit": "Days", "Value": settings.ttl_days}} if settings.ttl_days else {}
        key_arn = self._foundation.protection.key.key_arn
        return {"EnableOnlineStore": True, "SecurityConfig": {"KmsKeyId": key_arn}, **ttl}

    def _offline(self, name: str) -> dict[str, Any]:
        return {
            "S3StorageConfig": {
                "S3Uri": f"s3://{self._foundation.data.bucket_name}/{store_prefix(name)}",
                "KmsKeyId": self._foundation.protection.key.key_arn,
            },
            "DisableGlueTableCreation": False,
        }

    def _build_role(self, name: str) -> iam.Role:
        """What AWS's own policy for offline stores allows (managed policy AmazonSageMakerFeatureStoreAccess), in one
        place, and what the key asks for (API reference: S3StorageConfig)."""
        role = iam.Role(
            self,
            f"{name}-role",
            description=f"Offline store of the feature group {self._names.feature_group(name)}",
            assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
        )
        bucket, prefix = self._foundation.data, store_prefix(name)
        allow(role, ["s3:PutObject", "s3:PutObjectAcl"], [bucket.arn_for_objects(f"{prefix}/*")], why=_OBJECTS)
        allow(role, ["s3:GetObject"], [bucket.arn_for_objects(f"{prefix}/metadata/*")], why=_OBJECTS)
        allow(role, ["s3:GetBucketAcl"], [bucket.bucket_arn])
        # Decrypt: S3 needs it to put the parts of a multipart upload together.
        allow(role, ["kms:GenerateDataKey", "kms:Decrypt"], [self._foundation.protection.key.key_arn])
        arn = self._stack.format_arn
        allow(
            role,
            ["glue:GetTable", "glue:UpdateTable"],
            [
                arn(service="glue", resource="catalog"),
                arn(service="glue", resource="database", resource_name=CATALOG),
                arn(service="glue", resource="table", resource_name=offline_table(self._names.feature_group(name))),
            ],
            why=OFFLINE_TABLE,
        )
        return role
