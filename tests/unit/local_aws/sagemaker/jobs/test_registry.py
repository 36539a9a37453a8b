"""The model registry's rules, and its events against AWS's own samples."""

import json
from typing import Any

import pytest

from local_aws.core.api import AwsError, ConflictException, ValidationException
from tests.real_samples import sample as real_sample

from .conftest import IMAGE

SPECIFICATION = {"Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://b/model.tar.gz"}]}


@pytest.fixture
def register(call):
    call("CreateModelPackageGroup", ModelPackageGroupName="loans")

    def create(**params: Any) -> str:
        given = {"ModelPackageGroupName": "loans", "InferenceSpecification": SPECIFICATION, **params}
        return call("CreateModelPackage", **given)["ModelPackageArn"]

    return create


def test_versions_count_up_and_are_never_used_again(call, register):
    first, second = register(), register()
    assert (first[-8:], second[-8:]) == ("/loans/1", "/loans/2")
    call("DeleteModelPackage", ModelPackageName=second)
    assert register().endswith("/loans/3")


def test_a_new_version_waits_for_approval_and_has_its_image_pinned(call, register):
    found = call("DescribeModelPackage", ModelPackageName=register())
    assert found["ModelApprovalStatus"] == "PendingManualApproval"
    assert found["ModelPackageStatus"] == "Completed"
    assert found["InferenceSpecification"]["Containers"][0]["ImageDigest"].startswith("sha256:")
    assert "_ClientToken" not in found


def test_the_same_client_token_makes_one_version(register):
    assert register(ClientToken="token") == register(ClientToken="token") != register(ClientToken="other")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"ModelPackageName": "alone"}, "unversioned model packages are not emulated"),
        ({"ModelPackageGroupName": "nobody"}, "model-package-group/nobody does not exist"),
        ({"ModelPackageGroupName": "loans", "ModelPackageName": "x"}, "Cannot determine which one to use"),
    ],
)
def test_create_refuses_what_it_cannot_place(call, register, params, message):
    with pytest.raises(ValidationException, match=message):
        call("CreateModelPackage", InferenceSpecification=SPECIFICATION, **params)


def test_a_described_version_that_does_not_exist_is_a_validation_error(call, register):
    with pytest.raises(ValidationException, match=r"ModelPackage arn:.*:model-package/loans/9 does not exist"):
        arn = register().replace("/1", "/9")
        call("DescribeModelPackage", ModelPackageName=arn)


def test_metadata_is_merged_and_removed(call, register):
    arn = register(CustomerMetadataProperties={"a": "1", "b": "2"})
    call(
        "UpdateModelPackage",
        ModelPackageArn=arn,
        CustomerMetadataProperties={"b": "3", "c": "4"},
        CustomerMetadataPropertiesToRemove=["a"],
    )
    assert call("DescribeModelPackage", ModelPackageName=arn)["CustomerMetadataProperties"] == {"b": "3", "c": "4"}


def test_removing_all_metadata_leaves_none(call, register):
    arn = register(CustomerMetadataProperties={"a": "1"})
    call("UpdateModelPackage", ModelPackageArn=arn, CustomerMetadataPropertiesToRemove=["a"])
    assert "CustomerMetadataProperties" not in call("DescribeModelPackage", ModelPackageName=arn)


def test_list_sorts_oldest_first_filters_and_pages(call, register):
    arns = [register() for _ in range(3)]
    call("UpdateModelPackage", ModelPackageArn=arns[1], ModelApprovalStatus="Approved")

    def listed(**params: Any) -> list[str]:
        found = call("ListModelPackages", ModelPackageGroupName="loans", **params)["ModelPackageSummaryList"]
        return [item["ModelPackageArn"] for item in found]

    assert listed() == arns
    assert listed(SortOrder="Descending") == arns[::-1]
    assert listed(ModelApprovalStatus="Approved") == [arns[1]]
    assert call("ListModelPackages")["ModelPackageSummaryList"] == []  # AWS's default: unversioned ones only
    first = call("ListModelPackages", ModelPackageGroupName="loans", MaxResults=2)
    assert listed(MaxResults=2, NextToken=first["NextToken"]) == [arns[2]]


def test_a_group_with_versions_cannot_be_deleted(call, register):
    arn = register()
    with pytest.raises(ConflictException, match="still contains model packages"):
        call("DeleteModelPackageGroup", ModelPackageGroupName="loans")
    call("DeleteModelPackage", ModelPackageName=arn)
    call("DeleteModelPackageGroup", ModelPackageGroupName="loans")
    with pytest.raises(ValidationException, match="does not exist"):
        call("DescribeModelPackageGroup", ModelPackageGroupName="loans")


def test_a_group_policy_is_put_got_and_deleted(call, register):
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    call("PutModelPackageGroupPolicy", ModelPackageGroupName="loans", ResourcePolicy=policy)
    assert call("GetModelPackageGroupPolicy", ModelPackageGroupName="loans") == {"ResourcePolicy": policy}
    call("DeleteModelPackageGroupPolicy", ModelPackageGroupName="loans")
    with pytest.raises(ValidationException, match="Cannot find resource policy"):
        call("GetModelPackageGroupPolicy", ModelPackageGroupName="loans")


def test_batch_describe_answers_for_each_arn(call, register):
    arn = register()
    answer = call("BatchDescribeModelPackage", ModelPackageArnList=[arn, arn.replace("/1", "/7")])
    assert answer["ModelPackageSummaries"][arn]["ModelPackageVersion"] == 1
    assert answer["BatchDescribeModelPackageErrorMap"][arn.replace("/1", "/7")]["ErrorCode"] == "ValidationException"


def test_tags_of_a_version_can_be_listed(call, register):
    arn = register(Tags=[{"Key": "team", "Value": "risk"}])
    assert call("ListTags", ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "risk"}]
    call("DeleteModelPackage", ModelPackageName=arn)
    with pytest.raises(AwsError):
        call("ListTags", ResourceArn=arn)


def test_an_update_names_the_fields_that_changed(call, register, emitted):
    arn = register()
    call("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="good")
    call("UpdateModelPackage", ModelPackageArn=arn, CustomerMetadataProperties={"note": "x"})
    updated = [event["detail"].get("UpdatedModelPackageFields") for event in emitted]
    assert updated == [None, ["ModelApprovalStatus", "ApprovalDescription"], ["CustomerMetadataProperties"]]
    assert emitted[2]["detail"]["ModelApprovalStatus"] == "Approved"


@pytest.mark.parametrize(
    "name", ["model_package.json", "model_package_2025_with_UpdatedModelPackageFields.repaired.json"]
)
def test_events_have_the_members_of_the_real_ones(call, register, emitted, name):
    sample = real_sample(f"events/{name}")
    metrics = {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://b/x.json"}}}
    arn = register(ModelMetrics=metrics, MetadataProperties={"GeneratedBy": "somebody"})
    stage = {"Stage": "Development", "StageStatus": "Approved", "StageDescription": "ready"}
    if "UpdatedModelPackageFields" in sample["detail"]:
        call("UpdateModelPackage", ModelPackageArn=arn, ModelLifeCycle=stage)
    event = emitted[-1]
    assert event["detail-type"] == sample["detail-type"]
    assert set(event["detail"]) == set(sample["detail"])
    assert event["resources"] == [arn]
    assert len(event["detail"]["CreationTime"]) == len(sample["detail"]["CreationTime"])
