"""Feature Store on a real server: boto3 on one side, Athena on the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parents[3]
BUCKET, ROLE = "feature-data", "arn:aws:iam::111122223333:role/feature-store"
TYPES = {"bank": "String", "known_from": "String", "approvals_12m": "Integral", "share_12m": "Fractional"}
DEFINITIONS = [{"FeatureName": name, "FeatureType": kind} for name, kind in TYPES.items()]
Found = TypeVar("Found")


def eventually(look: Callable[[], Found | None], what: str, seconds: float = 30) -> Found:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


class Store:
    """A server's Feature Store, as a client sees it."""

    def __init__(self, local_aws: Any) -> None:
        self.aws = local_aws
        self.sagemaker = local_aws.client("sagemaker")
        self.runtime = local_aws.client("sagemaker-featurestore-runtime")
        self.s3 = local_aws.client("s3")

    def create(self, name: str, **changes: Any) -> dict[str, Any]:
        request = {
            "FeatureGroupName": name,
            "RecordIdentifierFeatureName": "bank",
            "EventTimeFeatureName": "known_from",
            "FeatureDefinitions": DEFINITIONS,
            "OnlineStoreConfig": {"EnableOnlineStore": True},
            "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": f"s3://{BUCKET}/feature-store"}},
            "RoleArn": ROLE,
        }
        self.sagemaker.create_feature_group(**request, **changes)
        return eventually(lambda: self._created(name), f"{name} is Created")

    def _created(self, name: str) -> dict[str, Any] | None:
        told: dict[str, Any] = self.sagemaker.describe_feature_group(FeatureGroupName=name)
        return told if told["FeatureGroupStatus"] == "Created" else None

    def put(self, group: str, bank: str, known_from: str, **values: object) -> None:
        given = {"bank": bank, "known_from": known_from, **values}
        record = [{"FeatureName": name, "ValueAsString": str(value)} for name, value in given.items()]
        self.runtime.put_record(FeatureGroupName=group, Record=record)

    def get(self, group: str, bank: str) -> dict[str, str]:
        answer = self.runtime.get_record(FeatureGroupName=group, RecordIdentifierValueAsString=bank)
        return {value["FeatureName"]: value["ValueAsString"] for value in answer.get("Record", [])}

    def keys(self, told: dict[str, Any]) -> list[str]:
        place = told["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
        prefix = place.removeprefix(f"s3://{BUCKET}/")
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]

    def query(self, sql: str, **more: Any) -> list[list[str | None]]:
        """The rows of a query, without the header."""
        athena = self.aws.client("athena")
        place = {"OutputLocation": f"s3://{BUCKET}/queries/"}
        name = athena.start_query_execution(QueryString=sql, ResultConfiguration=place, **more)["QueryExecutionId"]

        def ended() -> dict[str, Any] | None:
            status: dict[str, Any] = athena.get_query_execution(QueryExecutionId=name)["QueryExecution"]["Status"]
            return status if status["State"] not in ("QUEUED", "RUNNING") else None

        status = eventually(ended, "the query ends")
        assert status["State"] == "SUCCEEDED", status
        pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=name)
        rows = [row["Data"] for page in pages for row in page["ResultSet"]["Rows"]]
        return [[value.get("VarCharValue") for value in row] for row in rows[1:]]


def table_of(told: dict[str, Any]) -> str:
    catalog = told["OfflineStoreConfig"]["DataCatalogConfig"]
    return f'"{catalog["Database"]}"."{catalog["TableName"]}"'


def prepared(local_aws: Any) -> Store:
    store = Store(local_aws)
    place = {"LocationConstraint": local_aws.server.region}
    store.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    return store


@pytest.fixture(scope="module")
def store(local_aws: Any) -> Iterator[Store]:
    yield prepared(local_aws)


def test_a_record_goes_its_way_from_put_to_the_offline_table(store: Store) -> None:
    told = store.create("way", Tags=[{"Key": "team", "Value": "risk"}])
    arn = told["FeatureGroupArn"]
    assert store.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "risk"}]
    for month in range(1, 7):
        for bank in range(20):
            store.put("way", f"bank / {bank}?&=ü", f"2026-{month:02d}-01T00:00:00Z", approvals_12m=month * bank)
    assert store.get(arn, "bank / 3?&=ü") == {
        "bank": "bank / 3?&=ü",
        "known_from": "2026-06-01T00:00:00Z",
        "approvals_12m": "18",
    }
    asked = [{"FeatureGroupName": "way", "RecordIdentifiersValueAsString": [f"bank / {n}?&=ü" for n in range(50)]}]
    answer = store.runtime.batch_get_record(Identifiers=asked)
    assert len(answer["Records"]) == 20
    assert (answer["Errors"], answer["UnprocessedIdentifiers"]) == ([], [])
    # Nobody has to wait for the offline store here: a query sees what was put before it.
    assert store.query(f"SELECT count(*), sum(approvals_12m), max(known_from) FROM {table_of(told)}") == [
        ["120", str(sum(month * bank for month in range(1, 7) for bank in range(20))), "2026-06-01T00:00:00Z"]
    ]
    assert store.query(f"SELECT count(*) FROM {table_of(told)} WHERE year = '2026' AND month IN ('01', '02')") == [
        ["40"]
    ]
    keys = store.keys(told)
    assert 6 <= len(keys) < 60
    assert all(key.endswith(".parquet") and "/data/year=2026/month=0" in key for key in keys)
    store.runtime.delete_record(
        FeatureGroupName="way", RecordIdentifierValueAsString="bank / 3?&=ü", EventTime="2026-07-01T00:00:00Z"
    )
    assert store.get("way", "bank / 3?&=ü") == {}
    assert store.query(f"SELECT bank, known_from, approvals_12m FROM {table_of(told)} WHERE is_deleted") == [
        ["bank / 3?&=ü", "2026-07-01T00:00:00Z", None]
    ]
    store.sagemaker.delete_feature_group(FeatureGroupName="way")
    assert store.query(f"SELECT count(*) FROM {table_of(told)}") == [["121"]]


def test_errors_are_the_runtimes_own(store: Store) -> None:
    store.create("errors")
    errors = store.runtime.exceptions
    with pytest.raises(errors.ResourceNotFound, match="can't find a FeatureGroup with name nowhere") as missing:
        store.get("nowhere", "a")
    assert missing.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    with pytest.raises(ClientError, match="is not an Integral value") as refused:
        store.put("errors", "a", "2026-01-01T00:00:00Z", approvals_12m="many")
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    with pytest.raises(ClientError, match="'2026-01-01' is not in the format"):
        store.put("errors", "a", "2026-01-01")
    with pytest.raises(ClientError, match="less than or equal to 100"):
        many = [str(number) for number in range(101)]
        asked = [{"FeatureGroupName": "errors", "RecordIdentifiersValueAsString": many}]
        store.runtime.batch_get_record(Identifiers=asked)


def test_a_join_with_rows_of_a_text_table_whose_partition_the_query_names(store: Store) -> None:
    told = store.create("joined")
    for known_from, approvals in (("2026-01-01T00:00:00Z", 1), ("2026-02-01T00:00:00Z", 2)):
        store.put("joined", "a", known_from, approvals_12m=approvals)
    glue = store.aws.client("glue")
    glue.create_database(DatabaseInput={"Name": "ours"})
    glue.create_table(
        DatabaseName="ours",
        TableInput={
            "Name": "rows",
            "PartitionKeys": [{"Name": "run", "Type": "string"}],
            "Parameters": {
                "projection.enabled": "true",
                "projection.run.type": "injected",
                "storage.location.template": f"s3://{BUCKET}/rows/${{run}}/",
            },
            "StorageDescriptor": {
                "Columns": [{"Name": name, "Type": "string"} for name in ("row", "record", "event_time")],
                "Location": f"s3://{BUCKET}/rows/",
                "SerdeInfo": {
                    "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
                    "Parameters": {"field.delim": "\t"},
                },
            },
        },
    )
    lines = "1\ta\t2026-01-15T00:00:00Z\n2\ta\t2026-02-01T00:00:00Z\n3\tb\t2026-03-01T00:00:00Z\n"
    store.s3.put_object(Bucket=BUCKET, Key="rows/one/part.tsv", Body=lines.encode())
    store.s3.put_object(Bucket=BUCKET, Key="rows/two/part.tsv", Body=b"9\ta\t2026-09-01T00:00:00Z\n")
    sql = (
        'SELECT r."row", max_by(h.approvals_12m, h.known_from) AS approvals '
        "FROM (SELECT * FROM rows WHERE run = 'one') r "
        f"LEFT JOIN {table_of(told)} h ON h.bank = r.record AND h.known_from <= r.event_time "
        'GROUP BY r."row" ORDER BY r."row"'
    )
    assert store.query(sql, QueryExecutionContext={"Database": "ours"}) == [["1", "1"], ["2", "2"], ["3", None]]
    with pytest.raises(AssertionError, match="CONSTRAINT_VIOLATION: For the injected projected partition column run"):
        store.query("SELECT * FROM ours.rows")


TEMPLATE = """
Parameters:
  Days: {Type: Number, Default: 0}
Conditions:
  Expires: !Not [!Equals [!Ref Days, 0]]
Resources:
  Group:
    Type: AWS::SageMaker::FeatureGroup
    Properties:
      FeatureGroupName: of-a-stack
      RecordIdentifierFeatureName: bank
      EventTimeFeatureName: known_from
      Description: DESCRIPTION
      FeatureDefinitions:
        - {FeatureName: bank, FeatureType: String}
        - {FeatureName: known_from, FeatureType: String}
      OnlineStoreConfig:
        EnableOnlineStore: true
        TtlDuration: !If [Expires, {Unit: Days, Value: !Ref Days}, !Ref AWS::NoValue]
      OfflineStoreConfig: {S3StorageConfig: {S3Uri: s3://feature-data/stack}}
      RoleArn: arn:aws:iam::111122223333:role/feature-store
Outputs:
  Name: {Value: !Ref Group}
  Status: {Value: !GetAtt Group.FeatureGroupStatus}
"""
ADDED = "        - {FeatureName: age, FeatureType: Integral}\n      OnlineStoreConfig:"


def test_a_stack_makes_changes_and_deletes_a_group(store: Store) -> None:
    cloudformation = store.aws.client("cloudformation")

    def told() -> dict[str, Any]:
        found: dict[str, Any] = store.sagemaker.describe_feature_group(FeatureGroupName="of-a-stack")
        return found

    def stack() -> dict[str, Any]:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName="features")["Stacks"][0]
        return found

    cloudformation.create_stack(StackName="features", TemplateBody=TEMPLATE)
    cloudformation.get_waiter("stack_create_complete").wait(StackName="features", WaiterConfig={"Delay": 1})
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack()["Outputs"]}
    assert outputs == {"Name": "of-a-stack", "Status": "Created"}
    created = told()["CreationTime"]
    more = TEMPLATE.replace("      OnlineStoreConfig:", ADDED)
    parameters = [{"ParameterKey": "Days", "ParameterValue": "3"}]
    cloudformation.update_stack(StackName="features", TemplateBody=more, Parameters=parameters)
    cloudformation.get_waiter("stack_update_complete").wait(StackName="features", WaiterConfig={"Delay": 1})
    assert told()["CreationTime"] == created
    assert [each["FeatureName"] for each in told()["FeatureDefinitions"]] == ["bank", "known_from", "age"]
    assert told()["OnlineStoreConfig"]["TtlDuration"] == {"Unit": "Days", "Value": 3}
    # What would replace a group of a fixed name, and a feature that is gone, fail and are rolled back.
    for changed in (more.replace("DESCRIPTION", "other words"), TEMPLATE):
        cloudformation.update_stack(StackName="features", TemplateBody=changed, Parameters=parameters)
        eventually(lambda: stack()["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE" or None, "the rollback")
        assert [each["FeatureName"] for each in told()["FeatureDefinitions"]] == ["bank", "known_from", "age"]
        assert told()["Description"] == "DESCRIPTION"
    cloudformation.delete_stack(StackName="features")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="features", WaiterConfig={"Delay": 1})
    with pytest.raises(ClientError, match="can't find a FeatureGroup with name of-a-stack"):
        told()
