"""What an event means to the translator: a reason to look, nothing to do, or malformed. Nothing here calls AWS.

Executions of Model Monitor are processing jobs, and there is no event type of their own. The rule lets jobs of the
monitors' role pass, the merging of outcomes among them. Shapes: see `shared.events`; "Processing job state change"
(SageMaker developer guide), and the release controller's own event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from settings import Settings
from shared.events import SCHEDULE, Ignored, Wake, choice, opened, text

JOB, RELEASED = "SageMaker Processing Job State Change", "Model Release Done"
RUNNING = ("InProgress", "Stopping")
STATUSES = (*RUNNING, "Completed", "Failed", "Stopped")


def parse(event: object, settings: Settings) -> Wake | Ignored:
    """Raises MalformedEvent, naming the place, the value and what was expected."""
    kind, detail = opened(event, {name: sources for name, (sources, _) in _KINDS.items()})
    return _KINDS[kind][1](detail, settings)


def _job(detail: Mapping[str, Any], _settings: Settings) -> Wake | Ignored:
    name = text(detail, "ProcessingJobName", "the name of a processing job")
    status = choice(detail, "ProcessingJobStatus", STATUSES, "detail.")
    if status in RUNNING:
        return Ignored(f"job {name} is {status}: its end will wake the translator")
    return Wake(f"job {name} became {status}")


def _released(detail: Mapping[str, Any], settings: Settings) -> Wake | Ignored:
    endpoint = text(detail, "endpoint", "the name of an endpoint")
    if endpoint != settings.endpoint:
        return Ignored(f"endpoint {endpoint} is not {settings.endpoint}")
    return Wake(f"version {detail.get('version')} was released")


def _schedule(_detail: Mapping[str, Any], _settings: Settings) -> Wake:
    return Wake("schedule")


_Reader = Callable[[Mapping[str, Any], Settings], Wake | Ignored]
_KINDS: dict[str, tuple[tuple[str, ...], _Reader]] = {
    JOB: (("aws.sagemaker",), _job),
    RELEASED: (("mlops.release",), _released),
    SCHEDULE: (("aws.events", "aws.scheduler"), _schedule),
}
