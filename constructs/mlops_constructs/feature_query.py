"""Where rows meet their features: the Glue database of those rows, and the workgroup that joins them."""

import aws_cdk as cdk
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from constructs import Construct

from mlops_constructs.data_protection import DataProtection
from mlops_constructs.naming import EnvironmentNames

QUERY_LIMIT_BYTES = 1024**4
"""A query that would read more is stopped; 1 TiB are some ten billion records of a few features, and five dollars."""


class FeatureQuery(Construct):
    """A model's table of rows is in the stack that trains it (feature_rows)."""

    def __init__(
        self, scope: Construct, construct_id: str, *, names: EnvironmentNames, protection: DataProtection
    ) -> None:
        super().__init__(scope, construct_id)
        glue.CfnDatabase(
            self,
            "Database",
            catalog_id=cdk.Stack.of(self).account,
            database_name=names.features_database,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=names.features_database, description=f"Rows that wait for their features, in {names.base}"
            ),
        )
        self._build_workgroup(names, protection)

    def _build_workgroup(self, names: EnvironmentNames, protection: DataProtection) -> None:
        """Where results go, each query says: a model's role may write below that model's folder alone.

        So the workgroup's settings cannot overrule a client's. How much may be read they limit all the same (user
        guide: data usage control limits), and the bucket encrypts what a client does not.
        """
        group = athena.CfnWorkGroup
        group(
            self,
            "Workgroup",
            name=names.features_workgroup,
            description=f"Joins of rows and their features in {names.base}",
            # Executions are a log of queries; a workgroup that has some could not be deleted otherwise.
            recursive_delete_option=True,
            work_group_configuration=group.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=False,
                publish_cloud_watch_metrics_enabled=True,
                bytes_scanned_cutoff_per_query=QUERY_LIMIT_BYTES,
                engine_version=group.EngineVersionProperty(selected_engine_version="Athena engine version 3"),
                result_configuration=group.ResultConfigurationProperty(
                    encryption_configuration=group.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS", kms_key=protection.key.key_arn
                    ),
                ),
            ),
        )
