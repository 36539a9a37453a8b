"""AWS as batch scoring sees it: the only module with boto3.

Errors that are no answer in themselves are raised: Lambda retries, and then the event goes to the dead-letter queue.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import ClientError
from job import Place, Resources
from shared import environment, outlets

LISTED = 10_000
"""Objects that are looked at before a job starts; beyond these, names are taken to go on as they began."""


@dataclass(frozen=True)
class Settings:
    """The function's environment variables, in lower case; `resources` is the JSON object in RESOURCES.

    The URIs end in a slash; job_prefix is what every job's name starts with, hyphen included.
    """

    project: str
    environment: str
    model: str
    serving_stack: str
    job_prefix: str
    input_uri: str
    output_uri: str
    topic_arn: str
    resources: Resources

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Raises ConfigurationError naming every variable that is missing."""
        values = environment.variables(cls, environ)
        return cls(**{**values, "resources": Resources(**json.loads(values["resources"]))})


@dataclass(frozen=True)
class Clients:
    """One boto3 client for each service that the function calls."""

    sagemaker: Any
    s3: Any
    cloudformation: Any
    sns: Any


@dataclass(frozen=True)
class Champion:
    """What serves: the SageMaker model's name, and the ARN of the package that it is of."""

    model: str
    package: str


@cache
def settings() -> Settings:
    """Read once for each execution environment of the function."""
    return Settings.read(os.environ)


@cache
def gateway() -> Gateway:
    """Made at the first event, and kept while the execution environment lives."""
    return Gateway(settings(), environment.clients(Clients))


class Gateway:
    """Observations and effects, each a single call (lists: as many pages as it takes)."""

    def __init__(self, settings: Settings, clients: Clients) -> None:
        self.settings = settings
        self._aws = clients

    def champion(self) -> Champion | None:
        """What the serving stack says that it serves: the same state that releases move."""
        try:
            answer = self._aws.cloudformation.describe_stacks(StackName=self.settings.serving_stack)
        except ClientError as error:
            if "does not exist" in error.response["Error"].get("Message", ""):
                return None
            raise
        outputs = {each["OutputKey"]: each["OutputValue"] for each in answer["Stacks"][0].get("Outputs", [])}
        if "ModelName" not in outputs:
            return None
        return Champion(outputs["ModelName"], outputs["ChampionPackage"])

    def keys(self, place: Place) -> list[str]:
        """Keys that start with the place's, at most LISTED."""
        pages = self._aws.s3.get_paginator("list_objects_v2").paginate(
            Bucket=place.bucket, Prefix=place.key, PaginationConfig={"MaxItems": LISTED}
        )
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def create(self, arguments: Mapping[str, Any]) -> None:
        """Start the job; one of the same name is there if the event was delivered before."""
        try:
            self._aws.sagemaker.create_transform_job(**arguments)
        except ClientError as error:
            if error.response["Error"].get("Code") != "ResourceInUse":
                raise

    def publish(self, subject: str, message: str) -> None:
        outlets.publish(self._aws.sns, self.settings.topic_arn, subject, message)
