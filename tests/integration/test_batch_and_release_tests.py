"""Batch scoring and release tests as Lambda runs them, against a real endpoint, registry and transform jobs.

Only the model is small: it approves incomes above 10, in JSON and in CSV.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.lambdas.conftest import LAMBDAS, load_folder

NAME = "batch-test-income"
BUCKET = f"{NAME}-data"
STACK = f"{NAME}-serving"
IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5"
PLENTY = 900_000

MODEL = """
import json, os
class BadRequest(Exception):
    status_code, phrase = 400, "Bad Request"
    def __init__(self, message):
        self.message = message
def model_fn(model_dir):
    return os.environ["MODEL_VERSION"]
def input_fn(data, content_type):
    if content_type == "text/csv":
        text = data if isinstance(data, str) else data.decode()
        return [float(line) for line in text.splitlines() if line]
    rows = json.loads(data)["instances"]
    for index, row in enumerate(rows):
        if "income" not in row:
            raise BadRequest(f"instances[{index}].income: missing")
    return [row["income"] for row in rows]
def predict_fn(incomes, version):
    return [{"decision": "approve" if each > 10 else "decline", "model_version": version} for each in incomes]
def output_fn(predictions, accept):
    if accept == "text/csv":
        return "".join(f"{each['decision']},{each['model_version']}\\n" for each in predictions)
    return json.dumps({"predictions": predictions})
"""
SCHEMA = {"required": ["predictions"], "properties": {"predictions": {"items": {"required": ["decision"]}}}}
TEMPLATE = {
    "Resources": {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}},
    "Parameters": {"Model": {"Type": "String"}, "Package": {"Type": "String"}},
    "Outputs": {"ModelName": {"Value": {"Ref": "Model"}}, "ChampionPackage": {"Value": {"Ref": "Package"}}},
}


def archive(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def until(look: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError("nothing in time")


class Served:
    """Version 1 of a model behind an endpoint, registered, and named by a stack's outputs."""

    def __init__(self, local_aws: Any) -> None:
        self.aws = local_aws
        self.s3, self.sagemaker = local_aws.client("s3"), local_aws.client("sagemaker")
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=archive({"code/inference.py": MODEL}))
        self.key = local_aws.client("kms").create_key()["KeyMetadata"]["Arn"]
        self.topic = local_aws.client("sns").create_topic(Name=NAME)["TopicArn"]
        self.package = self._register()
        self._serve()
        local_aws.client("cloudformation").create_stack(
            StackName=STACK,
            TemplateBody=json.dumps(TEMPLATE),
            Parameters=[
                {"ParameterKey": "Model", "ParameterValue": NAME},
                {"ParameterKey": "Package", "ParameterValue": self.package},
            ],
        )
        stacks = local_aws.client("cloudformation")
        until(lambda: stacks.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")

    def _register(self) -> str:
        self.sagemaker.create_model_package_group(ModelPackageGroupName=NAME)
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
        specification = {
            "Containers": [container],
            "SupportedContentTypes": ["application/json", "text/csv"],
            "SupportedResponseMIMETypes": ["application/json", "text/csv"],
        }
        arn: str = self.sagemaker.create_model_package(
            ModelPackageGroupName=NAME, InferenceSpecification=specification, ModelApprovalStatus="Approved"
        )["ModelPackageArn"]
        return arn

    def _serve(self) -> None:
        self.sagemaker.create_model(
            ModelName=NAME,
            PrimaryContainer={
                "Image": IMAGE,
                "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz",
                "Environment": {
                    "SAGEMAKER_PROGRAM": "inference.py",
                    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                    "MODEL_VERSION": "1",
                },
            },
            ExecutionRoleArn="arn:aws:iam::111122223333:role/serving",
        )
        variant = {"VariantName": "champion", "ModelName": NAME, "InstanceType": "ml.m5.large"}
        variant |= {"InitialInstanceCount": 1}
        self.sagemaker.create_endpoint_config(EndpointConfigName=NAME, ProductionVariants=[variant])
        self.sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
        self.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=NAME, WaiterConfig={"Delay": 1})

    @property
    def metadata(self) -> dict[str, str]:
        found = self.sagemaker.describe_model_package(ModelPackageName=self.package)
        entries: dict[str, str] = found.get("CustomerMetadataProperties") or {}
        return entries

    def put_samples(self, *requests: dict[str, Any]) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as files:
            files.writestr("requests.jsonl", "\n".join(map(json.dumps, requests)))
            files.writestr("response.schema.json", json.dumps(SCHEMA))
        self.s3.put_object(Bucket=BUCKET, Key="samples.zip", Body=buffer.getvalue())

    def environ(self) -> dict[str, str]:
        """The variables of both functions."""
        resources = {"instance_type": "ml.m5.large", "instance_count": 1, "max_concurrent": 2, "max_payload_mb": 6}
        resources |= {"output_key": self.key, "volume_key": self.key}
        return {
            "PROJECT": "mlops",
            "ENVIRONMENT": "local",
            "MODEL": "income",
            "MODEL_PACKAGE_GROUP": NAME,
            "ENDPOINT_NAME": NAME,
            "SERVING_STACK": STACK,
            "EVIDENCE_KEY": "local-tests",
            "TOPIC_ARN": self.topic,
            "SAMPLES_BUCKET": BUCKET,
            "SAMPLES_KEY": "samples.zip",
            "LIMITS": '{"requests":100,"concurrency":4,"max_error_percent":0.0,"max_p95_ms":5000}',
            "AWS_LAMBDA_FUNCTION_NAME": "release-tests",
            "JOB_PREFIX": f"{NAME}--",
            "INPUT_URI": f"s3://{BUCKET}/income/batch/input/",
            "OUTPUT_URI": f"s3://{BUCKET}/income/batch/output/",
            "RESOURCES": json.dumps(resources),
        }


@pytest.fixture(scope="module")
def served(local_aws: Any) -> Served:
    return Served(local_aws)


@pytest.fixture(scope="module")
def functions(served: Served) -> Iterator[SimpleNamespace]:
    """Both handlers, their settings and clients made from the environment as Lambda's are."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**served.aws.environment, **served.environ()}.items():
            patch.setenv(name, value)
        folders = {name: load_folder(LAMBDAS / name, f"{name}_live") for name in ("release_tests", "batch_scoring")}
        yield SimpleNamespace(**{name: modules.handler.handler for name, modules in folders.items()})


def test_a_version_that_answers_passes_and_the_registry_says_so(functions, served):
    served.put_samples({"instances": [{"income": 5}]}, {"instances": [{"income": 20}, {"income": 30}]})
    event = {"package": served.package, "endpoint": NAME}
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: PLENTY)
    assert functions.release_tests(event, context) == {"verdict": "passed", "tested": "now", "reason": ""}
    assert served.metadata["local-tests"] == "passed"
    assert functions.release_tests(event, context) == {"verdict": "passed", "tested": "before"}


def test_a_version_that_refuses_a_sample_fails_with_its_reason(functions, served):
    served.put_samples({"instances": [{"income": 5}]}, {"instances": [{"wage": 20}]})
    event = {"package": served.package, "endpoint": NAME, "again": True}
    result = functions.release_tests(event, SimpleNamespace(get_remaining_time_in_millis=lambda: PLENTY))
    assert result["reason"] == "sample 2 of 2: 400: instances[0].income: missing"
    assert served.metadata["local-tests"] == "failed: sample 2 of 2: 400: instances 0 .income: missing"


def finished(served: Served, job: str) -> dict[str, Any]:
    def look() -> Any:
        found = served.sagemaker.describe_transform_job(TransformJobName=job)
        return found if found["TransformJobStatus"] in ("Completed", "Failed", "Stopped") else None

    result: dict[str, Any] = until(look)
    return result


def output(served: Served, uri: str) -> dict[str, str]:
    """Contents of the files below the URI, by name."""
    prefix = uri.removeprefix(f"s3://{BUCKET}/")
    listed = served.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    keys = [each["Key"] for each in listed]
    return {key.rsplit("/")[-1]: served.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode() for key in keys}


@pytest.mark.parametrize(
    ("name", "lines", "answers"),
    [
        ("november.csv", ["5", "20", "30"], ["decline,1", "approve,1", "approve,1"]),
        ("november.csv.gz", ["20", "5"], ["approve,1", "decline,1"]),
        (
            "november.jsonl",
            ['{"instances": [{"income": 5}]}', '{"instances": [{"income": 20}]}'],
            [
                '{"predictions": [{"decision": "decline", "model_version": "1"}]}',
                '{"predictions": [{"decision": "approve", "model_version": "1"}]}',
            ],
        ),
    ],
)
def test_each_line_of_a_file_gets_its_line_in_the_output(functions, served, name, lines, answers):
    text = "".join(f"{line}\n" for line in lines).encode()
    key = f"income/batch/input/{name}/{name}"
    served.s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(text) if name.endswith(".gz") else text)
    request = {"input": f"s3://{BUCKET}/{key}"}
    started = functions.batch_scoring(request, SimpleNamespace(aws_request_id=str(uuid.uuid4())))
    assert started["reason"] == ""
    assert finished(served, started["job"])["TransformJobStatus"] == "Completed"
    [written] = output(served, started["output"]).values()
    assert [line for line in written.splitlines() if line] == answers


def test_a_scheduled_time_starts_one_job(functions, served):
    served.s3.put_object(Bucket=BUCKET, Key="income/batch/input/scheduled.csv", Body=b"5\n")
    for key in served.s3.list_objects_v2(Bucket=BUCKET, Prefix="income/batch/input/november")["Contents"]:
        served.s3.delete_object(Bucket=BUCKET, Key=key["Key"])
    event = {"detail-type": "Scheduled Event", "time": "2026-11-21T03:00:00Z"}
    first, second = (functions.batch_scoring(event, SimpleNamespace(aws_request_id=each)) for each in ("a", "b"))
    assert first == second
    assert first["job"] == f"{NAME}--20261121-0300"
    assert finished(served, first["job"])["TransformJobStatus"] == "Completed"
    listed = served.sagemaker.list_transform_jobs(NameContains="20261121")["TransformJobSummaries"]
    assert len(listed) == 1


def test_a_refused_line_fails_the_job_and_leaves_no_output(functions, served):
    key = "income/batch/input/broken/broken.jsonl"
    served.s3.put_object(Bucket=BUCKET, Key=key, Body=b'{"instances": [{"wage": 5}]}\n')
    started = functions.batch_scoring(
        {"input": f"s3://{BUCKET}/{key}"}, SimpleNamespace(aws_request_id=str(uuid.uuid4()))
    )
    assert finished(served, started["job"])["TransformJobStatus"] == "Failed"
    assert output(served, started["output"]) == {}
