"""What tests of endpoints share: models that say their version, an endpoint's clients, and steady traffic."""

import io
import json
import tarfile
import threading
import time
from collections.abc import Callable
from typing import Any

IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5"

MODEL = """
import json, os
class BadRequest(Exception):
    status_code, phrase = 400, "Bad Request"
    def __init__(self, message):
        self.message = message
def model_fn(model_dir):
    version = open(os.path.join(model_dir, "version")).read()
    if version == "broken":
        raise RuntimeError("this model does not load")
    return version
def input_fn(data, content_type):
    rows = json.loads(data)["instances"]
    for index, row in enumerate(rows):
        if not isinstance(row.get("income"), (int, float)):
            raise BadRequest(f"instances[{index}].income: {row.get('income')!r} is not a number")
    return rows
def predict_fn(rows, model):
    if model == "failing":
        raise RuntimeError("this model does not work")
    return [{"version": model, "decision": "approve" if row["income"] > 10 else "decline"} for row in rows]
def output_fn(predictions, accept):
    return json.dumps({"predictions": predictions})
"""


class Serving:
    """The clients, and the steps that the tests of the endpoint `name` share."""

    def __init__(self, local_aws: Any, name: str) -> None:
        self.name, self.bucket = name, f"{name}-capture"
        self.s3 = local_aws.client("s3")
        self.sagemaker = local_aws.client("sagemaker")
        self.runtime = local_aws.client("sagemaker-runtime")
        self.cloudwatch = local_aws.client("cloudwatch")
        self.logs = local_aws.client("logs")
        self.key_arn = local_aws.client("kms").create_key()["KeyMetadata"]["Arn"]
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def upload(self, version: str) -> str:
        """Put a model that says `version` into S3; its URI."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            for name, text in {"version": version, "code/inference.py": MODEL}.items():
                member = tarfile.TarInfo(name)
                member.size = len(text)
                tar.addfile(member, io.BytesIO(text.encode()))
        self.s3.put_object(Bucket=self.bucket, Key=f"models/{version}.tar.gz", Body=archive.getvalue())
        return f"s3://{self.bucket}/models/{version}.tar.gz"

    def model(self, version: str) -> None:
        """A model, and an endpoint configuration of the same name with capture on."""
        self.sagemaker.create_model(
            ModelName=version,
            PrimaryContainer={
                "Image": IMAGE,
                "ModelDataUrl": self.upload(version),
                "Environment": {
                    "SAGEMAKER_PROGRAM": "inference.py",
                    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                },
            },
            ExecutionRoleArn="arn:aws:iam::111122223333:role/serving",
        )
        self.config(version, [("champion", version, 1.0)])

    def config(self, name: str, variants: list[tuple[str, str, float]]) -> None:
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {
                    "VariantName": variant,
                    "ModelName": model,
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": 1,
                    "InitialVariantWeight": weight,
                }
                for variant, model, weight in variants
            ],
            DataCaptureConfig={
                "InitialSamplingPercentage": 100,
                "DestinationS3Uri": f"s3://{self.bucket}/captured",
                "KmsKeyId": self.key_arn,
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
                "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
            },
        )

    def update(self, config: str, *alarms: str, wait: int = 1) -> dict[str, Any]:
        deployment: dict[str, Any] = {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": "CANARY",
                    "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 30},
                    "WaitIntervalInSeconds": wait,
                },
                "TerminationWaitInSeconds": 0,
            }
        }
        if alarms:
            deployment["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in alarms]}
        self.sagemaker.update_endpoint(EndpointName=self.name, EndpointConfigName=config, DeploymentConfig=deployment)
        return self.settled()

    def settled(self, seconds: float = 30) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            described: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=self.name)
            if described["EndpointStatus"] in ("InService", "Failed"):
                return described
            time.sleep(0.05)
        raise AssertionError(f"{self.name} is still {described['EndpointStatus']}")

    def predict(self, income: object = 20, **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.runtime.invoke_endpoint(
            EndpointName=self.name,
            ContentType="application/json",
            Body=json.dumps({"instances": [{"income": income}]}),
            **more,
        )
        answer["Prediction"] = json.loads(answer["Body"].read())["predictions"][0]
        return answer

    def captured_keys(self) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"captured/{self.name}/")
        return [found["Key"] for found in listed.get("Contents", [])]

    def captured(self, variant: str = "") -> list[dict[str, Any]]:
        """The records of all variants, or of one."""
        keys = [key for key in self.captured_keys() if f"/{self.name}/{variant}" in key]
        bodies = [self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys]
        return [json.loads(line) for body in bodies for line in body.splitlines()]


def eventually(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """What `condition` returns once it is true."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not true in {seconds} s"
        time.sleep(0.1)
    return value


class Traffic:
    """Steady requests from several threads while the block runs."""

    def __init__(self, serving: Serving, threads: int = 3) -> None:
        self.versions: list[str] = []
        self.errors: list[Exception] = []
        self._serving = serving
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._drive) for _ in range(threads)]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _drive(self) -> None:
        while not self._stop.is_set():
            try:
                self.versions.append(self._serving.predict()["Prediction"]["version"])
            except Exception as error:
                self.errors.append(error)
            self._stop.wait(0.02)
