from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from local_aws.core import api, protocol
from local_aws.core.api import Context, RuntimeRequest, RuntimeResponse
from local_aws.core.errors import AwsError


def ask(ctx: Context, operation: str, body: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
    headers = {"x-amz-target": f"SageMaker.{operation}"}
    status, answered, content = asyncio.run(protocol.answer(ctx, "POST", "/", headers, body))
    return status, answered, json.loads(content)


def invoke(ctx: Context, path: str) -> tuple[int, dict[str, str], bytes]:
    return asyncio.run(protocol.answer(ctx, "POST", path, {"content-type": "text/csv"}, b"1,2"))


def test_times_are_answered_in_epoch_seconds(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    created = datetime(2026, 1, 1, 0, 0, 0, 250000, tzinfo=UTC)
    monkeypatch.setitem(api.operations, "DescribeProject", lambda _ctx, _params: {"CreationTime": created})
    status, _, answered = ask(ctx, "DescribeProject", b'{"ProjectName": "p"}')
    assert (status, answered) == (200, {"CreationTime": 1767225600.25})


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"'])
def test_what_is_no_json_object_is_a_serialization_error(ctx: Context, body: bytes) -> None:
    status, headers, answered = ask(ctx, "ListTags", body)
    assert (status, answered["__type"]) == (400, "SerializationException")
    assert headers["x-amzn-ErrorType"] == "SerializationException"


def test_a_mistake_of_our_own_is_an_internal_failure_that_names_it(
    ctx: Context, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_ctx: Context, _params: dict[str, Any]) -> dict[str, Any]:
        raise KeyError("Image")

    monkeypatch.setitem(api.operations, "DescribeProject", broken)
    status, _, answered = ask(ctx, "DescribeProject", b'{"ProjectName": "p"}')
    assert (status, answered["__type"]) == (500, "InternalFailure")
    assert answered["message"] == "DescribeProject: KeyError: 'Image'"
    assert "SageMaker DescribeProject failed" in caplog.text


def test_the_path_names_the_endpoint_that_is_invoked(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def echo(_ctx: Context, request: RuntimeRequest) -> RuntimeResponse:
        body = f"{request.endpoint_name} {request.headers['content-type']} ".encode() + request.body
        return RuntimeResponse(201, {"x-amzn-invoked-production-variant": "champion"}, body)

    monkeypatch.setitem(api.runtime_operations, "InvokeEndpoint", echo)
    answered = invoke(ctx, "/endpoints/loan%2Dapproval/invocations")
    assert answered == (201, {"x-amzn-invoked-production-variant": "champion"}, b"loan-approval text/csv 1,2")


def test_an_error_of_an_invocation_carries_its_code_in_the_header(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_ctx: Context, _request: RuntimeRequest) -> RuntimeResponse:
        raise AwsError("ServiceUnavailable", "no instance", 503)

    monkeypatch.setitem(api.runtime_operations, "InvokeEndpoint", refuse)
    status, headers, body = invoke(ctx, "/endpoints/e/invocations")
    assert (status, headers["x-amzn-ErrorType"]) == (503, "ServiceUnavailable")
    assert json.loads(body)["message"] == "no instance"
