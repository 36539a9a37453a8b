"""The function's environment, and the clients that it makes of it once."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import mlflow_client
from mlflow_client import Send, Wire
from shared import environment
from shared.environment import ConfigurationError


@dataclass(frozen=True)
class Governance:
    """Settings of config/, [model_defaults.governance]. owner may be empty; review_days 0: never due."""

    owner: str
    risk_rating: str
    review_days: int


@dataclass(frozen=True)
class Settings:
    """The function's environment variables, in lower case; `governance` and `feature_groups` are read from their JSON.

    base: what the names of the model's things on AWS begin with. model_package_group and pipeline are those of the
    environment `takes_from`, where that is not empty: versions are made there. The group is an ARN where that is in
    another account. endpoint_arn: of this environment.
    feature_groups: of those that the model learns from, by their names in the configuration, the names on AWS.
    tracking: ARN of the MLflow that keeps the pipeline's runs, "" for none.
    function_name: Lambda's own variable; it is how the keeper knows its own edits again.
    """

    environment: str
    model: str
    folder: str
    base: str
    takes_from: str
    model_package_group: str
    pipeline: str
    endpoint_arn: str
    champion_parameter: str
    evidence_bucket: str
    artifacts_bucket: str
    archive_prefix: str
    ledger_table: str
    dead_letter_queue_url: str
    key_arn: str
    governance: Governance
    feature_groups: Mapping[str, str]
    tracking: str
    function_name: str

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Raises ConfigurationError naming every variable that is missing, or what is wrong in one."""
        given = {**environ, "FUNCTION_NAME": environ.get("AWS_LAMBDA_FUNCTION_NAME", "")}
        values = environment.variables(cls, given, optional=("takes_from", "tracking", "function_name"))
        try:
            governance = Governance(**json.loads(values["governance"]))
        except (ValueError, TypeError) as error:
            raise ConfigurationError(f"GOVERNANCE: {error}") from None
        try:
            groups = dict(json.loads(values["feature_groups"]))
        except (ValueError, TypeError) as error:
            raise ConfigurationError(f"FEATURE_GROUPS: {error}") from None
        if values["tracking"]:
            mlflow_client.place(values["tracking"])
        return cls(**values | {"governance": governance, "feature_groups": groups})

    @property
    def makes(self) -> bool:
        """Whether the versions are made in this environment, so that their metadata are its to write."""
        return not self.takes_from

    @property
    def sees_making(self) -> bool:
        """Whether the pipeline's executions and jobs can be read: no account shows them to another."""
        return not self.model_package_group.startswith("arn:")

    @property
    def tracks(self) -> bool:
        """Whether runs are tracked: where they are made, and an MLflow keeps them."""
        return self.makes and bool(self.tracking)

    @property
    def partition(self) -> str:
        """Of the ledger's table, for what was recorded."""
        return f"{self.model}#evidence"

    @property
    def reviews(self) -> str:
        """Of the ledger's table, for what people said when they looked at a version again (`mlops review`)."""
        return f"{self.model}#reviews"

    def place(self, version: int) -> str:
        """Prefix of a version's revisions in the evidence bucket, with the slash at its end."""
        return f"{self.folder}/version-{version}/"


@dataclass(frozen=True)
class Clients:
    """One boto3 client for each service that the keeper calls."""

    sagemaker: Any
    s3: Any
    ssm: Any
    dynamodb: Any
    cloudwatch: Any
    sqs: Any


def sender(tracking: str) -> Send:
    """Sends requests to the MLflow of this ARN, in the function's own name."""
    return Wire(tracking, boto3.session.Session().get_credentials)


@cache
def settings() -> Settings:
    """Read once for each execution environment of the function."""
    return Settings.read(os.environ)


@cache
def clients() -> Clients:
    """Made at the first event that needs AWS, and kept while the execution environment lives."""
    return environment.clients(Clients)
