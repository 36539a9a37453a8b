"""The emulation's own code with its neighbors replaced: S3, CloudWatch and the logs are small fakes in memory."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import clients
from local_aws.core.api import Context, call
from local_aws.sagemaker import deployment, endpoint_configs, endpoints, invoke, models  # noqa: F401
from tests.real_samples import sample_folder

ECHO = """
import json
class BadRequest(Exception):
    status_code, message, phrase = 400, "instances[0].GrAppv: 'abc' is not a number", "Bad Request"
def model_fn(model_dir):
    with open(model_dir + "/answer.txt") as file:
        return file.read()
def input_fn(data, content_type):
    return json.loads(data)
def predict_fn(data, model):
    if data == "bad":
        raise BadRequest
    if data == "die":
        import os
        os._exit(3)
    return [model, data]
def output_fn(prediction, accept):
    return json.dumps(prediction)
"""
BROKEN = "def model_fn(model_dir):\n    raise RuntimeError('no such model')\n"
FAILING = """
def model_fn(model_dir): return None
def transform_fn(model, data, content_type, accept): raise RuntimeError("it does not work")
"""


def archive(files: dict[str, str]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return data.getvalue()


class FakeS3:
    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.puts: list[dict[str, Any]] = []

    def head_object(self, Bucket: str, Key: str) -> None:  # noqa: N803
        if (Bucket, Key) not in self.objects:
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadObject")

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self.head_object(Bucket, Key)
        return {"Body": io.BytesIO(self.objects[Bucket, Key])}

    def put_object(self, **given: Any) -> None:
        if given["Bucket"] == "gone":
            raise ClientError({"Error": {"Code": "NoSuchBucket", "Message": "no bucket"}}, "PutObject")
        self.puts.append(given)
        self.objects[given["Bucket"], given["Key"]] = given["Body"]


class FakeLogs:
    exceptions = SimpleNamespace(ResourceAlreadyExistsException=KeyError)

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def create_log_group(self, **_: Any) -> None: ...

    def create_log_stream(self, **_: Any) -> None: ...

    def put_log_events(self, logGroupName: str, logStreamName: str, logEvents: Any) -> None:  # noqa: N803
        self.lines += [(f"{logGroupName}:{logStreamName}", event["message"]) for event in logEvents]


class FakeCloudWatch:
    def __init__(self) -> None:
        self.data: list[dict[str, Any]] = []
        self.alarms: dict[str, str] = {}

    def put_metric_data(self, Namespace: str, MetricData: list[dict[str, Any]]) -> None:  # noqa: N803
        self.data += [{"Namespace": Namespace, **datum} for datum in MetricData]

    def describe_alarms(self, AlarmNames: list[str], AlarmTypes: list[str]) -> dict[str, Any]:  # noqa: N803
        found = [{"AlarmName": n, "StateValue": self.alarms[n]} for n in AlarmNames if n in self.alarms]
        return {"MetricAlarms": found, "CompositeAlarms": []}


class FakeAws:
    def __init__(self) -> None:
        self.s3, self.logs, self.cloudwatch = FakeS3(), FakeLogs(), FakeCloudWatch()

    def client(self, service: str, _ctx: Context, *_role: object) -> Any:
        return getattr(self, service)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    fake = FakeAws()
    monkeypatch.setattr(clients, "client", fake.client)
    monkeypatch.setattr(clients, "url", lambda: "http://127.0.0.1:9")
    return fake


@pytest.fixture
def make_model(aws: FakeAws, ctx: Context) -> Callable[..., None]:
    """Put a model package into S3 and create the model; `answer` is what it says."""

    def make(name: str, code: str = ECHO, answer: str = "", **environment: str) -> None:
        files = {"answer.txt": answer or name, "code/inference.py": code}
        aws.s3.objects["models", f"{name}.tar.gz"] = archive(files)
        container = {
            "Image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/xgboost:3.0-5",
            "ModelDataUrl": f"s3://models/{name}.tar.gz",
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                **environment,
            },
        }
        call(ctx, "CreateModel", {"ModelName": name, "PrimaryContainer": container})

    return make


def variant(model: str, name: str = "champion", weight: float = 1.0, count: int = 1) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": count,
        "InitialVariantWeight": weight,
    }


@pytest.fixture
def make_config(ctx: Context) -> Callable[..., None]:
    def make(name: str, *variants: dict[str, Any], **more: Any) -> None:
        given = {"EndpointConfigName": name, "ProductionVariants": list(variants), **more}
        call(ctx, "CreateEndpointConfig", given)

    return make


@pytest.fixture
def serving(emitted: list[dict[str, Any]], aws: FakeAws) -> Iterator[None]:
    """Endpoints may run; their processes end with the test."""
    deployment._stopping.clear()
    yield
    deployment.shut_down()


def settled(ctx: Context, name: str = "loans", seconds: float = 20) -> dict[str, Any]:
    """DescribeEndpoint once nothing is under way."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        described = call(ctx, "DescribeEndpoint", {"EndpointName": name})
        if described["EndpointStatus"] not in endpoints.IN_PROGRESS:
            return described
        time.sleep(0.01)
    raise AssertionError(f"{name} is still {described['EndpointStatus']}: {described}")


@pytest.fixture
def fixtures() -> Path:
    return sample_folder()
