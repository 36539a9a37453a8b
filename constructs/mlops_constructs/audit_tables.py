"""What the trail recorded as a table, and the questions that are usually asked of it as queries."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from constructs import Construct

from mlops_constructs.audit_columns import COLUMNS
from mlops_constructs.audit_queries import QUERIES
from mlops_constructs.audit_trail import AuditTrail
from mlops_constructs.foundation import Foundation
from mlops_constructs.naming import EnvironmentNames
from mlops_constructs.registry import Registry
from mlops_constructs.workgroup import workgroup

RESULTS = "audit-queries"
"""Prefix of the results in the artifacts bucket; no model's folder, which has no hyphen."""

TABLE = "trail"
QUERY_LIMIT_BYTES = 100 * 1024**3
"""A query that would read more is stopped: half a dollar."""

GLOBAL_REGION = "us-east-1"
"""Where IAM, STS and the console's sign-in are recorded (user guide: global service events)."""

_FIRST_DAY = "2026/01/01"
_INPUT_FORMAT = "com.amazon.emr.cloudtrail.CloudTrailInputFormat"
_OUTPUT_FORMAT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
_SERDE = "org.apache.hive.hcatalog.data.JsonSerDe"


class AuditTables(Construct):
    """Database, the table `trail`, the workgroup that queries it, and a named query for each file of audit_queries.

    A query names its days (`?`, `?`: the first and the last, as 2026/11/21), so a question about a week reads a week.
    Of the regions the table has the environment's own and that of global services; the files of others are in the
    bucket only.

    ```python
    import aws_cdk as cdk

    from mlops_constructs import (
        AuditTables,
        AuditTrail,
        DataProtection,
        EnvironmentKey,
        EnvironmentNames,
        Registry,
        SharedFoundation,
    )

    app = cdk.App()
    names = EnvironmentNames("shop", "dev")
    shared = cdk.Stack(app, names.foundation_stack)
    key = EnvironmentKey(shared, "Key", retain=False, description="All that shop-dev stores")
    protection = DataProtection(key=key, retain=False, log_retention_days=30)
    foundation = SharedFoundation(shared, "Shared", protection=protection, emails=["ml@example.com"]).foundation
    stack = cdk.Stack(app, names.access_stack)
    AuditTables(
        stack,
        "Tables",
        names=names,
        trail=AuditTrail(stack, "Trail", names=names, foundation=foundation),
        foundation=foundation,
        registries=[Registry(names.model("churn"))],
    )

    app.synth()
    ```
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        names: EnvironmentNames,
        trail: AuditTrail,
        foundation: Foundation,
        registries: Sequence[Registry],
    ) -> None:
        """registries: of each model, where its versions are; one in another account is in that account's trail."""
        super().__init__(scope, construct_id)
        self._names, self._trail, self._foundation = names, trail, foundation
        self.database_name = f"{names.base}_audit".replace("-", "_")
        self.workgroup_name = f"{names.base}-audit"
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=cdk.Stack.of(self).account,
            database_name=self.database_name,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self.database_name, description=f"What was done to {names.base}, and by whom"
            ),
        )
        self._build_table(database)
        group = self._build_workgroup()
        values = self._values(registries)
        for query in QUERIES:
            named = athena.CfnNamedQuery(
                self,
                f"Query-{query.name}",
                name=f"{names.base} {query.name.replace('_', ' ')}",
                description=query.question,
                database=self.database_name,
                work_group=self.workgroup_name,
                query_string=query.sql(values),
            )
            named.node.add_dependency(database, group)

    @property
    def workgroup_arn(self) -> str:
        return cdk.Stack.of(self).format_arn(service="athena", resource="workgroup", resource_name=self.workgroup_name)

    def _values(self, registries: Sequence[Registry]) -> Mapping[str, str]:
        """What the queries leave open."""
        groups = sorted({each.group_name for each in registries})
        return {
            "base": self._names.base,
            "parameters": f"/{self._names.project}/{self._names.environment}/",
            "groups": ", ".join(f"'{group}'" for group in groups) or "''",
            "data": self._foundation.data.bucket_name,
            "evidence": self._foundation.evidence.bucket_name,
            "trail_files": self._trail.bucket.bucket_name,
            "trail": self._trail.name,
        }

    def _build_table(self, database: glue.CfnDatabase) -> None:
        stack = cdk.Stack.of(self)
        files = f"s3://{self._trail.bucket.bucket_name}/AWSLogs/{stack.account}/CloudTrail/"
        table = glue.CfnTable(
            self,
            "Trail",
            catalog_id=stack.account,
            database_name=self.database_name,
            table_input=glue.CfnTable.TableInputProperty(
                name=TABLE,
                description="A call of an AWS API each, as CloudTrail recorded it",
                table_type="EXTERNAL_TABLE",
                parameters={
                    "EXTERNAL": "TRUE",
                    "classification": "cloudtrail",
                    "projection.enabled": "true",
                    "projection.region.type": "enum",
                    "projection.region.values": self._regions(),
                    "projection.day.type": "date",
                    "projection.day.format": "yyyy/MM/dd",
                    "projection.day.range": f"{_FIRST_DAY},NOW",
                    "projection.day.interval": "1",
                    "projection.day.interval.unit": "DAYS",
                    "storage.location.template": f"{files}${{region}}/${{day}}/",
                },
                partition_keys=[_column("region", "string"), _column("day", "string")],
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    columns=[_column(name, kind) for name, kind in COLUMNS.items()],
                    location=files,
                    input_format=_INPUT_FORMAT,
                    output_format=_OUTPUT_FORMAT,
                    serde_info=glue.CfnTable.SerdeInfoProperty(serialization_library=_SERDE),
                ),
            ),
        )
        table.node.add_dependency(database)

    def _regions(self) -> str:
        """Each once, or every record would count twice; where only the deployment knows the region, it decides."""
        region = cdk.Stack.of(self).region
        both = f"{region},{GLOBAL_REGION}"
        if not cdk.Token.is_unresolved(region):
            return GLOBAL_REGION if region == GLOBAL_REGION else both
        same = cdk.CfnCondition(self, "InGlobalRegion", expression=cdk.Fn.condition_equals(region, GLOBAL_REGION))
        return cdk.Token.as_string(cdk.Fn.condition_if(same.logical_id, GLOBAL_REGION, both))

    def _build_workgroup(self) -> athena.CfnWorkGroup:
        return workgroup(
            self,
            name=self.workgroup_name,
            description=f"Queries over {self.database_name}",
            limit_bytes=QUERY_LIMIT_BYTES,
            key=self._foundation.protection.key,
            location=f"s3://{self._foundation.artifacts.bucket_name}/{RESULTS}/",
        )


def _column(name: str, kind: str) -> glue.CfnTable.ColumnProperty:
    return glue.CfnTable.ColumnProperty(name=name, type=kind)
