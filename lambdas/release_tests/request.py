"""What is asked of the tests: the function's payload, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway import Settings
from shared.payload import MalformedRequestError
from shared.versions import group_of

_PACKAGE = re.compile(r"arn:[^:]+:sagemaker:[^:]*:\d*:model-package/(?P<group>[^/]+)/(?P<version>[1-9]\d*)")
_MEMBERS = ("package", "endpoint", "again")


@dataclass(frozen=True)
class Request:
    """package: ARN of the model package whose version is to answer; again: even if a verdict is there."""

    package: str
    version: str
    again: bool = False


def parse(event: object, settings: Settings) -> Request:
    """Raises MalformedRequestError with the member, its value and what is expected there."""
    if not isinstance(event, Mapping):
        raise MalformedRequestError("payload", event, f"an object with {', '.join(_MEMBERS)}")
    if unknown := sorted(set(event) - set(_MEMBERS)):
        raise MalformedRequestError(str(unknown[0]), event[unknown[0]], f"no member but {', '.join(_MEMBERS)}")
    package = event.get("package")
    match = _PACKAGE.fullmatch(package) if isinstance(package, str) else None
    if match is None or match["group"] != group_of(settings.model_package_group):
        expected = f"the ARN of a version in the model package group {group_of(settings.model_package_group)}"
        raise MalformedRequestError("package", package, expected)
    if event.get("endpoint") != settings.endpoint_name:
        raise MalformedRequestError("endpoint", event.get("endpoint"), settings.endpoint_name)
    if not isinstance(again := event.get("again", False), bool):
        raise MalformedRequestError("again", again, "true or false")
    return Request(match.group(), match["version"], again)
