"""Requests of services that speak rest-json: the operation behind a method and a path, and its parameters."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import re
import urllib.parse
from datetime import datetime
from typing import Any

from botocore.model import ListShape, Shape

from local_aws.core import api, shapes, store
from local_aws.core.api import AwsError, Context
from local_aws.core.errors import SerializationException, ValidationException

Response = tuple[int, dict[str, str], bytes]
Query = dict[str, Any]

# Feature Store's runtime has other names for them.
_VALIDATION_CODES = {api.FEATURESTORE_RUNTIME: "ValidationError"}
_INTERNAL_CODES = {api.FEATURESTORE_RUNTIME: "InternalFailure"}

log = logging.getLogger(__name__)


async def answer(
    ctx: Context, service: str, method: str, path: str, query: Query, body: bytes, *, brief: bool = False
) -> Response:
    """Answer one request, on a worker thread.

    brief: its operations look at our tables and at nothing else, so they are answered here while nobody has the
    tables: to pass them to a thread and back takes longer than most of them.
    """
    if brief and store.lock.acquire(blocking=False):
        try:
            return _operate(ctx, service, method, path, query, body)
        finally:
            store.lock.release()
    return await asyncio.to_thread(_operate, ctx, service, method, path, query, body)


def read(service: str, method: str, path: str, query: Query, body: bytes) -> tuple[str, dict[str, Any]]:
    """The operation and its parameters, not yet validated.

    Errors: AwsError where no operation has this method and path, SerializationException for a body that is no JSON."""
    name, found = _route(service, method, path)
    params = _body(body)
    uri = {key: urllib.parse.unquote(value) for key, value in found.groupdict().items()}
    for member, shape in shapes.members(name, service).items():
        place, key = shape.serialization.get("location"), shape.serialization.get("name", member)
        if place == "uri":
            params[member] = uri[key]
        elif place == "querystring" and key in query:
            params[member] = _typed(shape, query[key])
    return name, params


def _route(service: str, method: str, path: str) -> tuple[str, re.Match[str]]:
    for name, verb, pattern in _routes(service):
        if verb == method and (found := pattern.fullmatch(path)):
            return name, found
    raise AwsError("UnknownOperationException", f"{shapes.service_name(service)} has no {method} {path}", 404)


def _operate(ctx: Context, service: str, method: str, path: str, query: Query, body: bytes) -> Response:
    operation = ""
    try:
        operation, params = read(service, method, path, query, body)
        result = api.call(ctx, operation, params, service)
    except ValidationException as error:
        return _error(AwsError(_VALIDATION_CODES.get(service, error.code), error.message))
    except AwsError as error:
        return _error(error)
    except Exception as error:
        log.exception("%s %s failed", shapes.service_name(service), operation)
        code = _INTERNAL_CODES.get(service, "InternalServerException")
        return _error(AwsError(code, f"{operation}: {type(error).__name__}: {error}", 500))
    return 200, {"Content-Type": "application/json"}, json.dumps(result, default=_encode).encode()


@functools.cache
def _routes(service: str) -> list[tuple[str, str, re.Pattern[str]]]:
    """(operation, method, pattern of the path), with the path's names as groups; the last one takes slashes too."""
    routes = []
    for name in shapes.operations(service):
        http = shapes.http(name, service)
        pattern = re.sub(r"\{(\w+)\}$", r"(?P<\1>.+)", http["requestUri"])
        pattern = re.sub(r"(?<!<)\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
        routes.append((name, http["method"], re.compile(pattern)))
    return routes


def _body(body: bytes) -> dict[str, Any]:
    try:
        params = json.loads(body or b"{}")
    except ValueError as error:
        raise SerializationException(f"the request is not JSON: {error}") from error
    if not isinstance(params, dict):
        raise SerializationException("Start of structure or map found where not expected.")
    return params


def _typed(shape: Shape, given: Any) -> Any:
    values = given if isinstance(given, list) else [given]
    if isinstance(shape, ListShape):
        return values
    if shape.type_name in ("integer", "long"):
        try:
            return int(values[0])
        except ValueError as error:
            raise ValidationException(f"{values[0]!r} is no number") from error
    return values[0]


def _error(error: AwsError) -> Response:
    body = json.dumps({"Message": error.message, "message": error.message})
    return error.status, {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}, body.encode()


def _encode(value: object) -> object:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} in the output of an operation: {value!r}")
