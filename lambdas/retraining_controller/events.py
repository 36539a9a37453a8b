"""What an event means to the controller: a reason to look, a schedule that asks, nothing to do, or malformed.

Events only wake the controller, but for the retraining's own schedule: that one asks for a retraining, so it is noted
before anything else. Nothing here calls AWS.

Shapes: see `shared.events`; the schedule's is this project's own, made by the rule (retraining_wakes).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
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
    execution,
    key_of,
    model_package,
    opened,
)

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True)
class Asked:
    """The schedule asks for a retraining. at: the scheduled time, the same for every delivery of one."""

    at: datetime

    @property
    def why(self) -> str:
        return f"the schedule of {self.at:%Y-%m-%d %H:%M} asks"


def parse(event: object, settings: Settings) -> Wake | Asked | Ignored:
    """Classify an event for the model of these settings.

    Raises MalformedEvent, naming the place, the value and what was expected.
    """
    if isinstance(event, Mapping) and "trigger" in event:
        return _asked(event)
    kind, detail = opened(event, {name: sources for name, (sources, _) in _KINDS.items()})
    return _KINDS[kind][1](detail, settings)


def _asked(event: Mapping[str, Any]) -> Asked:
    choice(event, "trigger", ("schedule",))
    time, expected = event.get("time", MISSING), "a time in UTC such as 2026-11-21T03:00:00Z"
    if not isinstance(time, str) or not _TIME.fullmatch(time):
        raise MalformedEvent("time", time, expected)
    try:
        return Asked(datetime.fromisoformat(time))
    except ValueError:
        raise MalformedEvent("time", time, expected) from None


def _schedule(_detail: Mapping[str, Any], _settings: Settings) -> Wake:
    return Wake("schedule")


def _package(detail: Mapping[str, Any], settings: Settings) -> Wake | Ignored:
    return model_package(detail, settings.model_package_group)


def _alarm(detail: Mapping[str, Any], settings: Settings) -> Wake | Ignored:
    name, state = alarm_of(detail)
    if name not in {place.alarm for place in settings.places}:
        return Ignored(f"alarm {name} does not tell of a degradation of {settings.model}")
    return Wake(f"alarm {name} went off") if state == "ALARM" else Ignored(f"alarm {name} is {state}")


def _execution(detail: Mapping[str, Any], settings: Settings) -> Wake | Ignored:
    return execution(detail, settings.pipeline)


def _object(detail: Mapping[str, Any], settings: Settings) -> Wake | Ignored:
    key = key_of(detail)
    if not key.startswith(f"{settings.data_prefix}/until="):
        return Ignored(f"object {key} is no part of a snapshot")
    return Wake(f"training data arrived: {key}")


_Reader = Callable[[Mapping[str, Any], Settings], Wake | Ignored]
_KINDS: dict[str, tuple[tuple[str, ...], _Reader]] = {
    "CloudWatch Alarm State Change": (("aws.cloudwatch",), _alarm),
    "SageMaker Model Building Pipeline Execution Status Change": (("aws.sagemaker",), _execution),
    "SageMaker Model Package State Change": (("aws.sagemaker",), _package),
    "Object Created": (("aws.s3",), _object),
    SCHEDULE: (("aws.events", "aws.scheduler"), _schedule),
}
