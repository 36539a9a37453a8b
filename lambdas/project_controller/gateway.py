"""AWS as the controller reaches it: the build, the bucket where requests wait, and CloudFormation's address."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

from botocore.exceptions import ClientError
from builds import Build, key
from request import Request
from shared import custom_resource, environment, response_url

WAITING = "requests"
"""Below it, by the build's id, what it takes to answer a request; objects there expire."""
TOLD = "builds"
"""Below it what a build says: `<id>/result.json`, or `<id>/reason.txt`."""
VISIBLE = {"sagemaker:studio-visibility": "true"}
"""Studio shows what has this tag (SageMaker developer guide: create custom project templates)."""
_VARIABLES = {
    "ModelName": "MODEL",
    "Owner": "OWNER",
    "SageMakerProjectId": "PROJECT_ID",
    "SageMakerProjectName": "PROJECT_NAME",
}


@dataclass(frozen=True)
class Settings:
    """From the function's environment."""

    build_project: str
    bucket: str


@dataclass(frozen=True)
class Clients:
    s3: Any
    codebuild: Any


@cache
def gateway() -> Gateway:
    """The one gateway of an execution environment of the function."""
    settings = Settings(**environment.variables(Settings, os.environ))
    return Gateway(settings, environment.clients(Clients))


class Gateway:
    """Errors of AWS are raised: a request is then answered with them, and an event delivered again."""

    def __init__(self, settings: Settings, clients: Clients) -> None:
        self._settings, self._aws = settings, clients

    def start(self, request: Request) -> str:
        """Start the build and note who waits for it; the token makes a second delivery start no second build."""
        variables = [
            {"name": variable, "value": request.properties[name], "type": "PLAINTEXT"}
            for name, variable in _VARIABLES.items()
        ]
        started = self._aws.codebuild.start_build(
            projectName=self._settings.build_project,
            environmentVariablesOverride=variables,
            idempotencyToken=request.request_id,
        )["build"]["id"]
        body = json.dumps(request.as_waiting()).encode()
        self._aws.s3.put_object(Bucket=self._settings.bucket, Key=f"{WAITING}/{key(started)}.json", Body=body)
        return str(started)

    def publish(self, kind: str, properties: Mapping[str, str]) -> None:
        """Copy a template to where Studio looks, with the tag that shows it there; at Delete, take it away."""
        place = {"Bucket": properties["ToBucket"], "Key": properties["ToKey"]}
        if kind == "Delete":
            self._aws.s3.delete_object(**place)
            return
        # Read and written, since a copy would take the other object's tags along, and the right to read them.
        found = self._aws.s3.get_object(Bucket=properties["FromBucket"], Key=properties["FromKey"])
        self._aws.s3.put_object(**place, Body=found["Body"].read(), ContentType="text/yaml", Tagging=urlencode(VISIBLE))

    def waiting(self, build: Build) -> dict[str, str] | None:
        """What it takes to answer the request that a build was started for; None if it was answered."""
        body = self._read(f"{WAITING}/{build.id}.json")
        found: dict[str, str] | None = json.loads(body) if body else None
        return found

    def forget(self, build: Build) -> None:
        self._aws.s3.delete_object(Bucket=self._settings.bucket, Key=f"{WAITING}/{build.id}.json")

    def result(self, build: Build) -> dict[str, str]:
        """What the build came to: the branch, and the pull request where there is one."""
        return {name: str(value) for name, value in json.loads(self._read(f"{TOLD}/{build.id}/result.json")).items()}

    def reason(self, build: Build) -> str:
        """Why the build failed: its last line, or its state."""
        said = " ".join(self._read(f"{TOLD}/{build.id}/reason.txt").split())
        return (said or f"the build ended as {build.status}") + (f"; its log: {build.link}" if build.link else "")

    def answer(self, waiting: Mapping[str, str], failure: str, data: Mapping[str, str]) -> None:
        """Tell CloudFormation; raises OSError when that cannot be delivered."""
        response_url.put(waiting["url"], custom_resource.answer(waiting, failure, data))

    def _read(self, name: str) -> str:
        """An object's text, "" if there is none."""
        try:
            body: bytes = self._aws.s3.get_object(Bucket=self._settings.bucket, Key=name)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "AccessDenied", "404"):
                return ""  # S3 says AccessDenied where the caller may not list the bucket
            raise
        return body.decode()
