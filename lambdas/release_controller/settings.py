"""The function's environment, and the clients that it makes of it once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from policy import Policy
from shared import environment


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
        values = environment.variables(cls, environ, optional=("tests_function",))
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
    return environment.clients(Clients)
