"""What an event means to the keeper: a reason to look, nothing to do, or malformed. Nothing here calls AWS.

Shapes: see `shared.events`; "Model Release Done" is this project's own, of the release controller.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from settings import Settings
from shared.events import SCHEDULE, Ignored, Wake, execution, model_package, opened, text

RELEASED = "Model Release Done"


def parse(event: object, settings: Settings) -> Wake | Ignored:
    """Classify an event for the model of these settings.

    Raises MalformedEvent, naming the place, the value and what was expected.
    """
    kind, detail = opened(event, {name: sources for name, (sources, _) in _KINDS.items()})
    return _KINDS[kind][1](detail, settings)


def _schedule(_detail: Mapping[str, Any], _settings: Settings) -> Wake:
    return Wake("schedule")


def _package(detail: Mapping[str, Any], settings: Settings) -> Wake | Ignored:
    return model_package(detail, settings.model_package_group)


def _execution(detail: Mapping[str, Any], settings: Settings) -> Wake | Ignored:
    return execution(detail, settings.pipeline)


def _release(detail: Mapping[str, Any], settings: Settings) -> Wake | Ignored:
    place = text(detail, "environment", "an environment"), text(detail, "model", "the name of a model")
    if place != (settings.environment, settings.model):
        return Ignored(f"{place[1]} in {place[0]} is not {settings.model} in {settings.environment}")
    return Wake(f"a version was released: {text(detail, 'package', 'the ARN of a model package version')}")


_Reader = Callable[[Mapping[str, Any], Settings], Wake | Ignored]
_KINDS: dict[str, tuple[tuple[str, ...], _Reader]] = {
    "SageMaker Model Package State Change": (("aws.sagemaker",), _package),
    "SageMaker Model Building Pipeline Execution Status Change": (("aws.sagemaker",), _execution),
    RELEASED: (("mlops.release",), _release),
    SCHEDULE: (("aws.events", "aws.scheduler"), _schedule),
}
