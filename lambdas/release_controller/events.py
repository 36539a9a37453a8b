"""What an event means to the controller: a reason to look, nothing to do, or malformed.

Events only wake the controller. What it then does follows from what it observes, so a lost, late, repeated
or reordered event changes nothing in the end. Nothing here calls AWS.

Shapes: "Events that Amazon SageMaker AI sends to Amazon EventBridge" (SageMaker developer guide), "CloudFormation
event detail: stack status change" (CloudFormation user guide), "Alarm events and EventBridge" (CloudWatch user
guide), "EventBridge event message structure" (Amazon S3 user guide), "Monitoring Systems Manager events" (Systems
Manager user guide).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from settings import Settings
from shared.events import (
    MISSING,
    SCHEDULE,
    Ignored,
    MalformedEvent,
    Wake,
    alarm_of,
    choice,
    inner,
    key_of,
    model_package,
    opened,
    status_of,
    text,
)

PARAMETER_OPERATIONS = ("Create", "Update", "Delete", "LabelParameterVersion")
COMMANDS = ("command", "allowed")
"""The release parameters that people write; the controller writes the others itself."""

_STACK_ARN = re.compile(r"arn:[^:]+:cloudformation:[^:]*:\d*:stack/(?P<name>[^/]+)/.+")
_OUTCOMES = re.compile(r"[^/]+/ground-truth/.+")
_CHANGING = ("CREATING", "UPDATING", "SYSTEM_UPDATING", "ROLLING_BACK", "DELETING")


def parse(event: object, settings: Settings) -> Wake | Ignored:
    """Classify an EventBridge event for the model of these settings.

    Raises MalformedEvent, naming the place, the value and what was expected.
    """
    kind, detail = opened(event, {name: sources for name, (sources, _) in _KINDS.items()})
    return _KINDS[kind][1](detail, settings)


def _schedule(_detail: Mapping[str, Any], _settings: Settings) -> Wake:
    return Wake("schedule")


def _model_package(detail: Mapping[str, Any], settings: Settings) -> Wake | Ignored:
    return model_package(detail, settings.model_package_group)


def _stack(detail: Mapping[str, Any], settings: Settings) -> Wake | Ignored:
    arn = text(detail, "stack-id", "the ARN of a stack")
    match = _STACK_ARN.fullmatch(arn)
    if not match:
        raise MalformedEvent("detail.stack-id", arn, "the ARN of a stack")
    stack = settings.serving_stack
    if match["name"] != stack:
        return Ignored(f"stack {match['name']} is not {stack}")
    status = inner(detail, "status-details", "status", "a stack status such as UPDATE_COMPLETE")
    if status.endswith("_IN_PROGRESS"):
        return Ignored(f"stack {stack} is {status}: its end will wake the controller")
    return Wake(f"stack {stack} became {status}")


def _endpoint(detail: Mapping[str, Any], settings: Settings) -> Wake | Ignored:
    name = text(detail, "EndpointName", "the name of an endpoint")
    if name != settings.endpoint_name:
        return Ignored(f"endpoint {name} is not {settings.endpoint_name}")
    status = status_of(detail.get("EndpointStatus", MISSING), "EndpointStatus", "an endpoint status such as IN_SERVICE")
    if status in _CHANGING:
        return Ignored(f"endpoint {name} is {status}: its end will wake the controller")
    return Wake(f"endpoint {name} became {status}")


def _alarm(detail: Mapping[str, Any], settings: Settings) -> Wake | Ignored:
    """The serving stack's alarms are named after the stack."""
    name, state = alarm_of(detail)
    if not name.startswith(f"{settings.serving_stack}-"):
        return Ignored(f"alarm {name} is not one of stack {settings.serving_stack}")
    return Wake(f"alarm {name} went off") if state == "ALARM" else Ignored(f"alarm {name} is {state}")


def _object(detail: Mapping[str, Any], _settings: Settings) -> Wake | Ignored:
    key = key_of(detail)
    return Wake("outcomes arrived") if _OUTCOMES.fullmatch(key) else Ignored(f"object {key} is no outcome")


def _parameter(detail: Mapping[str, Any], settings: Settings) -> Wake | Ignored:
    name = text(detail, "name", "the name of a parameter")
    operation = choice(detail, "operation", PARAMETER_OPERATIONS, "detail.")
    if name not in {settings.parameter(command) for command in COMMANDS}:
        return Ignored(f"parameter {name} is not for people to write")
    return Wake(f"{operation} of parameter {name}")


_Reader = Callable[[Mapping[str, Any], Settings], Wake | Ignored]
_KINDS: dict[str, tuple[tuple[str, ...], _Reader]] = {
    "SageMaker Model Package State Change": (("aws.sagemaker",), _model_package),
    "SageMaker Endpoint State Change": (("aws.sagemaker",), _endpoint),
    "CloudFormation Stack Status Change": (("aws.cloudformation",), _stack),
    "CloudWatch Alarm State Change": (("aws.cloudwatch",), _alarm),
    "Object Created": (("aws.s3",), _object),
    "Parameter Store Change": (("aws.ssm",), _parameter),
    SCHEDULE: (("aws.events", "aws.scheduler"), _schedule),
}
