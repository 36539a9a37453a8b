"""What is asked of the function: a scheduled run, a run that somebody wants, or news of a job. Pure.

Shapes: "Scheduled Event" (EventBridge user guide) and "SageMaker transform job state change" (SageMaker developer
guide: automating with EventBridge).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.payload import MalformedRequestError

JOB_CHANGED = "SageMaker Transform Job State Change"
SCHEDULE = "Scheduled Event"
ENDED_BADLY = ("Failed", "Stopped")

_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):\d\dZ")


@dataclass(frozen=True)
class Scheduled:
    """slot: what tells the scheduled times apart, equal for every delivery of one; goes into the job's name."""

    slot: str


@dataclass(frozen=True)
class Asked:
    """input and output: S3 URIs, output "" for the usual place; slot: differs for every request."""

    input: str
    output: str
    slot: str


@dataclass(frozen=True)
class Ended:
    """A job that ended otherwise than well."""

    job: str
    status: str
    reason: str


Request = Scheduled | Asked


def parse(event: object, request_id: str) -> Request | Ended:
    """Raises MalformedRequestError with the member, its value and what is expected there."""
    if not isinstance(event, Mapping):
        raise MalformedRequestError("payload", event, 'an object with "input"')
    kind = event.get("detail-type")
    if kind is None:
        return _asked(event, request_id)
    if kind == SCHEDULE:
        return Scheduled(_slot(event.get("time")))
    if kind == JOB_CHANGED:
        return _ended(event.get("detail"))
    raise MalformedRequestError("detail-type", kind, f"{SCHEDULE} or {JOB_CHANGED}")


def _asked(event: Mapping[str, Any], request_id: str) -> Asked:
    if unknown := sorted(set(event) - {"input", "output"}):
        raise MalformedRequestError(str(unknown[0]), event[unknown[0]], "no member but input and output")
    for member, needed in (("input", True), ("output", False)):
        uri = event.get(member, "")
        if not isinstance(uri, str) or (needed and not uri):
            raise MalformedRequestError(member, event.get(member), "an S3 URI")
    return Asked(event["input"], event.get("output", ""), request_id.replace("-", "")[:12])


def _slot(time: object) -> str:
    match = _TIME.fullmatch(time) if isinstance(time, str) else None
    if match is None:
        raise MalformedRequestError("time", time, "a time in UTC such as 2026-11-21T03:00:00Z")
    year, month, day, hour, minute = match.groups()
    return f"{year}{month}{day}-{hour}{minute}"


def _ended(detail: object) -> Ended:
    if not isinstance(detail, Mapping):
        raise MalformedRequestError("detail", detail, "an object")
    job, status = detail.get("TransformJobName"), detail.get("TransformJobStatus")
    if not isinstance(job, str) or not job:
        raise MalformedRequestError("detail.TransformJobName", job, "a job's name")
    if status not in ENDED_BADLY:
        raise MalformedRequestError("detail.TransformJobStatus", status, " or ".join(ENDED_BADLY))
    return Ended(job, str(status), str(detail.get("FailureReason") or "SageMaker gave no reason"))
