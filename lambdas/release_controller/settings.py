"""The function's environment, and the clients that it makes of it once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from policy import Policy


class ConfigurationError(Exception):
    """The function's environment or what it points at is not as deployed: a person must mend it."""


@dataclass(frozen=True)
class Settings:
    """The function's environment variables, in lower case; `policy` is read from its JSON.

    tests_function may be empty: then the released version is not tested here.
    """

    environment: str
    model: str
    model_package_group: str
    serving_stack: str
    endpoint_name: str
    parameter_prefix: str
    topic_arn: str
    dead_letter_queue_url: str
    ledger_table: str
    database: str
    workgroup: str
    artifacts_bucket: str
    archive_prefix: str
    tests_function: str
    policy: Policy

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Raises ConfigurationError naming every variable that is missing, PolicyError for a wrong POLICY."""
        names = [field.name for field in fields(cls)]
        required = [name for name in names if name != "tests_function"]
        if missing := [name.upper() for name in required if not environ.get(name.upper())]:
            raise ConfigurationError(f"environment of the function: {', '.join(missing)} not set")
        values: dict[str, Any] = {name: environ.get(name.upper(), "") for name in names}
        return cls(**values | {"policy": Policy.read(environ["POLICY"])})

    def parameter(self, name: str) -> str:
        """The full name of a release parameter."""
        return self.parameter_prefix + name


@dataclass(frozen=True)
class Clients:
    """One boto3 client for each service that the controller calls."""

    ssm: Any
    cloudformation: Any
    sagemaker: Any
    cloudwatch: Any
    athena: Any
    dynamodb: Any
    s3: Any
    sns: Any
    sqs: Any
    events: Any
    lambda_: Any


@cache
def settings() -> Settings:
    """Read once for each execution environment of the function."""
    return Settings.read(os.environ)


@cache
def clients() -> Clients:
    """Made at the first event that needs AWS, and kept while the execution environment lives."""
    config = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})
    session = boto3.session.Session()
    services = (field.name for field in fields(Clients))
    return Clients(**{name: session.client(name.rstrip("_"), config=config) for name in services})
