"""The runtime's requests as HTTP brings them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from local_aws import seam
from local_aws.core.api import Context
from local_aws.featurestore import service
from tests.unit.local_aws.featurestore.conftest import Call, record

GROUP = "/FeatureGroup/bank-history"


@pytest.fixture
def send(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Send a request to SageMaker's handler, of which the service takes over the runtime's paths."""

    async def sagemaker(*_request: Any) -> seam.Response:
        return 200, {}, b"SageMaker's own"

    handlers: dict[str, seam.Handler] = {"sagemaker": sagemaker}
    monkeypatch.setattr(seam, "service_handler", handlers.__getitem__)
    monkeypatch.setattr(seam, "replace_service_handler", handlers.__setitem__)
    monkeypatch.setattr(seam, "current", lambda: ctx)
    service.install()

    def of(method: str, path: str, body: object = None, **query: str | list[str]) -> tuple[int, dict[str, str], Any]:
        data = b"" if body is None else json.dumps(body).encode()
        status, headers, answer = asyncio.run(handlers["sagemaker"](method, path, {}, data, dict(query)))  # type: ignore[arg-type]
        return status, headers, json.loads(answer) if answer.startswith(b"{") else answer

    return of


def test_each_operation_has_its_path(send: Any, create: Call) -> None:
    create()
    values = record(bank="a b", known_from="2026-11-01T00:00:00Z", share="0.5")
    assert send("PUT", GROUP, {"Record": values})[0] == 200
    status, headers, answer = send("GET", GROUP, RecordIdentifierValueAsString="a b", FeatureName=["share"])
    assert (status, answer) == (200, {"Record": [{"FeatureName": "share", "ValueAsString": "0.5"}]})
    assert headers == {"content-type": "application/json"}
    asked = {"Identifiers": [{"FeatureGroupName": "bank-history", "RecordIdentifiersValueAsString": ["a b"]}]}
    assert len(send("POST", "/BatchGetRecord", asked)[2]["Records"]) == 1
    assert send("POST", "/BatchWriteRecord", {"Entries": [{"FeatureGroupName": "x", "Record": values}]})[2]["Errors"]
    deletion = {"RecordIdentifierValueAsString": "a b", "EventTime": "2026-11-02T00:00:00Z"}
    assert send("DELETE", GROUP, **deletion, TargetStores=["OnlineStore"], DeletionMode="HardDelete")[0] == 200
    assert send("GET", GROUP, RecordIdentifierValueAsString="a b")[2] == {}


def test_other_paths_are_sagemakers(send: Any) -> None:
    assert send("POST", "/")[2] == b"SageMaker's own"
    assert send("POST", "/endpoints/x/invocations")[2] == b"SageMaker's own"


@pytest.mark.parametrize(
    ("method", "path", "query", "status", "code"),
    [
        ("GET", "/FeatureGroup/nowhere", {"RecordIdentifierValueAsString": "a"}, 404, "ResourceNotFound"),
        ("PUT", "/FeatureGroup/nowhere", {}, 400, "ValidationError"),
        ("GET", GROUP, {}, 400, "ValidationError"),
        ("GET", GROUP, {"RecordIdentifierValueAsString": "a", "FeatureName": ["x"]}, 400, "ValidationError"),
        ("PATCH", GROUP, {}, 404, "UnknownOperationException"),
    ],
)
def test_errors_have_the_runtimes_codes(
    method: str, path: str, query: dict[str, Any], status: int, code: str, send: Any, create: Call
) -> None:
    create()
    answer = send(method, path, {"Record": record(bank="a")} if method == "PUT" else None, **query)
    assert (answer[0], answer[1]["x-amzn-errortype"]) == (status, code)
    assert answer[2]["Message"]


def test_what_breaks_is_an_internal_failure(send: Any, create: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    create()
    monkeypatch.setattr("local_aws.featurestore.online.get", lambda *_: 1 / 0)
    status, headers, _ = send("GET", GROUP, RecordIdentifierValueAsString="a")
    assert (status, headers["x-amzn-errortype"]) == (500, "InternalFailure")
