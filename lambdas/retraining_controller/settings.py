"""The function's environment, and the clients that it makes of it once."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from policy import Policy
from shared import environment
from shared.environment import ConfigurationError


@dataclass(frozen=True)
class Watched:
    """An environment that serves versions trained here: its alarm, and the prefix of its release parameters.

    role: in another account, what is to be assumed to look there; "" in this one.
    """

    environment: str
    alarm: str
    parameters: str
    role: str = ""


@dataclass(frozen=True)
class Settings:
    """The function's environment variables, in lower case; `places` and `policy` are read from their JSON.

    places: this environment first. findings_key: where the monitor leaves its last word in the artifacts bucket.
    """

    environment: str
    model: str
    pipeline: str
    model_package_group: str
    places: tuple[Watched, ...]
    data_bucket: str
    data_prefix: str
    artifacts_bucket: str
    findings_key: str
    topic_arn: str
    dead_letter_queue_url: str
    ledger_table: str
    policy: Policy

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Raises ConfigurationError naming every variable that is missing, or what is wrong in one."""
        values = environment.variables(cls, environ)
        try:
            places = tuple(Watched(**each) for each in json.loads(values["places"]))
        except (ValueError, TypeError) as error:
            raise ConfigurationError(f"PLACES: {error}") from None
        return cls(**values | {"places": places, "policy": Policy.read(values["policy"])})

    @property
    def partition(self) -> str:
        """Of the ledger's table, for this model's retrainings."""
        return f"{self.model}#retraining"


@dataclass(frozen=True)
class Clients:
    """One boto3 client for each service that the controller calls."""

    sagemaker: Any
    ssm: Any
    cloudwatch: Any
    s3: Any
    dynamodb: Any
    sns: Any
    sqs: Any
    sts: Any


@cache
def settings() -> Settings:
    """Read once for each execution environment of the function."""
    return Settings.read(os.environ)


@cache
def clients() -> Clients:
    """Made at the first event that needs AWS, and kept while the execution environment lives."""
    return environment.clients(Clients)
