"""Functions and jobs act as their roles, and are refused what their policies do not allow."""

import io
import json
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.deployed import until
from tests.local_aws_fixture import LocalAws

CODE = """
import boto3
from botocore.exceptions import ClientError

def handler(event, _context):
    try:
        body = boto3.client("s3").get_object(**event)["Body"].read().decode()
    except ClientError as error:
        body = f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
    return {"body": body, "who": boto3.client("sts").get_caller_identity()["Arn"]}
"""


@dataclass
class Reader:
    """A role that may read below one prefix, and a function of it."""

    local_aws: LocalAws
    name: str
    role: str
    bucket: str

    def allow(self, *prefixes: str) -> None:
        statement = {
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": [f"arn:aws:s3:::{self.bucket}/{each}/*" for each in prefixes],
        }
        listing = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{self.bucket}"}
        logs = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement, listing, logs]})
        self.local_aws.client("iam").put_role_policy(RoleName=self.name, PolicyName="p", PolicyDocument=document)

    def read(self, key: str) -> dict[str, str]:
        payload = json.dumps({"Bucket": self.bucket, "Key": key})
        answer = self.local_aws.client("lambda").invoke(FunctionName=self.name, Payload=payload)
        found: dict[str, str] = json.loads(answer["Payload"].read())
        assert "body" in found, found
        return found


@pytest.fixture(scope="module")
def reader(local_aws: LocalAws) -> Iterator[Reader]:
    name = f"reader-{uuid.uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = local_aws.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for key in ("open/file", "closed/file"):
        s3.put_object(Bucket=name, Key=key, Body=key.encode())
    found = Reader(local_aws, name, role, name)
    found.allow("open")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("index.py", CODE)
    local_aws.client("lambda").create_function(
        FunctionName=name,
        Role=role,
        Runtime="python3.11",
        Timeout=60,
        Handler="index.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    yield found
    local_aws.client("lambda").delete_function(FunctionName=name)


def test_a_function_is_a_session_of_its_role(reader: Reader) -> None:
    assert reader.read("open/file") == {
        "body": "open/file",
        "who": f"arn:aws:sts::111122223333:assumed-role/{reader.name}/{reader.name}",
    }


def test_what_no_policy_allows_is_refused_in_the_words_of_aws(reader: Reader) -> None:
    refused = reader.read("closed/file")["body"]
    assert refused == (
        f"AccessDenied: User: arn:aws:sts::111122223333:assumed-role/{reader.name}/{reader.name} is not authorized to "
        f"perform: s3:GetObject on resource: arn:aws:s3:::{reader.bucket}/closed/file because no identity-based policy "
        "allows the s3:GetObject action"
    )


def test_a_policy_that_changes_counts_at_once(reader: Reader) -> None:
    reader.allow("open", "closed")
    assert reader.read("closed/file")["body"] == "closed/file"
    reader.allow("open")
    assert reader.read("closed/file")["body"].startswith("AccessDenied")


def test_the_account_itself_may_do_everything(reader: Reader) -> None:
    s3 = reader.local_aws.client("s3")
    assert s3.get_object(Bucket=reader.bucket, Key="closed/file")["Body"].read() == b"closed/file"


def test_a_job_fails_where_its_role_may_not_read_the_input(reader: Reader) -> None:
    sagemaker = reader.local_aws.client("sagemaker")
    ended = {each: _processed(sagemaker, reader, each) for each in ("open", "closed")}
    assert ended["open"]["ProcessingJobStatus"] == "Completed"
    assert ended["closed"]["ProcessingJobStatus"] == "Failed"
    assert "AccessDenied" in ended["closed"]["FailureReason"]


def test_each_decision_is_written_down(reader: Reader) -> None:
    lines = (reader.local_aws.home / "permissions.jsonl").read_text().splitlines()
    mine = [each for each in map(json.loads, lines) if each["role"] == reader.name]
    found = {(each["action"], each["resource"], each["decision"]) for each in mine}
    bucket = f"arn:aws:s3:::{reader.bucket}"
    assert ("s3:GetObject", f"{bucket}/open/*", "allowed") in found
    assert ("s3:GetObject", f"{bucket}/closed/file", "refused") in found


def _processed(sagemaker: Any, reader: Reader, prefix: str) -> dict[str, Any]:
    name = f"{reader.name}-{prefix}"
    place = {"S3Uri": f"s3://{reader.bucket}/{prefix}/", "LocalPath": "/opt/ml/processing/in", "S3DataType": "S3Prefix"}
    sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=reader.role,
        AppSpecification={"ImageUri": "image", "ContainerEntrypoint": ["true"]},
        ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
        ProcessingInputs=[{"InputName": "in", "S3Input": {**place, "S3InputMode": "File"}}],
    )

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = sagemaker.describe_processing_job(ProcessingJobName=name)
        return None if found["ProcessingJobStatus"] == "InProgress" else found

    described: dict[str, Any] = until(ended, f"{name} has ended")
    return described
