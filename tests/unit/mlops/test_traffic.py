"""Replaying applications, and counting what data capture kept of them."""

import io
import json
from typing import Any

from botocore.exceptions import ClientError

from mlops import traffic

FIXTURE_RECORD = {"captureData": {}, "eventMetadata": {"eventId": "e"}, "eventVersion": "0"}


class FakeRuntime:
    """Declines loans above 100,000, and refuses an amount that is not a number."""

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        amount = json.loads(request["Body"])["instances"][0]["GrAppv"]
        if not isinstance(amount, int | float):
            response: Any = {
                "Error": {"Code": "ModelError", "Message": "Received client error (400)"},
                "OriginalStatusCode": 400,
                "OriginalMessage": "instances[0].GrAppv: 'a lot' is not a number\ntrace",
            }
            raise ClientError(response, "InvokeEndpoint")
        decision = "decline" if amount > 100_000 else "approve"
        body = {"predictions": [{"probability": 0.1, "decision": decision, "model_version": "3"}]}
        return {"Body": io.BytesIO(json.dumps(body).encode())}


class FakeS3:
    """Capture files that appear one list call after the other."""

    def __init__(self, files: dict[str, list[str]]) -> None:
        self._files, self._visible = files, 0

    def get_paginator(self, _: str) -> Any:
        self._visible += 1
        contents = [{"Key": key} for key in list(self._files)[: self._visible]]
        return type("Paginator", (), {"paginate": lambda _, **__: [{"Contents": contents}]})()

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO("\n".join(self._files[Key]).encode())}


def record(inference_id: str | None) -> str:
    metadata = {"eventId": "e"} | ({"inferenceId": inference_id} if inference_id else {})
    return json.dumps(FIXTURE_RECORD | {"eventMetadata": metadata})


def test_every_application_is_one_request_and_decisions_are_counted() -> None:
    requests = [(f"loan-{n}", {"GrAppv": n * 50_000}) for n in range(1, 5)]
    replayed = traffic.replay(FakeRuntime(), "e", requests)
    assert replayed.predictions == 4
    assert replayed.decisions == {"approve": 2, "decline": 2}
    assert replayed.versions == {"3": 4}


def test_a_refused_application_shows_status_and_field() -> None:
    answer = traffic.bad_request(FakeRuntime(), "e", {"GrAppv": "a lot"})
    assert answer == "400: instances[0].GrAppv: 'a lot' is not a number"


def test_captured_records_are_those_of_this_replay_and_late_files_are_waited_for() -> None:
    s3 = FakeS3({"a.jsonl": [record("loan-1"), record("other"), record(None)], "b.jsonl": [record("loan-2")]})
    kept = traffic.captured(s3, "bucket", "m/", {"loan-1", "loan-2"}, timeout_seconds=10)
    assert kept == traffic.Captured(2, "s3://bucket/b.jsonl")


def test_records_that_never_come_are_not_invented() -> None:
    s3 = FakeS3({"a.jsonl": [record("loan-1")]})
    assert traffic.captured(s3, "bucket", "m/", {"loan-1", "loan-2"}, timeout_seconds=0).records == 1
