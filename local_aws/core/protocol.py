"""HTTP forms of the emulated services: JSON 1.1, and rest-json for sagemaker-runtime."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import re
import urllib.parse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

from local_aws.core import api, shapes
from local_aws.core.api import Context, RuntimeRequest
from local_aws.core.errors import AwsError, SerializationException, ValidationException

log = logging.getLogger(__name__)
Response = tuple[int, dict[str, str], bytes]
Result = TypeVar("Result")

_INVOCATIONS = re.compile(r"^/endpoints/(?P<name>[^/]+)/invocations$")
_JSON = "application/x-amz-json-1.1"
# CloudWatch has another name for it.
_VALIDATION_CODES = {api.CLOUDWATCH: "ValidationError"}

# A thread for each call under way: an operation may call back into this server, so a small pool
# could be full of calls that wait for each other.
_workers = ThreadPoolExecutor(512, "sagemaker")


async def answer(ctx: Context, method: str, path: str, headers: dict[str, str], body: bytes) -> Response:
    """Answer one request of the scope `sagemaker`; every operation runs on a worker thread."""
    invocations = _INVOCATIONS.match(path)
    if method == "POST" and invocations:
        request = RuntimeRequest(urllib.parse.unquote(invocations["name"]), body, headers)
        return await _on_worker(lambda: _invoke(ctx, request))
    return await answer_json(ctx, api.SAGEMAKER, headers, body)


async def answer_json(ctx: Context, service: str, headers: dict[str, str], body: bytes) -> Response:
    """Answer one request of a service that speaks JSON 1.1, on a worker thread."""
    operation = headers.get("x-amz-target", "").partition(".")[2]
    api.request_headers.set(headers)
    return await _on_worker(lambda: _operate(ctx, service, operation, body))


async def _on_worker(work: Callable[[], Result]) -> Result:
    run = contextvars.copy_context().run
    return await asyncio.get_running_loop().run_in_executor(_workers, lambda: run(work))


def _operate(ctx: Context, service: str, operation: str, body: bytes) -> Response:
    try:
        result = api.call(ctx, operation, _parsed(body), service)
    except ValidationException as error:
        return _json_error(AwsError(_VALIDATION_CODES.get(service, error.code), error.message))
    except AwsError as error:
        return _json_error(error)
    except Exception as error:
        log.exception("%s %s failed", shapes.service_name(service), operation)
        return _json_error(_internal(operation, error))
    return 200, {"Content-Type": _JSON}, json.dumps(result, default=_encode).encode()


def _invoke(ctx: Context, request: RuntimeRequest) -> Response:
    operation = "InvokeEndpoint"
    try:
        function = api.runtime_operations.get(operation)
        if function is None:
            raise AwsError("UnknownOperationException", f"{operation} is not emulated by the local AWS")
        answered = function(ctx, request)
    except AwsError as error:
        return _rest_error(error)
    except Exception as error:
        log.exception("%s of %s failed", operation, request.endpoint_name)
        return _rest_error(_internal(operation, error))
    # ministack rewrites a "Content-Type" of JSON to the control plane's protocol; in lower case it lets it be.
    return answered.status, {name.lower(): value for name, value in answered.headers.items()}, answered.body


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        params = json.loads(body or b"{}")
    except ValueError as error:
        raise SerializationException(f"the request is not JSON: {error}") from error
    if not isinstance(params, dict):
        raise SerializationException("Start of structure or map found where not expected.")
    return params


def _internal(operation: str, error: Exception) -> AwsError:
    return AwsError("InternalFailure", f"{operation}: {type(error).__name__}: {error}", 500)


def _json_error(error: AwsError) -> Response:
    body = json.dumps({"__type": error.code, "message": error.message})
    return error.status, {"Content-Type": _JSON, "x-amzn-ErrorType": error.code}, body.encode()


def _rest_error(error: AwsError) -> Response:
    body = json.dumps({"message": error.message, "Message": error.message})
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
    return error.status, headers, body.encode()


def _encode(value: object) -> object:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} in the output of an operation: {value!r}")
