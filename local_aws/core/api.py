"""Operations of the emulated services: how they are declared, found and called.

A service module declares `@operation("CreateModel")`; the server dispatches to it over HTTP and
other modules reach it with `call(ctx, "CreateModel", params)`. Both ways validate alike. Operations are
SageMaker's unless another service is named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from local_aws.core import shapes
from local_aws.core.errors import (
    AwsError,
    ConflictException,
    ResourceInUse,
    ResourceLimitExceeded,
    ResourceNotFound,
    ValidationException,
)

__all__ = [
    "APPLICATION_AUTOSCALING",
    "ATHENA",
    "CLOUDWATCH",
    "FEATURESTORE_RUNTIME",
    "SAGEMAKER",
    "SCHEDULER",
    "AwsError",
    "ConflictException",
    "Context",
    "ResourceInUse",
    "ResourceLimitExceeded",
    "ResourceNotFound",
    "RuntimeRequest",
    "RuntimeResponse",
    "ValidationException",
    "call",
    "on_start",
    "on_stop",
    "on_tick",
    "operation",
    "operations",
    "request_headers",
    "runtime_operation",
    "runtime_operations",
    "services",
]


@dataclass(frozen=True)
class Context:
    """Whose account and region a call works in."""

    account: str
    region: str

    def arn(self, resource: str) -> str:
        """The SageMaker ARN of `resource`, e.g. "model-package/loans/1"."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True)
class RuntimeRequest:
    """One sagemaker-runtime request; header names are lower case."""

    endpoint_name: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RuntimeResponse:
    """One sagemaker-runtime response, sent as it is."""

    status: int
    headers: dict[str, str]
    body: bytes


Operation = Callable[[Context, dict[str, Any]], dict[str, Any]]
RuntimeOperation = Callable[[Context, RuntimeRequest], RuntimeResponse]
Hook = Callable[[], None]


@dataclass(frozen=True)
class Tick:
    """A function that the server calls about every `seconds`, one call at a time."""

    seconds: float
    run: Hook


SAGEMAKER = "sagemaker"
APPLICATION_AUTOSCALING = "application-autoscaling"
ATHENA = "athena"
CLOUDWATCH = "cloudwatch"
FEATURESTORE_RUNTIME = "sagemaker-featurestore-runtime"
SCHEDULER = "scheduler"

services: dict[str, dict[str, Operation]] = {
    name: {} for name in (SAGEMAKER, APPLICATION_AUTOSCALING, ATHENA, CLOUDWATCH, FEATURESTORE_RUNTIME, SCHEDULER)
}
"""The operations of each service, by botocore's name of it."""
operations = services[SAGEMAKER]
request_headers: ContextVar[Mapping[str, str]] = ContextVar("request_headers", default=MappingProxyType({}))
"""The headers, with names in lower case, of the HTTP request that is being answered; empty outside of one."""
runtime_operations: dict[str, RuntimeOperation] = {}
start_hooks: list[Hook] = []
stop_hooks: list[Hook] = []
ticks: list[Tick] = []


def operation(name: str, service: str = SAGEMAKER) -> Callable[[Operation], Operation]:
    """Declare the function that answers the operation `name` of `service`.

    It runs on a worker thread, so it may block. `params` are validated and coerced against the
    operation's input shape; of the returned dict, members that the output shape lacks are dropped.
    """

    def register(function: Operation) -> Operation:
        if name in services[service]:
            raise ValueError(f"operation {name}: declared twice")
        services[service][name] = function
        return function

    return register


def runtime_operation(name: str) -> Callable[[RuntimeOperation], RuntimeOperation]:
    """Declare the function that answers the sagemaker-runtime operation `name`, on a worker thread."""

    def register(function: RuntimeOperation) -> RuntimeOperation:
        if name in runtime_operations:
            raise ValueError(f"runtime operation {name}: declared twice")
        runtime_operations[name] = function
        return function

    return register


def call(ctx: Context, name: str, params: dict[str, Any], service: str = SAGEMAKER) -> dict[str, Any]:
    """Run an operation and return its output, reduced to the operation's output shape.

    Raises AwsError as the operation does, and with code UnknownOperationException where AWS has
    the operation and this emulation does not.
    """
    function = services[service].get(name)
    if function is None:
        title = shapes.service_name(service)
        raise AwsError("UnknownOperationException", f"{title} {name} is not emulated by the local AWS")
    return shapes.output(name, function(ctx, shapes.validated(name, params, service)), service)


def on_start(function: Hook) -> Hook:
    """Run `function` once the state was restored and the endpoint answers."""
    start_hooks.append(function)
    return function


def on_stop(function: Hook) -> Hook:
    """Run `function` when the server stops: flush what waits, end child processes.

    The other services still answer, and the last checkpoint is taken afterwards.
    """
    stop_hooks.append(function)
    return function


def on_tick(seconds: float, function: Hook) -> Hook:
    """Run `function` about every `seconds` on a worker thread; calls of one hook never overlap."""
    ticks.append(Tick(seconds, function))
    return function
