"""Documents in S3: JSON and text below one prefix, and single ones anywhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Iterator, Optional, Tuple
from urllib.parse import urlparse

JSON = "application/json"
HTML = "text/html; charset=utf-8"
_MISSING, _DENIED = ("NoSuchKey", "404"), ("AccessDenied", "403")


def split(uri: str) -> Tuple[str, str]:
    """Bucket and key of `s3://bucket/key`, the key without slashes around; raises ValueError for any other text."""
    place = urlparse(uri)
    if place.scheme != "s3" or not place.netloc:
        raise ValueError(f"{uri!r}: expected s3://bucket/prefix")
    return place.netloc, place.path.strip("/")


def read_json(s3: Any, bucket: str, key: str) -> Optional[Any]:
    """The document, or None where there is none; raises ValueError if it is not JSON.

    S3 answers 403 instead of 404 to who may not list the whole bucket (API reference: GetObject), as our jobs may not.
    """
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _MISSING or (code in _DENIED and not _exists(s3, bucket, key)):
            return None
        raise
    try:
        return json.loads(body, parse_constant=_refuse)
    except ValueError as error:
        raise ValueError(f"s3://{bucket}/{key}: not JSON ({error})") from None


def _refuse(constant: str) -> None:
    """NaN and infinities, which Python reads and JSON does not have: nothing can be judged by them."""
    raise ValueError(f"{constant} is no number")


def _exists(s3: Any, bucket: str, key: str) -> bool:
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    return any(item["Key"] == key for item in listed)


@dataclass(frozen=True)
class Store:
    """Documents below `prefix` of `bucket`; keys are given and returned without that prefix."""

    s3: Any
    bucket: str
    prefix: str

    @classmethod
    def at(cls, s3: Any, uri: str) -> Store:
        return cls(s3, *split(uri))

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{self._whole(key)}"

    def read(self, key: str) -> Optional[Any]:
        return read_json(self.s3, self.bucket, self._whole(key))

    def write(self, key: str, document: Any) -> None:
        text = json.dumps(document, indent=1, allow_nan=False) + "\n"
        self.write_text(key, text, JSON)

    def write_text(self, key: str, text: str, content_type: str) -> None:
        # A value that was sent may hold half of a character (JSON's "\\ud800"), which UTF-8 has no bytes for.
        body = text.encode("utf-8", "backslashreplace")
        self.s3.put_object(Bucket=self.bucket, Key=self._whole(key), Body=body, ContentType=content_type)

    def keys(self, below: str) -> Iterator[str]:
        """Every key that begins with `below`, in the order of S3, which is alphabetical."""
        start = len(self._whole(""))
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self._whole(below)):
            for item in page.get("Contents", []):
                yield item["Key"][start:]

    def _whole(self, key: str) -> str:
        return f"{self.prefix}/{key}" if self.prefix else key
