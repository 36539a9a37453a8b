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
from dataclasses import dataclass
from typing import Any

from settings import Settings

SCHEDULE = "Scheduled Event"
APPROVALS = ("Approved", "Rejected", "PendingManualApproval")
PACKAGE_STATUSES = ("Pending", "InProgress", "Completed", "Failed", "Deleting")
PARAMETER_OPERATIONS = ("Create", "Update", "Delete", "LabelParameterVersion")
COMMANDS = ("command", "allowed")
"""The release parameters that people write; the controller writes the others itself."""

_PACKAGE_ARN = re.compile(r"arn:[^:]+:sagemaker:[^:]*:\d*:model-package/[^/]+/(?P<version>\d+)")
_STACK_ARN = re.compile(r"arn:[^:]+:cloudformation:[^:]*:\d*:stack/(?P<name>[^/]+)/.+")
_STATUS = re.compile(r"[A-Z]+(_[A-Z]+)*")
_OUTCOMES = re.compile(r"[^/]+/ground-truth/.+")
_CHANGING = ("CREATING", "UPDATING", "SYSTEM_UPDATING", "ROLLING_BACK", "DELETING")
_SHOWN = 120
_MISSING = object()


class MalformedEvent(ValueError):
    """The event is not one that AWS sends: no retry can help, so it belongs in the dead-letter queue."""

    def __init__(self, place: str, value: object, expected: str) -> None:
        got = "missing" if value is _MISSING else ascii(value)
        got = got if len(got) <= _SHOWN else got[:_SHOWN] + "..."
        super().__init__(f"{place}: {got}, expected {expected}")


@dataclass(frozen=True)
class Wake:
    """Something may have changed: observe and plan."""

    why: str


@dataclass(frozen=True)
class Ignored:
    """Nothing can follow from this event."""

    why: str


def parse(event: object, settings: Settings) -> Wake | Ignored:
    """Classify an EventBridge event for the model of these settings.

    Raises MalformedEvent, naming the place, the value and what was expected.
    """
    if not isinstance(event, Mapping):
        raise MalformedEvent("event", event, "an EventBridge event (a JSON object)")
    sources, read = _KINDS[_choice(event, "detail-type", tuple(_KINDS))]
    source = event.get("source", _MISSING)
    # The documented model package sample has the key twice, the second time as a list, which wins.
    if (source[0] if isinstance(source, list) and len(source) == 1 else source) not in sources:
        raise MalformedEvent("source", source, " or ".join(sources))
    if read is _schedule:
        return _schedule({}, settings)
    detail = event.get("detail", _MISSING)
    if not isinstance(detail, Mapping):
        raise MalformedEvent("detail", detail, "a JSON object")
    return read(detail, settings)


def _schedule(_detail: Mapping[str, Any], _settings: Settings) -> Wake:
    return Wake("schedule")


def _model_package(detail: Mapping[str, Any], settings: Settings) -> Wake | Ignored:
    name = _text(detail, "ModelPackageGroupName", "the name of a model package group")
    if name != settings.model_package_group:
        return Ignored(f"model package group {name} is not {settings.model_package_group}")
    version = detail.get("ModelPackageVersion", _MISSING)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise MalformedEvent("detail.ModelPackageVersion", version, "a whole number of 1 or more")
    arn = _text(detail, "ModelPackageArn", "the ARN of a model package version")
    match = _PACKAGE_ARN.fullmatch(arn)
    if not match or int(match["version"]) != version:
        raise MalformedEvent("detail.ModelPackageArn", arn, f"the ARN of model package version {version}")
    approval = _choice(detail, "ModelApprovalStatus", APPROVALS, "detail.")
    updated = detail.get("UpdatedModelPackageFields") or []
    if not isinstance(updated, list) or not all(isinstance(field, str) for field in updated):
        raise MalformedEvent("detail.UpdatedModelPackageFields", updated, "a list of field names")
    if "ModelPackageStatus" in detail:
        status = _choice(detail, "ModelPackageStatus", PACKAGE_STATUSES, "detail.")
        if status != "Completed":
            return Ignored(f"version {version} is {approval}, but its package is {status}")
    # Metadata may be the evidence that a version waited for, and its approval may have been withdrawn.
    return Wake(f"version {version} is {approval}" + (f", {', '.join(updated)} edited" if updated else ""))


def _stack(detail: Mapping[str, Any], settings: Settings) -> Wake | Ignored:
    arn = _text(detail, "stack-id", "the ARN of a stack")
    match = _STACK_ARN.fullmatch(arn)
    if not match:
        raise MalformedEvent("detail.stack-id", arn, "the ARN of a stack")
    stack = settings.serving_stack
    if match["name"] != stack:
        return Ignored(f"stack {match['name']} is not {stack}")
    status = _inner(detail, "status-details", "status", "a stack status such as UPDATE_COMPLETE")
    if status.endswith("_IN_PROGRESS"):
        return Ignored(f"stack {stack} is {status}: its end will wake the controller")
    return Wake(f"stack {stack} became {status}")


def _endpoint(detail: Mapping[str, Any], settings: Settings) -> Wake | Ignored:
    name = _text(detail, "EndpointName", "the name of an endpoint")
    if name != settings.endpoint_name:
        return Ignored(f"endpoint {name} is not {settings.endpoint_name}")
    status = _status(detail.get("EndpointStatus", _MISSING), "EndpointStatus", "an endpoint status such as IN_SERVICE")
    if status in _CHANGING:
        return Ignored(f"endpoint {name} is {status}: its end will wake the controller")
    return Wake(f"endpoint {name} became {status}")


def _alarm(detail: Mapping[str, Any], settings: Settings) -> Wake | Ignored:
    """The serving stack's alarms are named after the stack."""
    name = _text(detail, "alarmName", "the name of an alarm")
    if not name.startswith(f"{settings.serving_stack}-"):
        return Ignored(f"alarm {name} is not one of stack {settings.serving_stack}")
    state = _inner(detail, "state", "value", "an alarm state such as ALARM")
    return Wake(f"alarm {name} went off") if state == "ALARM" else Ignored(f"alarm {name} is {state}")


def _object(detail: Mapping[str, Any], _settings: Settings) -> Wake | Ignored:
    item = detail.get("object", _MISSING)
    key = item.get("key", _MISSING) if isinstance(item, Mapping) else _MISSING
    if not isinstance(key, str) or not key:
        raise MalformedEvent("detail.object.key", key, "the key of an object")
    return Wake("outcomes arrived") if _OUTCOMES.fullmatch(key) else Ignored(f"object {key} is no outcome")


def _parameter(detail: Mapping[str, Any], settings: Settings) -> Wake | Ignored:
    name = _text(detail, "name", "the name of a parameter")
    operation = _choice(detail, "operation", PARAMETER_OPERATIONS, "detail.")
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


def _text(mapping: Mapping[str, Any], key: str, expected: str) -> str:
    value = mapping.get(key, _MISSING)
    if not isinstance(value, str) or not value:
        raise MalformedEvent(f"detail.{key}", value, expected)
    return value


def _inner(mapping: Mapping[str, Any], outer: str, key: str, expected: str) -> str:
    """The status in an object of the detail."""
    inside = mapping.get(outer, _MISSING)
    if not isinstance(inside, Mapping):
        raise MalformedEvent(f"detail.{outer}", inside, "a JSON object")
    return _status(inside.get(key, _MISSING), f"{outer}.{key}", expected)


def _status(value: object, place: str, expected: str) -> str:
    if not isinstance(value, str) or not _STATUS.fullmatch(value):
        raise MalformedEvent(f"detail.{place}", value, expected)
    return value


def _choice(mapping: Mapping[str, Any], key: str, allowed: tuple[str, ...], prefix: str = "") -> str:
    value = mapping.get(key, _MISSING)
    if not isinstance(value, str) or value not in allowed:
        raise MalformedEvent(prefix + key, value, "one of " + ", ".join(allowed))
    return value
