"""The rows of a model that wait for their features, as a table that Athena reads straight from the files."""

import aws_cdk as cdk
from aws_cdk import aws_glue as glue
from constructs import Construct

from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import EnvironmentNames, ModelNames

COLUMNS = ("row", "record", "event_time")
_INPUT_FORMAT = "org.apache.hadoop.mapred.TextInputFormat"
_OUTPUT_FORMAT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
_SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"


class FeatureRows(Construct):
    """A table in the environment's features database, which is there before this.

    Each run is a partition of its own, which a query has to name (projection type `injected`): no query reads what
    another run wrote, and nobody has to register a partition.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        environment: EnvironmentNames,
        foundation: Foundation,
    ) -> None:
        super().__init__(scope, construct_id)
        location = f"s3://{foundation.artifacts.bucket_name}/{names.feature_rows}"
        column = glue.CfnTable.ColumnProperty
        glue.CfnTable(
            self,
            "Table",
            catalog_id=cdk.Stack.of(self).account,
            database_name=environment.features_database,
            table_input=glue.CfnTable.TableInputProperty(
                name=names.feature_rows_table,
                description=f"Rows of {names.public} that wait for their features",
                table_type="EXTERNAL_TABLE",
                parameters={
                    "EXTERNAL": "TRUE",
                    "projection.enabled": "true",
                    "projection.run.type": "injected",
                    "storage.location.template": f"{location}/${{run}}/",
                },
                partition_keys=[column(name="run", type="string")],
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    columns=[column(name=each, type="string") for each in COLUMNS],
                    location=f"{location}/",
                    input_format=_INPUT_FORMAT,
                    output_format=_OUTPUT_FORMAT,
                    serde_info=glue.CfnTable.SerdeInfoProperty(
                        serialization_library=_SERDE,
                        parameters={"field.delim": "\t", "serialization.format": "\t"},
                    ),
                ),
            ),
        )
