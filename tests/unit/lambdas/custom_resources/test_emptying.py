"""Emptying buckets and model package groups, against moto."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from botocore.stub import ANY, Stubber
from moto import mock_aws

BUCKET = "mlops-test-data"
GROUP = "mlops-test-loan-approval"
DATA = {"Kind": "bucket", "Name": BUCKET}
PACKAGES = {"Kind": "model-package-group", "Name": GROUP}


@pytest.fixture(scope="module")
def clients(custom_resources):
    """The clients as the factory makes them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        yield SimpleNamespace(**{name: custom_resources.gateway.client(name) for name in ("s3", "sagemaker")})
    custom_resources.gateway.client.cache_clear()


@pytest.fixture
def aws(clients):
    with mock_aws():
        yield clients


def versions(s3):
    listed = s3.list_object_versions(Bucket=BUCKET)
    return [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]


@pytest.fixture
def bucket(aws):
    """Two keys with two versions each, one of them deleted once."""
    aws.s3.create_bucket(Bucket=BUCKET)
    aws.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for key in ("a", "b/c d", "a", "b/c d"):
        aws.s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    aws.s3.delete_object(Bucket=BUCKET, Key="a")
    return aws.s3


def test_deletion_empties_versions_and_delete_markers(ask, bucket):
    assert len(versions(bucket)) == 5
    answer = ask(DATA, PhysicalResourceId="as-given")
    assert answer == {
        "Status": "SUCCESS",
        "Reason": "",
        "PhysicalResourceId": "as-given",
        "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/foundation/1",
        "RequestId": "r-1",
        "LogicalResourceId": "EmptyData",
    }
    assert versions(bucket) == []
    bucket.delete_bucket(Bucket=BUCKET)


def test_more_than_a_batch_is_deleted_in_several(ask, bucket, custom_resources, monkeypatch):
    monkeypatch.setattr(custom_resources.gateway, "BATCH", 2)
    assert list(custom_resources.gateway.empty("bucket", BUCKET)) == [2, 4, 5]
    assert versions(bucket) == []


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_creation_and_update_touch_nothing(ask, bucket, request_type):
    answer = ask(DATA, request_type)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", f"bucket/{BUCKET}")
    assert len(versions(bucket)) == 5


def test_physical_id_is_the_same_for_the_same_thing_and_another_for_another(ask, aws):
    first = ask(DATA, "Create")["PhysicalResourceId"]
    assert ask(DATA, "Update", PhysicalResourceId=first)["PhysicalResourceId"] == first
    assert ask(DATA | {"Name": "another"}, "Update", PhysicalResourceId=first)["PhysicalResourceId"] != first


def test_missing_bucket_is_empty(ask, aws):
    assert ask(DATA | {"Name": "never-made"})["Status"] == "SUCCESS"


def test_all_versions_of_a_group_are_deleted_and_a_missing_one_is_no_failure(ask, clients):
    arns = [f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/{GROUP}/{number}" for number in (1, 2)]
    query = {"ModelPackageGroupName": GROUP, "SortBy": "CreationTime", "SortOrder": "Ascending", "MaxResults": 100}
    with Stubber(clients.sagemaker) as sagemaker:
        for page, (arn, more) in enumerate(zip(arns, ({"NextToken": "1"}, {}), strict=True)):
            summary = {
                "ModelPackageName": GROUP,
                "ModelPackageArn": arn,
                "CreationTime": 0,
                "ModelPackageStatus": "Completed",
            }
            sagemaker.add_response(
                "list_model_packages",
                {"ModelPackageSummaryList": [summary], **more},
                query | ({"NextToken": str(page)} if page else {}),
            )
        gone = f"ModelPackage {arns[0]} does not exist."
        sagemaker.add_client_error(
            "delete_model_package", "ValidationException", gone, expected_params={"ModelPackageName": arns[0]}
        )
        sagemaker.add_response("delete_model_package", {}, {"ModelPackageName": arns[1]})
        assert ask(PACKAGES)["Status"] == "SUCCESS"
        sagemaker.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ValidationException", f"ModelPackageGroup {GROUP} does not exist."),
        ("ResourceNotFound", "no such thing"),
    ],
)
def test_missing_group_is_empty(ask, clients, code, message):
    with Stubber(clients.sagemaker) as sagemaker:
        sagemaker.add_client_error("list_model_packages", code, message)
        assert ask(PACKAGES)["Status"] == "SUCCESS"


def test_refused_call_fails_with_its_reason(ask, clients):
    with Stubber(clients.sagemaker) as sagemaker:
        sagemaker.add_client_error("list_model_packages", "AccessDeniedException", "not yours")
        answer = ask(PACKAGES)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith(f"model-package-group {GROUP}: ")
    assert answer["Reason"].endswith("not yours")


def test_object_that_cannot_be_deleted_fails_with_its_key(ask, clients):
    page = {"Versions": [{"Key": "held", "VersionId": "1"}], "IsTruncated": False}
    errors = [{"Key": "held", "VersionId": "1", "Code": "AccessDenied", "Message": "Access Denied"}]
    with Stubber(clients.s3) as s3:
        s3.add_response("list_object_versions", page, {"Bucket": BUCKET, "MaxKeys": 1000})
        s3.add_response("delete_objects", {"Errors": errors}, {"Bucket": BUCKET, "Delete": ANY})
        answer = ask(DATA)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == (
        f"bucket {BUCKET}: 1 of 1 objects were not deleted, first 'held': AccessDenied: Access Denied"
    )


def test_answers_before_lambda_ends_the_function(ask, bucket, custom_resources, monkeypatch):
    monkeypatch.setattr(custom_resources.gateway, "BATCH", 2)
    remaining = iter([300_000, 59_000])
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: next(remaining))
    answer = ask(DATA, context=context)
    assert answer["Status"] == "FAILED"
    assert "time is up after 4 deletions" in answer["Reason"]
    assert len(versions(bucket)) == 1
    assert ask(DATA)["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        (
            "table",
            "t",
            "ResourceProperties.Kind: 'table', expected one of bucket, model-package-group, instance-type, "
            "feature-group, default-security-group",
        ),
        ("bucket", "", "ResourceProperties.Name: '', expected the name of the bucket"),
    ],
)
def test_wrong_properties_fail_the_creation_but_not_its_rollback(ask, kind, name, reason):
    answer = ask({"Kind": kind, "Name": name}, "Create")
    assert (answer["Status"], answer["Reason"]) == ("FAILED", reason)
    assert (
        ask({"Kind": kind, "Name": name}, "Delete", PhysicalResourceId=answer["PhysicalResourceId"])["Status"]
        == "SUCCESS"
    )
