"""Stand-ins for boto3 clients that take only what the service's own model allows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

Answer = Callable[[dict[str, Any]], Any]


class CheckedClient:
    """Answers each method by the function of that name; `calls` holds (method, parameters) in their order."""

    def __init__(self, service: str, answers: Mapping[str, Answer]) -> None:
        self.service, self.answers = service, answers
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, method: str) -> Callable[..., Any]:
        operation = _operations(self.service)[method]

        def call(**parameters: Any) -> Any:
            check(parameters, operation.input_shape)
            self.calls.append((method, parameters))
            return self.answers[method](parameters)

        return call

    def get_paginator(self, method: str) -> CheckedPaginator:
        return CheckedPaginator(getattr(self, method))


class CheckedPaginator:
    """All results on one page."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def paginate(self, **parameters: Any) -> Iterator[Any]:
        parameters.pop("PaginationConfig", None)
        yield self._call(**parameters)


def refusal(code: str, message: str, status: int = 400, **extra: Any) -> ClientError:
    """What boto3 raises when a service says no."""
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}, **extra}
    return ClientError(response, "Operation")


def text(message: Mapping[str, Any]) -> str:
    """What a subscriber by e-mail reads of what was published."""
    assert message["MessageStructure"] == "json"
    return str(json.loads(message["Message"])["default"])


_ALLOWED: set[tuple[int, str]] = set()
"""Shapes, and parameters as text, that botocore took once: plays make the same calls thousands of times.

Ids and times are other ones each time: of texts botocore looks at the length only.
"""

_ID = re.compile(r"[0-9a-f-]{5,}")


def check(parameters: Mapping[str, Any], shape: Any) -> None:
    """Raises ParamValidationError where botocore would; shape: of an operation's input, which lives on."""
    known = (id(shape), _ID.sub(lambda found: "0" * len(found[0]), repr(parameters)))
    if known not in _ALLOWED:
        validate_parameters(parameters, shape)
        _ALLOWED.add(known)


@cache
def operation(service: str, method: str) -> tuple[str, Any]:
    """The operation's name and the shape of its input."""
    model = _operations(service)[method]
    return model.name, model.input_shape


@cache
def _operations(service: str) -> dict[str, Any]:
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name): model.operation_model(name) for name in model.operation_names}
