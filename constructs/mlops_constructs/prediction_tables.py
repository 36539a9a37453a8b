"""What an endpoint answered and what came of it, as tables that Athena reads straight from the captured files."""

import aws_cdk as cdk
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from constructs import Construct

from mlops_constructs.access import allow
from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import ModelNames
from mlops_constructs.workgroup import workgroup

QUERY_LIMIT_BYTES = 100 * 1024**3
"""A query that would read more is stopped; 100 GiB are some 50 million captured requests, and half a dollar."""

# Nothing was captured before the project was there; a query names its hours, so an early start costs nothing.
_FIRST_HOUR = "2026/01/01/00"
TABLES = ("captured", "outcomes")
RESULTS_FOLDER = "queries"
"""Of the answers, in a model's folder of the capture bucket."""

_VARIANTS = "champion,challenger,shadow"
_INPUT_FORMAT = "org.apache.hadoop.mapred.TextInputFormat"
_OUTPUT_FORMAT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
_SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"


class PredictionTables(Construct):
    """Database, tables `captured` and `outcomes`, and the workgroup that queries them.

    A row is a line of a file, as text: SQL takes the JSON apart, so that a line which is none costs one row and
    never the query. (A JSON SerDe fails the query on a text where it expects an object, whatever it is told to
    ignore.) Partitions are computed from names, hour by hour, so nobody has to register them.

    ```python
    import aws_cdk as cdk

    from mlops_constructs import (
        DataProtection,
        EnvironmentKey,
        EnvironmentNames,
        PredictionTables,
        SharedFoundation,
    )

    app = cdk.App()
    names = EnvironmentNames("shop", "dev")
    shared = cdk.Stack(app, names.foundation_stack)
    key = EnvironmentKey(shared, "Key", retain=False, description="All that shop-dev stores")
    protection = DataProtection(key=key, retain=False, log_retention_days=30)
    foundation = SharedFoundation(shared, "Shared", protection=protection, emails=["ml@example.com"]).foundation
    model = names.model("churn")
    stack = cdk.Stack(app, model.release_stack)
    tables = PredictionTables(stack, "Tables", names=model, foundation=foundation)

    app.synth()
    ```
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: ModelNames,
        foundation: Foundation,
        query_limit_bytes: int = QUERY_LIMIT_BYTES,
    ) -> None:
        super().__init__(scope, construct_id)
        self._names, self._bucket = names, foundation.capture
        self._stack = cdk.Stack.of(self)
        self.database_name, self.workgroup_name = names.database, names.workgroup
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=self._stack.account,
            database_name=names.database,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=names.database, description=f"Predictions of {names.base} and their outcomes"
            ),
        )
        self._build_table(
            database,
            "captured",
            "Requests that the endpoint answered: a line of data capture each",
            folder=names.folder,
            location=f"{names.folder}/{names.endpoint}/${{variant}}/${{hour}}/",
            partitions={"variant": _enum("variant", _VARIANTS), "hour": _hours("hour")},
        )
        self._build_table(
            database,
            "outcomes",
            "What became of predictions: a line of ground truth each, by the hour of arrival",
            folder=names.ground_truth,
            location=f"{names.ground_truth}/${{hour}}/",
            partitions={"hour": _hours("hour")},
        )
        workgroup(
            self,
            name=self.workgroup_name,
            description=f"Queries over {self.database_name}",
            limit_bytes=query_limit_bytes,
            key=foundation.protection.key,
            location=f"s3://{self._bucket.bucket_name}/{results_prefix(names)}/",
        )

    def grant_query(self, role: iam.IRole) -> None:
        """Let `role` query the tables and read the results; of the bucket it sees this model's folder alone."""
        arn = self._stack.format_arn
        allow(
            role,
            [
                "athena:StartQueryExecution",
                "athena:GetQueryExecution",
                "athena:GetQueryResults",
                "athena:StopQueryExecution",
            ],
            [arn(service="athena", resource="workgroup", resource_name=self.workgroup_name)],
        )
        # Athena looks tables up with the caller's rights; partitions are not in the catalog, so this is all.
        catalog = arn(service="glue", resource="catalog")
        database = arn(service="glue", resource="database", resource_name=self.database_name)
        tables = [
            arn(service="glue", resource="table", resource_name=f"{self.database_name}/{table}") for table in TABLES
        ]
        # User guide, fine-grained access to databases and tables: Athena asks for the default database as well.
        default = arn(service="glue", resource="database", resource_name="default")
        allow(role, ["glue:GetDatabase"], [catalog, database, default])
        allow(role, ["glue:GetTable"], [catalog, database, *tables])
        self._bucket.grant_read_below(role, self._names.folder)
        self._bucket.grant_write_below(role, results_prefix(self._names))

    def _build_table(
        self,
        database: glue.CfnDatabase,
        name: str,
        description: str,
        *,
        folder: str,
        location: str,
        partitions: dict[str, dict[str, str]],
    ) -> None:
        projection = {key: value for properties in partitions.values() for key, value in properties.items()}
        table = glue.CfnTable(
            self,
            name.capitalize(),
            catalog_id=self._stack.account,
            database_name=self.database_name,
            table_input=glue.CfnTable.TableInputProperty(
                name=name,
                description=description,
                table_type="EXTERNAL_TABLE",
                parameters={
                    "EXTERNAL": "TRUE",
                    "projection.enabled": "true",
                    **projection,
                    "storage.location.template": f"s3://{self._bucket.bucket_name}/{location}",
                },
                partition_keys=[glue.CfnTable.ColumnProperty(name=key, type="string") for key in partitions],
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    columns=[glue.CfnTable.ColumnProperty(name="line", type="string", comment="JSON")],
                    location=f"s3://{self._bucket.bucket_name}/{folder}/",
                    input_format=_INPUT_FORMAT,
                    output_format=_OUTPUT_FORMAT,
                    # Hive's delimiter between columns, code 1, cannot stand in JSON: the line stays whole.
                    serde_info=glue.CfnTable.SerdeInfoProperty(
                        serialization_library=_SERDE, parameters={"serialization.format": "1"}
                    ),
                ),
            ),
        )
        table.node.add_dependency(database)


def results_prefix(names: ModelNames) -> str:
    """Where answers of queries are in the capture bucket, without the slash at its end."""
    return f"{names.folder}/{RESULTS_FOLDER}"


def _enum(column: str, values: str) -> dict[str, str]:
    return {f"projection.{column}.type": "enum", f"projection.{column}.values": values}


def _hours(column: str) -> dict[str, str]:
    return {
        f"projection.{column}.type": "date",
        f"projection.{column}.format": "yyyy/MM/dd/HH",
        f"projection.{column}.range": f"{_FIRST_HOUR},NOW",
        f"projection.{column}.interval": "1",
        f"projection.{column}.interval.unit": "HOURS",
    }
