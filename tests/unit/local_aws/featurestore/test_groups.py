"""Feature groups: what makes one, what is told of it, and what can be changed."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.core import tags
from local_aws.core.api import AwsError, Context, ResourceInUse, ResourceNotFound, ValidationException
from local_aws.featurestore import groups
from local_aws.featurestore.group import table
from tests.unit.local_aws.featurestore.conftest import BUCKET, FEATURES, Aws, Call, definitions, parameters, record


def test_a_group_is_described_with_the_places_of_its_offline_store(create: Call, ctx: Context) -> None:
    told = create("Bank-History", Tags=[{"Key": "team", "Value": "risk"}], Description="What banks did")
    epoch = int(told["CreationTime"].timestamp())
    assert told["FeatureGroupArn"] == ctx.arn("feature-group/bank-history")
    assert told["FeatureGroupName"] == "Bank-History"
    assert (told["FeatureGroupStatus"], told["OfflineStoreStatus"]) == ("Created", {"Status": "Active"})
    assert told["OfflineStoreConfig"] == {
        "S3StorageConfig": {
            "S3Uri": f"s3://{BUCKET}/feature-store/",
            "ResolvedOutputS3Uri": f"s3://{BUCKET}/feature-store/{ctx.account}/sagemaker/{ctx.region}/offline-store/"
            f"Bank-History-{epoch}/data",
        },
        "DisableGlueTableCreation": False,
        "DataCatalogConfig": {
            "TableName": f"bank_history_{epoch}",
            "Catalog": "AwsDataCatalog",
            "Database": "sagemaker_featurestore",
        },
    }
    assert told["NextToken"] == ""
    assert "LastUpdateStatus" not in told
    assert tags.get(told["FeatureGroupArn"]) == [{"Key": "team", "Value": "risk"}]


def test_the_glue_table_has_the_features_and_what_feature_store_adds(create: Call, aws: Aws) -> None:
    catalog = create()["OfflineStoreConfig"]["DataCatalogConfig"]
    made = aws.tables[catalog["Database"], catalog["TableName"]]
    assert {column["Name"]: column["Type"] for column in made["StorageDescriptor"]["Columns"]} == {
        "bank": "string",
        "known_from": "string",
        "approvals": "bigint",
        "share": "double",
        "write_time": "timestamp",
        "api_invocation_time": "timestamp",
        "is_deleted": "boolean",
    }
    assert [key["Name"] for key in made["PartitionKeys"]] == ["year", "month", "day", "hour"]
    assert made["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"].endswith("ParquetHiveSerDe")


def test_the_request_may_name_the_table_or_have_none(create: Call, aws: Aws) -> None:
    storage = {"S3StorageConfig": {"S3Uri": f"s3://{BUCKET}/x"}}
    named = {"TableName": "mine", "Catalog": "AwsDataCatalog", "Database": "ours"}
    told = create("named", OfflineStoreConfig={**storage, "DataCatalogConfig": named})
    assert told["OfflineStoreConfig"]["DataCatalogConfig"] == named
    assert ("ours", "mine") in aws.tables
    told = create(
        "linked", OfflineStoreConfig={**storage, "DataCatalogConfig": named, "DisableGlueTableCreation": True}
    )
    assert told["OfflineStoreConfig"]["DataCatalogConfig"] == named
    told = create("none", OfflineStoreConfig={**storage, "DisableGlueTableCreation": True})
    assert "DataCatalogConfig" not in told["OfflineStoreConfig"]
    assert list(aws.tables) == [("ours", "mine")]


def test_an_online_group_has_no_table(create: Call, aws: Aws) -> None:
    told = create(OfflineStoreConfig=None, RoleArn=None)
    assert "OfflineStoreConfig" not in told
    assert "OfflineStoreStatus" not in told
    assert aws.tables == {}


def test_a_bucket_that_is_not_there_fails_the_creation_with_its_reason(create: Call) -> None:
    told = create(OfflineStoreConfig={"S3StorageConfig": {"S3Uri": "s3://elsewhere/x"}})
    assert told["FeatureGroupStatus"] == "CreateFailed"
    assert told["FailureReason"].startswith("The FeatureGroup could not be created in the OfflineStore: ")


def test_a_creation_that_the_end_of_the_server_cut_off_is_finished_at_its_start(create: Call, ctx: Context) -> None:
    create("done")
    create("cut-off")
    key = (ctx.account, ctx.region, "cut-off")
    table[key] = {**table[key], "FeatureGroupStatus": "Creating"}
    catalog = table[key]["OfflineStoreConfig"]["DataCatalogConfig"]
    table[key]["OfflineStoreConfig"]["DataCatalogConfig"] = {**catalog, "TableName": "not_made_yet"}
    groups.finish_creations()
    assert table[key]["FeatureGroupStatus"] == "Created"


NINE = {f"f{number}": "String" for number in range(2499)}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"RecordIdentifierFeatureName": "other"}, "RecordIdentifierFeatureName 'other' must be the name of one of"),
        ({"EventTimeFeatureName": "other"}, "EventTimeFeatureName 'other' must be the name of one of"),
        ({"EventTimeFeatureName": "bank"}, "must be different features"),
        ({"EventTimeFeatureName": "approvals"}, r"has the type Integral; supported types are \[Fractional, String\]"),
        ({"FeatureDefinitions": definitions({**FEATURES, "BANK": "String"})}, "Duplicate feature name 'BANK'"),
        ({"FeatureDefinitions": definitions({**FEATURES, "Write_Time": "String"})}, "'Write_Time' is reserved"),
        ({"FeatureDefinitions": definitions({**FEATURES, "is_deleted": "String"})}, "'is_deleted' is reserved"),
        ({"FeatureDefinitions": definitions({**FEATURES, "api_invocation_time": "String"})}, "reserved"),
        ({"FeatureDefinitions": definitions({**FEATURES, "month": "String"})}, "a partition of the offline store"),
        ({"FeatureDefinitions": definitions({**FEATURES, "x": "Boolean"})}, "enum value set"),
        ({"FeatureDefinitions": definitions({**FEATURES, "a b": "String"})}, "regular expression pattern"),
        ({"FeatureDefinitions": definitions({**FEATURES, **NINE})}, "less than or equal to 2500"),
        ({"OnlineStoreConfig": None, "OfflineStoreConfig": None}, "At least one of"),
        ({"OnlineStoreConfig": {"EnableOnlineStore": False}, "OfflineStoreConfig": None}, "At least one of"),
        ({"RoleArn": None}, "RoleArn is required"),
        ({"OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "https://host/x"}}}, "must start with s3://"),
        ({"OnlineStoreConfig": {"TtlDuration": {"Unit": "Days", "Value": 1}}}, "needs an online store"),
        ({"OnlineStoreConfig": {"EnableOnlineStore": True, "TtlDuration": {"Value": 1}}}, "both Unit and Value"),
        ({"FeatureGroupName": "a_"}, "regular expression pattern"),
    ],
)
def test_what_aws_does_not_take_is_refused(changes: dict[str, Any], says: str, call: Call) -> None:
    request = {**parameters(), **changes}
    with pytest.raises(ValidationException, match=says):
        call("CreateFeatureGroup", **{member: value for member, value in request.items() if value is not None})
    assert call("ListFeatureGroups")["FeatureGroupSummaries"] == []


def test_a_taken_name_is_refused_in_aws_words_whatever_its_case(create: Call, call: Call) -> None:
    create("history")
    with pytest.raises(ResourceInUse) as refusal:
        call("CreateFeatureGroup", **parameters("History"))
    assert refusal.value.message == (
        "Resource Already Exists: FeatureGroup with name History already exists. Choose a different name.\n"
        "Info: Feature Group 'History' already exists."
    )


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("DescribeFeatureGroup", {}),
        ("DeleteFeatureGroup", {}),
        ("UpdateFeatureGroup", {"FeatureAdditions": definitions({"x": "String"})}),
        ("DescribeFeatureMetadata", {"FeatureName": "bank"}),
        ("UpdateFeatureMetadata", {"FeatureName": "bank"}),
    ],
)
def test_a_group_that_is_not_there_is_not_found(operation: str, more: dict[str, Any], call: Call) -> None:
    with pytest.raises(ResourceNotFound) as refusal:
        call(operation, FeatureGroupName="nowhere", **more)
    assert refusal.value.message == ("Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name nowhere")


def test_features_are_added_to_the_group_and_to_its_table(create: Call, call: Call, aws: Aws) -> None:
    told = create()
    added = definitions({"Age": "Fractional"})
    assert call("UpdateFeatureGroup", FeatureGroupName="bank-history", FeatureAdditions=added) == {
        "FeatureGroupArn": told["FeatureGroupArn"]
    }
    after = call("DescribeFeatureGroup", FeatureGroupName=told["FeatureGroupArn"])
    assert after["FeatureDefinitions"] == [*told["FeatureDefinitions"], *added]
    assert after["LastUpdateStatus"] == {"Status": "Successful"}
    assert after["LastModifiedTime"] > told["LastModifiedTime"]
    [made] = aws.tables.values()
    assert {"Name": "age", "Type": "double"} in made["StorageDescriptor"]["Columns"]


def test_an_update_that_glue_refuses_has_failed(create: Call, call: Call, aws: Aws) -> None:
    create()
    aws.refuses.add("UpdateTable")
    call("UpdateFeatureGroup", FeatureGroupName="bank-history", FeatureAdditions=definitions({"age": "Fractional"}))
    status = call("DescribeFeatureGroup", FeatureGroupName="bank-history")["LastUpdateStatus"]
    assert status["Status"] == "Failed"
    assert "EntityNotFoundException" in status["FailureReason"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, "Use one of"),
        (
            {"FeatureAdditions": definitions({"x": "String"}), "OnlineStoreConfig": {}},
            "Use one of",
        ),
        ({"FeatureAdditions": definitions({"share": "String"})}, "Duplicate feature name 'share'"),
        ({"FeatureAdditions": definitions({"is_deleted": "String"})}, "reserved"),
        ({"FeatureAdditions": definitions({f"f{number}": "String" for number in range(101)})}, "equal to 100"),
        ({"OnlineStoreConfig": {"TtlDuration": {"Unit": "Days"}}}, "both Unit and Value"),
        ({"OnlineStoreConfig": {"StorageType": "InMemory"}}, "StorageType Standard cannot become InMemory"),
    ],
)
def test_an_update_that_aws_does_not_take_changes_nothing(
    change: dict[str, Any], says: str, create: Call, call: Call
) -> None:
    told = create()
    with pytest.raises(ValidationException, match=says):
        call("UpdateFeatureGroup", FeatureGroupName="bank-history", **change)
    assert call("DescribeFeatureGroup", FeatureGroupName="bank-history") == told


def test_the_time_to_live_is_set_and_taken_away(create: Call, call: Call) -> None:
    create()
    ttl = {"Unit": "Days", "Value": 3}
    for given, config in (
        ({"TtlDuration": ttl}, {"EnableOnlineStore": True, "TtlDuration": ttl}),
        ({"StorageType": "Standard_V2"}, {"EnableOnlineStore": True, "TtlDuration": ttl, "StorageType": "Standard_V2"}),
        ({"TtlDuration": {}}, {"EnableOnlineStore": True, "StorageType": "Standard_V2"}),
    ):
        call("UpdateFeatureGroup", FeatureGroupName="bank-history", OnlineStoreConfig=given)
        assert call("DescribeFeatureGroup", FeatureGroupName="bank-history")["OnlineStoreConfig"] == config


def test_the_throughput_is_changed(create: Call, call: Call) -> None:
    assert create()["ThroughputConfig"] == {"ThroughputMode": "OnDemand"}
    wanted = {"ThroughputMode": "Provisioned", "ProvisionedReadCapacityUnits": 5, "ProvisionedWriteCapacityUnits": 1}
    call("UpdateFeatureGroup", FeatureGroupName="bank-history", ThroughputConfig=wanted)
    assert call("DescribeFeatureGroup", FeatureGroupName="bank-history")["ThroughputConfig"] == wanted


def test_groups_are_listed_as_asked(create: Call, call: Call) -> None:
    create("b-history")
    create("a-history", OfflineStoreConfig=None, RoleArn=None)
    create("c-other", OfflineStoreConfig={"S3StorageConfig": {"S3Uri": "s3://elsewhere/x"}})

    def names(**params: Any) -> list[str]:
        found = call("ListFeatureGroups", **params)["FeatureGroupSummaries"]
        return [summary["FeatureGroupName"] for summary in found]

    assert names() == ["b-history", "a-history", "c-other"]
    assert names(SortBy="Name", SortOrder="Descending") == ["c-other", "b-history", "a-history"]
    assert names(NameContains="hist", SortBy="Name") == ["a-history", "b-history"]
    assert names(FeatureGroupStatusEquals="CreateFailed") == ["c-other"]
    assert names(OfflineStoreStatusEquals="Active", SortBy="OfflineStoreStatus") == ["b-history", "c-other"]
    first = call("ListFeatureGroups", MaxResults=2)
    assert names(MaxResults=2, NextToken=first["NextToken"]) == ["c-other"]


def test_deleting_a_group_leaves_its_files_and_its_table(create: Call, call: Call, records: Call, aws: Aws) -> None:
    told = create()
    records("PutRecord", FeatureGroupName="bank-history", Record=record(bank="a", known_from="2026-11-01T00:00:00Z"))
    assert aws.objects == {}
    call("DeleteFeatureGroup", FeatureGroupName="bank-history")
    assert len(aws.objects) == 1
    assert len(aws.tables) == 1
    assert tags.get(told["FeatureGroupArn"]) == []
    with pytest.raises(AwsError, match="can't find a FeatureGroup"):
        records("GetRecord", FeatureGroupName="bank-history", RecordIdentifierValueAsString="a")
    create(OfflineStoreConfig=None, RoleArn=None)
    assert records("GetRecord", FeatureGroupName="bank-history", RecordIdentifierValueAsString="a") == {}


def test_features_have_a_description_and_parameters(create: Call, call: Call) -> None:
    told = create()
    place = {"FeatureGroupName": told["FeatureGroupArn"], "FeatureName": "share"}
    before = call("DescribeFeatureMetadata", **place)
    assert (before["FeatureType"], before["Parameters"], "Description" in before) == ("Fractional", [], False)
    added = [{"Key": "owner", "Value": "risk"}, {"Key": "source", "Value": "sba"}]
    call("UpdateFeatureMetadata", **place, Description="Charge-offs", ParameterAdditions=added)
    call("UpdateFeatureMetadata", **place, ParameterAdditions=[{"Key": "owner", "Value": "data"}])
    call("UpdateFeatureMetadata", **place, ParameterRemovals=["source"])
    after = call("DescribeFeatureMetadata", **place)
    assert (after["Description"], after["Parameters"]) == ("Charge-offs", [{"Key": "owner", "Value": "data"}])
    assert after["LastModifiedTime"] > before["LastModifiedTime"]
    with pytest.raises(ResourceNotFound, match="a Feature with name other"):
        call("DescribeFeatureMetadata", **{**place, "FeatureName": "other"})
