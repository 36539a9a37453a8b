"""AWS as the tests see it: the only module with boto3.

What the endpoint answers, errors included, is what is tested. Errors that say nothing about the model (no such
endpoint, refused permission) are raised: Lambda retries, and then the request goes to the dead-letter queue.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError
from checks import Answer, Limits
from evidence import Package
from shared import environment, outlets

VARIANT = "champion"
INVOKE_SECONDS = 60  # what SageMaker gives a model to answer (developer guide: custom inference code)

_NOT_THE_MODEL = ("AccessDeniedException", "ValidationError", "UnrecognizedClientException", "ExpiredTokenException")


@dataclass(frozen=True)
class Settings:
    """The function's environment variables, in lower case; `limits` is the JSON object in LIMITS."""

    environment: str
    model_package_group: str
    endpoint_name: str
    serving_stack: str
    evidence_key: str
    topic_arn: str
    samples_bucket: str
    samples_key: str
    limits: Limits
    function_name: str

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Raises ConfigurationError naming every variable that is missing."""
        given = {**environ, "FUNCTION_NAME": environ.get("AWS_LAMBDA_FUNCTION_NAME", "")}
        values = environment.variables(cls, given)
        return cls(**{**values, "limits": Limits(**json.loads(values["limits"]))})


@dataclass(frozen=True)
class Clients:
    """One boto3 client for each service that the tests call."""

    sagemaker: Any
    runtime: Any
    s3: Any
    cloudformation: Any
    sns: Any


@cache
def settings() -> Settings:
    """Read once for each execution environment of the function."""
    return Settings.read(os.environ)


@cache
def gateway() -> Gateway:
    """Made at the first request, and kept while the execution environment lives."""
    # What a caller would see: no retry hides an error or adds to a time.
    once = Config(
        connect_timeout=2,
        read_timeout=INVOKE_SECONDS + 1,
        retries={"total_max_attempts": 1},
        max_pool_connections=settings().limits.concurrency,
    )
    session = boto3.session.Session()
    clients = {name: environment.late(name, session) for name in ("sagemaker", "s3", "cloudformation", "sns")}
    return Gateway(settings(), Clients(runtime=session.client("sagemaker-runtime", config=once), **clients))


class Gateway:
    """Observations and effects, each a single call."""

    def __init__(self, settings: Settings, clients: Clients) -> None:
        self.settings = settings
        self._aws = clients

    def package(self, arn: str) -> Package:
        """The version as it is registered."""
        found = self._aws.sagemaker.describe_model_package(ModelPackageName=arn)
        by = found.get("LastModifiedBy") or {}
        name = (by.get("IamIdentity") or {}).get("Arn") or by.get("UserProfileArn") or ""
        return Package(found.get("ModelApprovalStatus", ""), name, found.get("CustomerMetadataProperties") or {})

    def samples(self) -> bytes:
        """The archive with the model's sample requests and the schema of their responses."""
        found = self._aws.s3.get_object(Bucket=self.settings.samples_bucket, Key=self.settings.samples_key)
        body: bytes = found["Body"].read()
        return body

    def invoke(self, body: bytes, inference_id: str) -> Answer:
        """Ask the champion; the inference id marks the request in the captured data as one of a test."""
        start = time.perf_counter()
        try:
            answer = self._aws.runtime.invoke_endpoint(
                EndpointName=self.settings.endpoint_name,
                TargetVariant=VARIANT,
                ContentType="application/json",
                Accept="application/json",
                InferenceId=inference_id,
                Body=body,
            )
            content = answer["Body"].read()
        except ClientError as error:
            code = error.response["Error"].get("Code", "")
            if code in _NOT_THE_MODEL:
                raise
            status = error.response.get("OriginalStatusCode") or _status(error)
            text = error.response.get("OriginalMessage") or error.response["Error"].get("Message", "")
            return Answer(int(status), b"", time.perf_counter() - start, _first_line(text) or code)
        except (HTTPClientError, ConnectionError) as error:
            return Answer(0, b"", time.perf_counter() - start, str(error))
        return Answer(_status(answer), content, time.perf_counter() - start)

    def champion(self) -> str:
        """ARN of the package that the serving stack holds, as its last operation left it."""
        [stack] = self._aws.cloudformation.describe_stacks(StackName=self.settings.serving_stack)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        return str(outputs.get("ChampionPackage", ""))

    def note(self, arn: str, entries: Mapping[str, str]) -> None:
        """Write entries onto the model package; others stay. SageMaker tells of it by an event."""
        self._aws.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties=dict(entries))

    def publish(self, subject: str, message: str) -> None:
        outlets.publish(self._aws.sns, self.settings.topic_arn, subject, message)


def _first_line(text: str) -> str:
    """A model's error may go on with a traceback."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _status(answer: Any) -> int:
    response = answer.response if isinstance(answer, ClientError) else answer
    return int(response["ResponseMetadata"]["HTTPStatusCode"])
