"""The function's environment, and the clients that it makes of it once."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from shared import environment
from shared.environment import ConfigurationError


@dataclass(frozen=True)
class Schedule:
    """One of Model Monitor's schedules: its name, and its window in hours before the time it is scheduled for."""

    name: str
    start_hours: int
    end_hours: int


@dataclass(frozen=True)
class Payload:
    """What requests and answers of the model look like (constructs/mlops_constructs/model_monitor_payload.py)."""

    problem_type: str
    features: tuple[str, ...]
    instances: str
    predictions: str
    fields: tuple[str, ...]
    probability: str
    decision: str
    version: str
    favourable: str
    positive: str
    threshold: float
    looked_up: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """When a window counts, and when windows confirm each other."""

    min_rows: int
    breaches: int
    of: int


@dataclass(frozen=True)
class Settings:
    """The function's environment variables, in lower case; the last three are read from their JSON.

    stack: of the monitors themselves; serving_stack: of the endpoint. findings: prefix in the artifacts bucket.
    dimension: MonitoringSchedule of the project's own figures. endpoint_prefix: of the endpoints that Clarify starts
    to explain with. schedules: by monitoring type.
    """

    environment: str
    model: str
    endpoint: str
    champion_parameter: str
    stack: str
    serving_stack: str
    artifacts_bucket: str
    findings: str
    dimension: str
    script_bucket: str
    script_key: str
    instance_type: str
    endpoint_prefix: str
    dead_letter_queue_url: str
    ledger_table: str
    schedules: Mapping[str, Schedule]
    payload: Payload
    policy: Policy

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Raises ConfigurationError naming every variable that is missing, or what is wrong in one."""
        values = environment.variables(cls, environ)
        read: dict[str, Any] = {}
        for name, make in _JSON.items():
            try:
                read[name] = make(json.loads(values[name]))
            except (ValueError, TypeError, AttributeError, KeyError) as error:
                raise ConfigurationError(f"{name.upper()}: {error}") from None
        return cls(**values | read)

    @property
    def partition(self) -> str:
        """Of the ledger's table: whose lock lets one run at a time."""
        return f"{self.model}#monitoring"


def _payload(given: dict[str, Any]) -> Payload:
    lists = {name: tuple(given.get(name, ())) for name in ("features", "fields", "looked_up")}
    return Payload(**{**given, **lists})


_JSON: Mapping[str, Any] = {
    "schedules": lambda given: {kind: Schedule(**each) for kind, each in given.items()},
    "payload": _payload,
    "policy": lambda given: Policy(**given),
}


@dataclass(frozen=True)
class Clients:
    """One boto3 client for each service that the translator calls."""

    sagemaker: Any
    ssm: Any
    s3: Any
    cloudformation: Any
    cloudwatch: Any
    events: Any
    dynamodb: Any
    sqs: Any


@cache
def settings() -> Settings:
    """Read once for each execution environment of the function."""
    return Settings.read(os.environ)


@cache
def clients() -> Clients:
    """Made at the first event that needs AWS, and kept while the execution environment lives."""
    return environment.clients(Clients)
