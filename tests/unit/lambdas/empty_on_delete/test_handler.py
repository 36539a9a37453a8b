"""The custom resource against moto, answering to a server of this test."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest
from botocore.stub import ANY, Stubber
from moto import mock_aws

BUCKET = "mlops-test-data"
GROUP = "mlops-test-loan-approval"
PLENTY = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)


class Answers(BaseHTTPRequestHandler):
    """Takes the PUTs that CloudFormation would get; the first `refusals` of them get a 503."""

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.send_response(503 if len(self.server.requests) <= self.server.refusals else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def cloudformation():
    server = HTTPServer(("127.0.0.1", 0), Answers)
    server.requests, server.refusals = [], 0
    server.url = f"http://127.0.0.1:{server.server_port}/answer?Signature=s%2Fx"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def clients(empty_on_delete):
    """The clients as the factory makes them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        yield SimpleNamespace(**{name: empty_on_delete.gateway.client(name) for name in ("s3", "sagemaker")})
    empty_on_delete.gateway.client.cache_clear()


@pytest.fixture
def aws(clients):
    with mock_aws():
        yield clients


@pytest.fixture
def ask(empty_on_delete, cloudformation):
    """Send a request to the handler; returns the one answer to it."""

    def send(kind, name, request_type="Delete", context=PLENTY, **extra):
        event = {
            "RequestType": request_type,
            "ResponseURL": cloudformation.url,
            "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/foundation/1",
            "RequestId": "r-1",
            "LogicalResourceId": "EmptyData",
            "ResourceType": "Custom::EmptyOnDelete",
            "ResourceProperties": {"ServiceToken": "arn", "Kind": kind, "Name": name},
            **extra,
        }
        empty_on_delete.handler.handler(event, context)
        return cloudformation.requests[-1][2]

    return send


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
    answer = ask("bucket", BUCKET, PhysicalResourceId="as-given")
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


def test_more_than_a_batch_is_deleted_in_several(ask, bucket, empty_on_delete, monkeypatch):
    monkeypatch.setattr(empty_on_delete.gateway, "BATCH", 2)
    assert list(empty_on_delete.gateway.empty("bucket", BUCKET)) == [2, 4, 5]
    assert versions(bucket) == []


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_creation_and_update_touch_nothing(ask, bucket, request_type):
    answer = ask("bucket", BUCKET, request_type)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", f"bucket/{BUCKET}")
    assert len(versions(bucket)) == 5


def test_physical_id_is_the_same_for_the_same_thing_and_another_for_another(ask, aws):
    first = ask("bucket", BUCKET, "Create")["PhysicalResourceId"]
    assert ask("bucket", BUCKET, "Update", PhysicalResourceId=first)["PhysicalResourceId"] == first
    assert ask("bucket", "another", "Update", PhysicalResourceId=first)["PhysicalResourceId"] != first


def test_missing_bucket_is_empty(ask, aws):
    assert ask("bucket", "never-made")["Status"] == "SUCCESS"


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
        assert ask("model-package-group", GROUP)["Status"] == "SUCCESS"
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
        assert ask("model-package-group", GROUP)["Status"] == "SUCCESS"


def test_refused_call_fails_with_its_reason(ask, clients):
    with Stubber(clients.sagemaker) as sagemaker:
        sagemaker.add_client_error("list_model_packages", "AccessDeniedException", "not yours")
        answer = ask("model-package-group", GROUP)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith(f"model-package-group {GROUP}: ")
    assert answer["Reason"].endswith("not yours")


def test_object_that_cannot_be_deleted_fails_with_its_key(ask, clients):
    page = {"Versions": [{"Key": "held", "VersionId": "1"}], "IsTruncated": False}
    errors = [{"Key": "held", "VersionId": "1", "Code": "AccessDenied", "Message": "Access Denied"}]
    with Stubber(clients.s3) as s3:
        s3.add_response("list_object_versions", page, {"Bucket": BUCKET, "MaxKeys": 1000})
        s3.add_response("delete_objects", {"Errors": errors}, {"Bucket": BUCKET, "Delete": ANY})
        answer = ask("bucket", BUCKET)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == (
        f"bucket {BUCKET}: 1 of 1 objects were not deleted, first 'held': AccessDenied: Access Denied"
    )


def test_answers_before_lambda_ends_the_function(ask, bucket, empty_on_delete, monkeypatch):
    monkeypatch.setattr(empty_on_delete.gateway, "BATCH", 2)
    remaining = iter([300_000, 59_000])
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: next(remaining))
    answer = ask("bucket", BUCKET, context=context)
    assert answer["Status"] == "FAILED"
    assert "time is up after 4 deletions" in answer["Reason"]
    assert len(versions(bucket)) == 1
    assert ask("bucket", BUCKET)["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        ("table", "t", "ResourceProperties.Kind: 'table', expected one of bucket, model-package-group"),
        ("bucket", "", "ResourceProperties.Name: '', expected the name of the bucket"),
    ],
)
def test_wrong_properties_fail_the_creation_but_not_its_rollback(ask, kind, name, reason):
    answer = ask(kind, name, "Create")
    assert (answer["Status"], answer["Reason"]) == ("FAILED", reason)
    assert ask(kind, name, "Delete", PhysicalResourceId=answer["PhysicalResourceId"])["Status"] == "SUCCESS"


def test_answer_is_sent_again_until_it_is_taken(ask, aws, cloudformation, empty_on_delete, monkeypatch):
    monkeypatch.setattr(empty_on_delete.gateway, "ANSWER_PAUSES", (0.0, 0.0))
    cloudformation.refusals = 2
    ask("bucket", BUCKET, "Create")
    assert [request[:2] for request in cloudformation.requests] == [("/answer?Signature=s%2Fx", "")] * 3


def test_answer_that_nobody_takes_is_raised_for_lambda_to_retry(ask, aws, cloudformation, empty_on_delete, monkeypatch):
    monkeypatch.setattr(empty_on_delete.gateway, "ANSWER_PAUSES", (0.0, 0.0))
    cloudformation.refusals = 3
    with pytest.raises(OSError, match="503"):
        ask("bucket", BUCKET, "Create")


def test_answer_goes_nowhere_but_the_web(empty_on_delete):
    with pytest.raises(ValueError, match="ResponseURL: 'file:///etc/passwd', expected an http"):
        empty_on_delete.gateway.send("file:///etc/passwd", b"")


def test_long_reason_fits_into_an_answer(empty_on_delete):
    request = empty_on_delete.request.Request("Delete", "bucket", "b", "", "", "", "", "")
    assert len(request.answer("é" * 5000)) < 8000
