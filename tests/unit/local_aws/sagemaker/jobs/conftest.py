"""Jobs and pipelines without a server: S3 and CloudWatch Logs in memory, jobs as real processes."""

import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import clients
from local_aws.core import api
from local_aws.core.api import Context
from local_aws.sagemaker import (  # noqa: F401 - they declare operations
    executions,
    jobs,
    pipeline_runs,
    registry,
    search,
    transform,
)

BUCKET = "s3://bucket"
ROLE = "arn:aws:iam::111122223333:role/pipelines-role"
IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5"


class MemoryS3:
    """The few S3 calls that jobs make, on a dict of objects by URI."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.keys: dict[str, str] = {}

    def head_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803
        self.get_object(Bucket=Bucket, Key=Key)

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        try:
            return {"Body": io.BytesIO(self.objects[f"s3://{Bucket}/{Key}"])}
        except KeyError:
            error = {"Error": {"Code": "NoSuchKey", "Message": "The specified key does not exist."}}
            raise ClientError(error, "GetObject") from None

    def put_object(self, *, Bucket: str, Key: str, Body: Any, **encryption: str) -> None:  # noqa: N803
        self.objects[f"s3://{Bucket}/{Key}"] = Body.read()
        if encryption:
            assert encryption["ServerSideEncryption"] == "aws:kms"
            self.keys[f"s3://{Bucket}/{Key}"] = encryption["SSEKMSKeyId"]

    def get_paginator(self, _name: str) -> "MemoryS3":
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        root = f"s3://{Bucket}/"
        keys = sorted(uri.removeprefix(root) for uri in self.objects if uri.startswith(root + Prefix))
        yield {"Contents": [{"Key": key} for key in keys]}

    def json(self, uri: str) -> Any:
        return json.loads(self.objects[uri])


class MemoryLogs:
    """The lines of each log stream, and the groups that were made."""

    class exceptions:  # noqa: N801 - boto3's name
        class ResourceAlreadyExistsException(Exception):
            pass

    def __init__(self) -> None:
        self.lines: dict[tuple[str, str], list[str]] = {}

    def create_log_group(self, **_params: Any) -> None: ...

    def create_log_stream(self, *, logGroupName: str, logStreamName: str) -> None:  # noqa: N803
        self.lines[logGroupName, logStreamName] = []

    def put_log_events(self, *, logGroupName: str, logStreamName: str, logEvents: Any) -> None:  # noqa: N803
        self.lines[logGroupName, logStreamName] += [event["message"] for event in logEvents]

    def of(self, job: str) -> list[str]:
        return [line for (_, stream), lines in self.lines.items() if stream.startswith(f"{job}/") for line in lines]


@pytest.fixture(autouse=True)
def _no_job_left() -> Iterator[None]:
    """What a failed test leaves running or stopped is no matter of the next one's."""
    yield
    left = list(jobs._running.values())
    if left:
        jobs.end_all()
        for job in left:
            job.done.wait(5)
        jobs._running.clear()
    pipeline_runs._running.clear()
    jobs.server_stops.clear()


@pytest.fixture
def logs() -> MemoryLogs:
    return MemoryLogs()


@pytest.fixture
def s3(logs: MemoryLogs, monkeypatch: pytest.MonkeyPatch) -> MemoryS3:
    memory = MemoryS3()
    services = {"s3": memory, "logs": logs}
    monkeypatch.setattr(clients, "client", lambda service, _ctx, *_role: services[service])
    monkeypatch.setattr(clients, "url", lambda: "http://127.0.0.1:9")
    return memory


@pytest.fixture
def call(ctx: Context, s3: MemoryS3, emitted: list[dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Call a SageMaker operation with keyword arguments."""
    return lambda operation, **params: api.call(ctx, operation, params)


def eventually(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    """The first true value of `condition`; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)
    return value


def processing_arguments(s3: MemoryS3, script: str, **changes: Any) -> dict[str, Any]:
    """Arguments of a processing job that runs a Python script given as text."""
    uri = f"{BUCKET}/code/{hashlib.sha256(script.encode()).hexdigest()}/script.py"
    s3.objects[uri] = script.encode()
    inputs = [*changes.pop("ProcessingInputs", []), s3_input("code", uri)]
    return {
        "RoleArn": ROLE,
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
        },
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/script.py"],
        },
        "ProcessingInputs": inputs,
        **changes,
    }


def s3_input(name: str, uri: str, **changes: Any) -> dict[str, Any]:
    source = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/input/{name}", "S3DataType": "S3Prefix"}
    return {"InputName": name, "S3Input": {**source, "S3InputMode": "File", **changes}}


def s3_outputs(**uris: str) -> dict[str, Any]:
    return {
        "Outputs": [
            {
                "OutputName": name,
                "S3Output": {
                    "S3Uri": uri,
                    "LocalPath": f"/opt/ml/processing/output/{name}",
                    "S3UploadMode": "EndOfJob",
                },
            }
            for name, uri in uris.items()
        ]
    }
