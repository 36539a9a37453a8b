"""What is the same in every controller's reading of events: what they mean to it, and which are malformed.

Shapes: "Events that Amazon SageMaker AI sends to Amazon EventBridge" (SageMaker developer guide), "Alarm events and
EventBridge" (CloudWatch user guide), "EventBridge event message structure" (Amazon S3 user guide).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.versions import group_of, version_of

SCHEDULE = "Scheduled Event"
APPROVALS = ("Approved", "Rejected", "PendingManualApproval")
PACKAGE_STATUSES = ("Pending", "InProgress", "Completed", "Failed", "Deleting")
RUNNING = ("Executing", "Stopping")
"""Statuses of a pipeline's execution that has not ended (API reference: DescribePipelineExecution)."""
ENDED = ("Stopped", "Failed", "Succeeded")
MISSING = object()
"""Stands for a member that is not there."""

_PIPELINE_ARN = re.compile(r"arn:[^:]+:sagemaker:[^:]*:\d*:pipeline/(?P<name>[^/]+)")
_STATUS = re.compile(r"[A-Z]+(_[A-Z]+)*")
_SHOWN = 120


class MalformedEvent(ValueError):
    """The event is not one that AWS sends: no retry can help, so it belongs in the dead-letter queue."""

    def __init__(self, place: str, value: object, expected: str) -> None:
        got = "missing" if value is MISSING else ascii(value)
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


def opened(event: object, sources: Mapping[str, Sequence[str]]) -> tuple[str, Mapping[str, Any]]:
    """The event's detail-type and its detail; a scheduled event's is empty.

    sources: by the detail-types that are known, where each may come from.
    """
    if not isinstance(event, Mapping):
        raise MalformedEvent("event", event, "an EventBridge event (a JSON object)")
    kind = choice(event, "detail-type", tuple(sources))
    source = event.get("source", MISSING)
    # The documented model package sample has the key twice, the second time as a list, which wins.
    if (source[0] if isinstance(source, list) and len(source) == 1 else source) not in sources[kind]:
        raise MalformedEvent("source", source, " or ".join(sources[kind]))
    detail = {} if kind == SCHEDULE else event.get("detail", MISSING)
    if not isinstance(detail, Mapping):
        raise MalformedEvent("detail", detail, "a JSON object")
    return kind, detail


def model_package(detail: Mapping[str, Any], group: str) -> Wake | Ignored:
    """A version of the group (its name, or its ARN) was registered, approved, rejected or edited."""
    name = text(detail, "ModelPackageGroupName", "the name of a model package group")
    if name != group_of(group):
        return Ignored(f"model package group {name} is not {group_of(group)}")
    version = detail.get("ModelPackageVersion", MISSING)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise MalformedEvent("detail.ModelPackageVersion", version, "a whole number of 1 or more")
    arn = text(detail, "ModelPackageArn", "the ARN of a model package version")
    if version_of(arn) != version:
        raise MalformedEvent("detail.ModelPackageArn", arn, f"the ARN of model package version {version}")
    approval = choice(detail, "ModelApprovalStatus", APPROVALS, "detail.")
    updated = detail.get("UpdatedModelPackageFields") or []
    if not isinstance(updated, list) or not all(isinstance(field, str) for field in updated):
        raise MalformedEvent("detail.UpdatedModelPackageFields", updated, "a list of field names")
    if "ModelPackageStatus" in detail:
        status = choice(detail, "ModelPackageStatus", PACKAGE_STATUSES, "detail.")
        if status != "Completed":
            return Ignored(f"version {version} is {approval}, but its package is {status}")
    # Metadata may be the evidence that a version waited for, and its approval may have been withdrawn.
    return Wake(f"version {version} is {approval}" + (f", {', '.join(updated)} edited" if updated else ""))


def execution(detail: Mapping[str, Any], pipeline: str) -> Wake | Ignored:
    """An execution of this pipeline began, goes on, or ended."""
    arn = text(detail, "pipelineArn", "the ARN of a pipeline")
    match = _PIPELINE_ARN.fullmatch(arn)
    if not match:
        raise MalformedEvent("detail.pipelineArn", arn, "the ARN of a pipeline")
    if match["name"].lower() != pipeline.lower():
        return Ignored(f"pipeline {match['name']} is not {pipeline}")
    status = choice(detail, "currentPipelineExecutionStatus", (*RUNNING, *ENDED), "detail.")
    if status in RUNNING:
        return Ignored(f"an execution of {pipeline} is {status}: its end will wake the function")
    return Wake(f"an execution of {pipeline} became {status}")


def alarm_of(detail: Mapping[str, Any]) -> tuple[str, str]:
    """Name and state of an alarm."""
    name = text(detail, "alarmName", "the name of an alarm")
    return name, inner(detail, "state", "value", "an alarm state such as ALARM")


def key_of(detail: Mapping[str, Any]) -> str:
    """The key of an object."""
    item = detail.get("object", MISSING)
    key = item.get("key", MISSING) if isinstance(item, Mapping) else MISSING
    if not isinstance(key, str) or not key:
        raise MalformedEvent("detail.object.key", key, "the key of an object")
    return key


def text(mapping: Mapping[str, Any], key: str, expected: str) -> str:
    """A member of the detail that is a text and not empty."""
    value = mapping.get(key, MISSING)
    if not isinstance(value, str) or not value:
        raise MalformedEvent(f"detail.{key}", value, expected)
    return value


def inner(mapping: Mapping[str, Any], outer: str, key: str, expected: str) -> str:
    """The status in an object of the detail."""
    inside = mapping.get(outer, MISSING)
    if not isinstance(inside, Mapping):
        raise MalformedEvent(f"detail.{outer}", inside, "a JSON object")
    return status_of(inside.get(key, MISSING), f"{outer}.{key}", expected)


def status_of(value: object, place: str, expected: str) -> str:
    if not isinstance(value, str) or not _STATUS.fullmatch(value):
        raise MalformedEvent(f"detail.{place}", value, expected)
    return value


def choice(mapping: Mapping[str, Any], key: str, allowed: tuple[str, ...], prefix: str = "") -> str:
    value = mapping.get(key, MISSING)
    if not isinstance(value, str) or value not in allowed:
        raise MalformedEvent(prefix + key, value, "one of " + ", ".join(allowed))
    return value
