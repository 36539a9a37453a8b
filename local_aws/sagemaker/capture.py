"""Data capture: requests and responses of an endpoint as JSON lines in S3, in SageMaker's record format and
layout.

Source: developer guide, model-monitor-data-capture-endpoint; real records in the tests' fixtures. A record is
made from the bytes after the answer was sent on its way, by the thread that writes the files. Only
invocations that the model answered with success are captured.
"""

from __future__ import annotations

import base64
import json
import logging
import random
import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws import clients
from local_aws.core.api import Context
from local_aws.sagemaker.batching import Batcher

FLUSH_SECONDS = 1.0
FLUSH_RECORDS = 1000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """A DataCaptureConfig that is switched on."""

    bucket: str
    prefix: str
    kms_key: str | None
    percentage: int
    modes: frozenset[str]
    csv_types: frozenset[str]
    json_types: frozenset[str]
    role: str | None = None

    @classmethod
    def of(cls, config: dict[str, Any] | None, role: str | None = None) -> Settings | None:
        """Written as `role`. None when capture is absent, disabled or samples nothing."""
        if not config or not config.get("EnableCapture", True) or not config["InitialSamplingPercentage"]:
            return None
        bucket, _, prefix = config["DestinationS3Uri"].split("://", 1)[1].partition("/")
        modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
        types = config.get("CaptureContentTypeHeader", {})
        return cls(
            bucket,
            prefix.strip("/"),
            config.get("KmsKeyId"),
            config["InitialSamplingPercentage"],
            frozenset({"Input", "Output"} if "InputAndOutput" in modes else modes),
            frozenset(types.get("CsvContentTypes", ())),
            frozenset(types.get("JsonContentTypes", ())),
            role,
        )

    def encoding(self, content_type: str) -> str:
        """CSV or JSON for the content types named so, else BASE64; parameters such as a charset do not
        count."""
        bare = content_type.split(";")[0].strip()
        if {content_type, bare} & self.csv_types:
            return "CSV"
        return "JSON" if {content_type, bare} & self.json_types else "BASE64"


@dataclass(frozen=True)
class Exchange:
    """One invocation as it is captured."""

    ctx: Context
    settings: Settings
    endpoint: str
    variant: str
    request_type: str
    request: bytes
    response_type: str
    response: bytes
    custom_attributes: str | None
    inference_id: str | None
    at: datetime

    def record(self) -> dict[str, Any]:
        data: dict[str, Any] = {}
        if "Input" in self.settings.modes:
            data["endpointInput"] = self._part("INPUT", self.request_type, self.request)
        if "Output" in self.settings.modes:
            data["endpointOutput"] = self._part("OUTPUT", self.response_type, self.response)
        metadata: dict[str, Any] = {"eventId": str(uuid.uuid4())}
        if self.custom_attributes:
            metadata["customAttributes"] = [self.custom_attributes]
        if self.inference_id:
            metadata["inferenceId"] = self.inference_id
        metadata["inferenceTime"] = self.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}

    def _part(self, mode: str, content_type: str, body: bytes) -> dict[str, str]:
        encoding = self.settings.encoding(content_type)
        text = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode("utf-8", "replace")
        return {"observedContentType": content_type, "mode": mode, "data": text, "encoding": encoding}

    def folder(self) -> str:
        """Key prefix of the hour, after the destination's own prefix."""
        path = f"{self.endpoint}/{self.variant}/{self.at:%Y/%m/%d/%H}"
        return f"{self.settings.prefix}/{path}" if self.settings.prefix else path


def _send(exchanges: list[Exchange]) -> list[Exchange]:
    unsent: list[Exchange] = []
    files: defaultdict[tuple[Context, Settings, str], list[Exchange]] = defaultdict(list)
    for exchange in exchanges:
        files[exchange.ctx, exchange.settings, exchange.folder()].append(exchange)
    for (ctx, settings, folder), group in files.items():
        at = group[0].at
        name = f"{at:%M-%S}-{at.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
        lines = "".join(json.dumps(exchange.record(), separators=(",", ":")) + "\n" for exchange in group)
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": settings.kms_key} if settings.kms_key else {}
        try:
            clients.client("s3", ctx, settings.role).put_object(
                Bucket=settings.bucket, Key=f"{folder}/{name}", Body=lines.encode(), **encryption
            )
        except ClientError as error:
            # Refused for good, by a deleted bucket for one: as in AWS, the capture is lost and the endpoint
            # serves on.
            log.warning("capture of %d records to s3://%s/%s: %s", len(group), settings.bucket, folder, error)
        except BotoCoreError:
            log.exception("capture to s3://%s/%s did not get through and is tried again", settings.bucket, folder)
            unsent.extend(group)
    return unsent


_batcher: Batcher[Exchange] = Batcher("sagemaker-capture", FLUSH_SECONDS, FLUSH_RECORDS, _send)
flush = _batcher.flush


def sampled(settings: Settings | None) -> bool:
    """Whether this invocation is one of the captured percentage."""
    return settings is not None and random.random() * 100 < settings.percentage  # noqa: S311


def submit(
    ctx: Context,
    settings: Settings,
    endpoint: str,
    variant: str,
    request: tuple[str, bytes],
    response: tuple[str, bytes],
    custom_attributes: str | None,
    inference_id: str | None,
) -> None:
    """Hand an exchange (content type and body each way) to the writer; returns at once."""
    _batcher.put(
        Exchange(
            ctx,
            settings,
            endpoint,
            variant,
            *request,
            *response,
            custom_attributes,
            inference_id,
            datetime.now(UTC),
        )
    )
