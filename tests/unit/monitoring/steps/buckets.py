"""S3 in memory: what steps and their tests ask of it, and no more. test_buckets.py compares it with moto's."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from tests.unit.lambdas.checked_client import CheckedPaginator, check, operation, refusal


class Exceptions:
    ClientError = ClientError


class Buckets:
    """A client of `buckets`, the bodies of objects by bucket and key; takes only parameters that S3 takes."""

    exceptions = Exceptions

    def __init__(self, buckets: dict[str, dict[str, bytes]]) -> None:
        self.buckets = buckets

    def put_object(self, *, Body: bytes, **given: Any) -> dict[str, Any]:  # noqa: N803
        _check("put_object", {**given, "Body": b""})
        self.buckets[given["Bucket"]][given["Key"]] = bytes(Body)
        return {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        _check("get_object", {"Bucket": Bucket, "Key": Key})
        if Key not in self.buckets[Bucket]:
            raise refusal("NoSuchKey", "The specified key does not exist.", 404)
        body = self.buckets[Bucket][Key]
        return {"Body": StreamingBody(io.BytesIO(body), len(body)), "ContentLength": len(body)}

    def delete_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        _check("delete_object", {"Bucket": Bucket, "Key": Key})
        self.buckets[Bucket].pop(Key, None)
        return {}

    def list_objects_v2(self, *, Bucket: str, Prefix: str = "", MaxKeys: int = 1000) -> dict[str, Any]:  # noqa: N803
        _check("list_objects_v2", {"Bucket": Bucket, "Prefix": Prefix, "MaxKeys": MaxKeys})
        objects = self.buckets[Bucket]
        found = sorted((key for key in objects if key.startswith(Prefix)), key=str.encode)
        contents = [{"Key": key, "Size": len(objects[key])} for key in found[:MaxKeys]]
        answer: dict[str, Any] = {"KeyCount": len(contents), "IsTruncated": len(found) > MaxKeys}
        return {**answer, "Contents": contents} if contents else answer

    def get_paginator(self, method: str) -> CheckedPaginator:
        return CheckedPaginator(getattr(self, method))

    def download_file(self, bucket: str, key: str, path: str) -> None:
        if key not in self.buckets[bucket]:
            raise refusal("404", "Not Found", 404)
        Path(path).write_bytes(self.buckets[bucket][key])

    def upload_file(self, path: str, bucket: str, key: str) -> None:
        self.put_object(Bucket=bucket, Key=key, Body=Path(path).read_bytes())


def _check(method: str, parameters: dict[str, Any]) -> None:
    _, shape = operation("s3", method)
    check(parameters, shape)
