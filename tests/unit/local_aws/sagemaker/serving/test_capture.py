"""Data capture: records, encodings, sampling and the layout in S3."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from local_aws.core.api import Context
from local_aws.sagemaker import capture
from local_aws.sagemaker.capture import Settings

from .conftest import FakeAws

CONFIG: dict[str, Any] = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://captured/loans/",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
}
REQUEST = ("application/json", b'{"instances": [1.0]}')
RESPONSE = ("application/json", b'{"predictions": [3.5]}')


@pytest.fixture(autouse=True)
def _empty(aws: FakeAws) -> Iterator[None]:
    yield
    capture.flush()


def submit(ctx: Context, config: dict[str, Any] = CONFIG, *, request: Any = REQUEST, **ids: str | None) -> None:
    settings = Settings.of(config)
    assert settings is not None
    attributes, inference = ids.get("attributes"), ids.get("inference")
    capture.submit(ctx, settings, "loans", "champion", request, RESPONSE, attributes, inference)


def records(aws: FakeAws) -> list[dict[str, Any]]:
    return [json.loads(line) for put in aws.s3.puts for line in put["Body"].decode().splitlines()]


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    return type(value).__name__


def test_a_record_has_the_shape_of_real_ones(aws: FakeAws, ctx: Context, fixtures: Path) -> None:
    submit(ctx)
    assert capture.flush()
    (record,) = records(aws)
    for line in (fixtures / "capture" / "captured-data.jsonl").read_text().splitlines():
        real = json.loads(line)
        assert shape(record) == shape(real)
        assert list(record) == list(real)
        for part in ("endpointInput", "endpointOutput"):
            assert record["captureData"][part]["mode"] == real["captureData"][part]["mode"]
            assert record["captureData"][part]["encoding"] == real["captureData"][part]["encoding"]
        assert re.sub(r"\d", "0", record["eventMetadata"]["inferenceTime"]) == re.sub(
            r"\d", "0", real["eventMetadata"]["inferenceTime"]
        )


def test_request_and_response_are_kept_as_they_were(aws: FakeAws, ctx: Context) -> None:
    submit(ctx, inference="loan-7", attributes="source=demo")
    capture.flush()
    (record,) = records(aws)
    assert record["captureData"]["endpointInput"]["data"] == REQUEST[1].decode()
    assert record["captureData"]["endpointOutput"]["data"] == RESPONSE[1].decode()
    assert record["eventMetadata"]["inferenceId"] == "loan-7"
    assert record["eventMetadata"]["customAttributes"] == ["source=demo"]


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("application/json", "JSON"),
        ("application/json; charset=utf-8", "JSON"),
        ("text/csv", "CSV"),
        ("application/x-npy", "BASE64"),
    ],
)
def test_the_encoding_follows_the_content_type(aws: FakeAws, ctx: Context, content_type: str, encoding: str) -> None:
    submit(ctx, request=(content_type, b"1,2"))
    capture.flush()
    part = records(aws)[0]["captureData"]["endpointInput"]
    assert part["encoding"] == encoding
    assert part["data"] == ("1,2" if encoding != "BASE64" else base64.b64encode(b"1,2").decode())


def test_without_content_type_headers_all_is_base64(aws: FakeAws, ctx: Context) -> None:
    submit(ctx, {key: value for key, value in CONFIG.items() if key != "CaptureContentTypeHeader"})
    capture.flush()
    assert records(aws)[0]["captureData"]["endpointOutput"]["encoding"] == "BASE64"


@pytest.mark.parametrize(
    ("modes", "parts"),
    [
        (["Input"], {"endpointInput"}),
        (["Output"], {"endpointOutput"}),
        (["InputAndOutput"], {"endpointInput", "endpointOutput"}),
    ],
)
def test_only_what_was_asked_for_is_captured(aws: FakeAws, ctx: Context, modes: list[str], parts: set[str]) -> None:
    submit(ctx, {**CONFIG, "CaptureOptions": [{"CaptureMode": mode} for mode in modes]})
    capture.flush()
    assert set(records(aws)[0]["captureData"]) == parts


def test_one_file_holds_the_batch_under_endpoint_variant_and_hour(aws: FakeAws, ctx: Context) -> None:
    for _ in range(3):
        submit(ctx)
    capture.flush()
    (put,) = aws.s3.puts
    assert put["Bucket"] == "captured"
    assert re.fullmatch(
        r"loans/loans/champion/\d{4}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{3}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.jsonl",
        put["Key"],
    )
    assert len({record["eventMetadata"]["eventId"] for record in records(aws)}) == 3


def test_a_key_encrypts_the_files(aws: FakeAws, ctx: Context) -> None:
    submit(ctx, {**CONFIG, "KmsKeyId": "alias/loans"})
    capture.flush()
    assert aws.s3.puts[0]["ServerSideEncryption"] == "aws:kms"
    assert aws.s3.puts[0]["SSEKMSKeyId"] == "alias/loans"


@pytest.mark.parametrize("change", [{"EnableCapture": False}, {"InitialSamplingPercentage": 0}])
def test_capture_can_be_off(change: dict[str, Any]) -> None:
    assert Settings.of({**CONFIG, **change}) is None
    assert not capture.sampled(Settings.of({**CONFIG, **change}))


def test_about_the_asked_percentage_is_sampled() -> None:
    settings = Settings.of({**CONFIG, "InitialSamplingPercentage": 30})
    hits = sum(capture.sampled(settings) for _ in range(4000))
    assert 0.25 < hits / 4000 < 0.35


def test_a_refused_file_is_dropped_and_one_that_did_not_arrive_is_tried_again(
    aws: FakeAws, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(ctx, {**CONFIG, "DestinationS3Uri": "s3://gone/x"})
    assert capture.flush()
    assert aws.s3.puts == []

    def unreachable(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")

    submit(ctx)
    with monkeypatch.context() as patch:
        patch.setattr(aws.s3, "put_object", unreachable)
        assert not capture.flush()
    assert capture.flush()
    assert len(records(aws)) == 1
