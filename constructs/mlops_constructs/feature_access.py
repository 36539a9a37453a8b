"""What a role may do with feature groups, which are in a stack of their own: by name, and never more than those."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from mlops_constructs.access import allow
from mlops_constructs.errors import SettingRefusedError
from mlops_constructs.feature_settings import STORE, FeatureGroupSettings
from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import EnvironmentNames, ModelNames

CATALOG = "sagemaker_featurestore"
"""The Glue database in which Feature Store keeps the tables of all offline stores (developer guide: offline store)."""

ENVIRONMENT_VALUE_LIMIT = 1024  # CreateModel: EnvironmentValue
OFFLINE_TABLE = "Feature Store names a group's table after the group, and puts the time of its creation at the end."


@dataclass(frozen=True)
class FeatureAccess:
    """Some feature groups of an environment, by their names in the configuration."""

    names: EnvironmentNames
    groups: Mapping[str, FeatureGroupSettings]
    foundation: Foundation

    @property
    def documents(self) -> dict[str, dict[str, Any]]:
        """What code that uses the groups has to know of them (pipeline_code/features/group.py: FeatureGroup)."""
        return {
            name: {
                "name": name,
                "physical": self.names.feature_group(name),
                "record_identifier": group.record_identifier,
                "event_time": group.event_time,
                "event_time_type": group.event_time_type.value,
                "features": {feature: kind.value for feature, kind in group.features.items()},
            }
            for name, group in self.groups.items()
        }

    def environment(self, model: ModelNames) -> dict[str, str]:
        """Variables of a container of `model` that reads the groups; raises SettingRefusedError if they do not fit."""
        if not self.groups:
            return {}
        text = json.dumps(self.documents, separators=(",", ":"))
        if len(text) > ENVIRONMENT_VALUE_LIMIT:
            raise SettingRefusedError(
                f"models.{model.folder}.features.groups",
                list(self.groups),
                f"groups whose names and types take at most {ENVIRONMENT_VALUE_LIMIT} characters together, which is "
                f"what SageMaker lets a container know: leave out {len(text) - ENVIRONMENT_VALUE_LIMIT}, for example "
                "by a group of those features alone that the model uses",
            )
        # SageMaker does not say that it tells the container of an endpoint where it is; its SDK does so by this name.
        return {"FEATURE_GROUPS": text, "SAGEMAKER_REGION": cdk.Aws.REGION}

    def grant_read_online(self, role: iam.IRole) -> None:
        """Let `role` read the newest records of the groups."""
        self._allow_records(role, "sagemaker:GetRecord", "sagemaker:BatchGetRecord")

    def grant_put(self, role: iam.IRole) -> None:
        """Let `role` add records to the groups; what was there before stays in the offline store."""
        self._allow_records(role, "sagemaker:PutRecord")

    def grant_ingest(self, policy: iam.ManagedPolicy) -> None:
        """Let who has `policy` add records to the groups that are newer than those that they hold."""
        self._allow_records(policy, "sagemaker:BatchGetRecord", "sagemaker:GetRecord", "sagemaker:PutRecord")
        self._allow_describe(policy)

    def grant_describe(self, role: iam.IRole) -> None:
        """Let `role` see what the groups are made of, and where their offline stores are."""
        self._allow_describe(role)

    def grant_query(self, role: iam.IRole, model: ModelNames) -> None:
        """Let `role` query the groups' offline stores beside the rows of `model`, which it may read and write.

        Results go where the query says; that `role` may write there is a grant of its own.
        """
        if not self.groups:
            return
        arn = cdk.Stack.of(role).format_arn
        allow(
            role,
            [
                "athena:StartQueryExecution",
                "athena:GetQueryExecution",
                "athena:GetQueryResults",
                "athena:StopQueryExecution",
            ],
            [arn(service="athena", resource="workgroup", resource_name=self.names.features_workgroup)],
        )
        catalog = arn(service="glue", resource="catalog")
        rows = f"{self.names.features_database}/{model.feature_rows_table}"
        databases = [
            arn(service="glue", resource="database", resource_name=each)
            # User guide, fine-grained access to databases and tables: Athena asks for the default database as well.
            for each in (self.names.features_database, CATALOG, "default")
        ]
        allow(role, ["glue:GetDatabase"], [catalog, *databases])
        allow(
            role,
            ["glue:GetTable"],
            [catalog, *databases[:1], arn(service="glue", resource="table", resource_name=rows)],
        )
        self._allow_offline(role, catalog, databases[1])

    def _allow_offline(self, role: iam.IRole, catalog: str, database: str) -> None:
        arn = cdk.Stack.of(role).format_arn
        tables = [
            arn(service="glue", resource="table", resource_name=offline_table(self.names.feature_group(name)))
            for name in self.groups
        ]
        # The last two: of a table with partitions in the catalog, Athena asks for each that a query needs.
        reads = [f"glue:Get{each}" for each in ("Table", "Partitions", "Partition")] + ["glue:BatchGetPartition"]
        allow(role, reads, [catalog, database, *tables], why=OFFLINE_TABLE)
        for name in self.groups:
            self.foundation.data.grant_read_below(role, store_prefix(name))

    def _allow_describe(self, grantee: iam.IRole | iam.ManagedPolicy) -> None:
        if self.groups:
            allow(grantee, ["sagemaker:DescribeFeatureGroup"], self._arns(grantee))

    def _allow_records(self, grantee: iam.IRole | iam.ManagedPolicy, *actions: str) -> None:
        """With the right on the key that the API asks of its callers (API reference: OnlineStoreSecurityConfig)."""
        if self.groups:
            allow(grantee, actions, self._arns(grantee))
            allow(grantee, ["kms:Decrypt"], [self.foundation.protection.key.key_arn])

    def _arns(self, scope: IConstruct) -> list[str]:
        arn = cdk.Stack.of(scope).format_arn
        return [
            arn(service="sagemaker", resource="feature-group", resource_name=self.names.feature_group(name))
            for name in self.groups
        ]


def offline_table(physical: str) -> str:
    """`database/table` of a group's offline store, by the group's name on AWS; `*` stands for when it was created.

    `?` stands for a hyphen, or the underscore that Feature Store makes of it: AWS says nowhere which, and its own
    examples show tables of both kinds.
    """
    return f"{CATALOG}/{physical.replace('-', '?')}?*"


def store_prefix(name: str) -> str:
    """Prefix of a group's offline store in the data bucket: a role that reads one group reads no other's."""
    return f"{STORE}/{name}"
