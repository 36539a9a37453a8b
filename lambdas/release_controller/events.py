"""What an event means to the controller: a reason to look, nothing to do, or malformed.

Events only wake the controller. What it then does follows from what it observes, so a lost, late, repeated
or reordered event changes nothing in the end. Nothing here calls AWS.

Shapes: "Events that Amazon SageMaker AI sends to Amazon EventBridge" (SageMaker developer guide) and
"CloudFormation event detail: stack status change" (CloudFormation user guide).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MODEL_PACKAGE = "SageMaker Model Package State Change"
STACK = "CloudFormation Stack Status Change"
SCHEDULE = "Scheduled Event"

SOURCES = {
    MODEL_PACKAGE: ("aws.sagemaker",),
    STACK: ("aws.cloudformation",),
    SCHEDULE: ("aws.events", "aws.scheduler"),
}
APPROVALS = ("Approved", "Rejected", "PendingManualApproval")
PACKAGE_STATUSES = ("Pending", "InProgress", "Completed", "Failed", "Deleting")

_PACKAGE_ARN = re.compile(r"arn:[^:]+:sagemaker:[^:]*:\d*:model-package/[^/]+/(?P<version>\d+)")
_STACK_ARN = re.compile(r"arn:[^:]+:cloudformation:[^:]*:\d*:stack/(?P<name>[^/]+)/.+")
_STATUS = re.compile(r"[A-Z]+(_[A-Z]+)*")
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
    """Something may have changed: observe and plan. stack_status is set by a stack event only."""

    why: str
    stack_status: str = ""


@dataclass(frozen=True)
class Ignored:
    """Nothing can follow from this event."""

    why: str


def parse(event: object, *, group: str, stack: str) -> Wake | Ignored:
    """Classify an EventBridge event for the model package group and the serving stack of those names.

    Raises MalformedEvent, naming the place, the value and what was expected.
    """
    if not isinstance(event, Mapping):
        raise MalformedEvent("event", event, "an EventBridge event (a JSON object)")
    kind = _choice(event, "detail-type", tuple(SOURCES))
    source = event.get("source", _MISSING)
    # The documented model package sample has the key twice, the second time as a list, which wins.
    if (source[0] if isinstance(source, list) and len(source) == 1 else source) not in SOURCES[kind]:
        raise MalformedEvent("source", source, " or ".join(SOURCES[kind]))
    if kind == SCHEDULE:
        return Wake("schedule")
    detail = event.get("detail", _MISSING)
    if not isinstance(detail, Mapping):
        raise MalformedEvent("detail", detail, "a JSON object")
    return _model_package(detail, group) if kind == MODEL_PACKAGE else _stack(detail, stack)


def _model_package(detail: Mapping[str, Any], group: str) -> Wake | Ignored:
    name = _text(detail, "ModelPackageGroupName", "the name of a model package group")
    if name != group:
        return Ignored(f"model package group {name} is not {group}")
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
    if approval != "Approved":
        return Ignored(f"version {version} is {approval}")
    if updated and "ModelApprovalStatus" not in updated:
        return Ignored(f"version {version} had only {', '.join(updated)} edited: that is no approval")
    if "ModelPackageStatus" in detail:
        status = _choice(detail, "ModelPackageStatus", PACKAGE_STATUSES, "detail.")
        if status != "Completed":
            return Ignored(f"version {version} is approved, but its package is {status}")
    return Wake(f"version {version} was approved")


def _stack(detail: Mapping[str, Any], stack: str) -> Wake | Ignored:
    arn = _text(detail, "stack-id", "the ARN of a stack")
    match = _STACK_ARN.fullmatch(arn)
    if not match:
        raise MalformedEvent("detail.stack-id", arn, "the ARN of a stack")
    if match["name"] != stack:
        return Ignored(f"stack {match['name']} is not {stack}")
    details = detail.get("status-details", _MISSING)
    if not isinstance(details, Mapping):
        raise MalformedEvent("detail.status-details", details, "a JSON object")
    status = details.get("status", _MISSING)
    if not isinstance(status, str) or not _STATUS.fullmatch(status):
        raise MalformedEvent("detail.status-details.status", status, "a stack status such as UPDATE_COMPLETE")
    if status.endswith("_IN_PROGRESS"):
        return Ignored(f"stack {stack} is {status}: its end will wake the controller")
    return Wake(f"stack {stack} became {status}", stack_status=status)


def _text(mapping: Mapping[str, Any], key: str, expected: str) -> str:
    value = mapping.get(key, _MISSING)
    if not isinstance(value, str) or not value:
        raise MalformedEvent(f"detail.{key}", value, expected)
    return value


def _choice(mapping: Mapping[str, Any], key: str, allowed: tuple[str, ...], prefix: str = "") -> str:
    value = mapping.get(key, _MISSING)
    if not isinstance(value, str) or value not in allowed:
        raise MalformedEvent(prefix + key, value, "one of " + ", ".join(allowed))
    return value
