"""Model cards without a server: S3 is a dict in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import clients
from local_aws.core import api, tags  # noqa: F401 - it declares operations
from local_aws.core.api import Context
from local_aws.sagemaker import model_cards, model_cards_export  # noqa: F401 - they declare operations

Call = Callable[..., dict[str, Any]]


class MemoryS3:
    """One bucket, "bucket"."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:  # noqa: N803 - boto3's names
        assert ContentType == "application/pdf"
        if Bucket != "bucket":
            error = {"Error": {"Code": "NoSuchBucket", "Message": "The specified bucket does not exist"}}
            raise ClientError(error, "PutObject")
        self.objects[f"s3://{Bucket}/{Key}"] = Body


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> MemoryS3:
    memory = MemoryS3()
    monkeypatch.setattr(clients, "client", lambda _service, _ctx, *_role: memory)
    return memory


@pytest.fixture
def call(ctx: Context) -> Call:
    return lambda name, **params: api.call(ctx, name, params)


@pytest.fixture
def card(call: Call) -> str:
    """A card in its first version; its name."""
    content = json.dumps({"model_overview": {"model_description": "first"}})
    call("CreateModelCard", ModelCardName="loans-v1", Content=content, ModelCardStatus="Draft")
    return "loans-v1"
