"""Where an offline store lies in S3, and its Glue table.

Source: developer guide, feature-store-offline (layout and added columns); API reference, OfflineStoreConfig.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from local_aws import clients
from local_aws.core.api import Context
from local_aws.featurestore.definitions import PARTITIONS

Row = dict[str, Any]

DATABASE = "sagemaker_featurestore"
_CATALOG = "AwsDataCatalog"
_GLUE_TYPES = {"Integral": "bigint", "Fractional": "double", "String": "string"}
_ADDED = (("write_time", "timestamp"), ("api_invocation_time", "timestamp"), ("is_deleted", "boolean"))
_HIVE = "org.apache.hadoop.hive.ql.io.parquet"


def resolved(ctx: Context, name: str, created: datetime, config: Row) -> Row:
    """An OfflineStoreConfig as DescribeFeatureGroup tells it: with the place of its files and its table."""
    epoch = int(created.timestamp())
    storage = config["S3StorageConfig"]
    data = f"{ctx.account}/sagemaker/{ctx.region}/offline-store/{name}-{epoch}/data"
    place = {**storage, "ResolvedOutputS3Uri": f"{storage['S3Uri'].rstrip('/')}/{data}"}
    disabled = config.get("DisableGlueTableCreation", False)
    found = {**config, "S3StorageConfig": place, "DisableGlueTableCreation": disabled}
    if not disabled and "DataCatalogConfig" not in config:
        table = f"{name.replace('-', '_').lower()}_{epoch}"
        found["DataCatalogConfig"] = {"TableName": table, "Catalog": _CATALOG, "Database": DATABASE}
    return found


def create(ctx: Context, group: Row) -> None:
    """Look that the bucket is there, and make the Glue table unless that is switched off.

    Raises botocore's errors, which say why the offline store cannot be made.
    """
    config = group.get("OfflineStoreConfig")
    if config is None:
        return
    bucket = config["S3StorageConfig"]["S3Uri"].removeprefix("s3://").partition("/")[0]
    clients.client("s3", ctx).head_bucket(Bucket=bucket)
    if config["DisableGlueTableCreation"]:
        return
    glue = clients.client("glue", ctx)
    place = config["DataCatalogConfig"]
    try:
        glue.create_database(DatabaseInput={"Name": place["Database"]})
    except ClientError as error:
        if error.response["Error"]["Code"] != "AlreadyExistsException":
            raise
    glue.create_table(DatabaseName=place["Database"], TableInput=_table(group))


def update(ctx: Context, group: Row) -> None:
    """Give the Glue table the columns of added features. Raises botocore's errors."""
    config = group.get("OfflineStoreConfig")
    if config is None or config["DisableGlueTableCreation"]:
        return
    database = config["DataCatalogConfig"]["Database"]
    clients.client("glue", ctx).update_table(DatabaseName=database, TableInput=_table(group))


def _table(group: Row) -> Row:
    config = group["OfflineStoreConfig"]
    columns = [(each["FeatureName"].lower(), _GLUE_TYPES[each["FeatureType"]]) for each in group["FeatureDefinitions"]]
    return {
        "Name": config["DataCatalogConfig"]["TableName"],
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet", "parquet.compression": "SNAPPY"},
        "PartitionKeys": [{"Name": name, "Type": "string"} for name in PARTITIONS],
        "StorageDescriptor": {
            "Columns": [{"Name": name, "Type": kind} for name, kind in (*columns, *_ADDED)],
            "Location": config["S3StorageConfig"]["ResolvedOutputS3Uri"],
            "InputFormat": f"{_HIVE}.MapredParquetInputFormat",
            "OutputFormat": f"{_HIVE}.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": f"{_HIVE}.serde.ParquetHiveSerDe", "Parameters": {}},
        },
    }
