# ruff: noqa: N803 - the arguments of the calls are spelled as AWS spells them
"""Buckets with versions, as the keeper sees them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any

from tests.unit.lambdas.record_keeper.names import refused
from tests.unit.lambdas.release_controller.fakes.clock import Clock


@dataclass(frozen=True)
class Kept:
    """A version of an object; without a body it is a delete marker."""

    version: str
    body: bytes | None
    at: datetime

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body or b"", usedforsecurity=False).hexdigest()}"'


@dataclass
class Storage:
    """objects: by bucket and key, oldest first. forbidden: buckets that the keeper may not look into."""

    clock: Clock
    objects: dict[tuple[str, str], list[Kept]] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    written: int = 0

    def put(self, uri: str, body: bytes | None) -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self.written += 1
        kept = Kept(f"v{self.written}", body, self.clock.now.replace(microsecond=0))
        self.objects.setdefault((bucket, key), []).append(kept)

    def body(self, bucket: str, key: str) -> bytes:
        found = self.objects[bucket, key][-1].body
        assert found is not None
        return found

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """Of what is there now."""
        return sorted(
            key for (of, key), kept in self.objects.items()
            if of == bucket and key.startswith(prefix) and kept[-1].body is not None
        )  # fmt: skip

    def put_object(self, Bucket: str, Key: str, Body: bytes, ContentType: str, IfNoneMatch: str) -> dict[str, Any]:
        assert IfNoneMatch == "*" and ContentType == "application/json" and Bucket == "evidence"
        if self.keys(Bucket, Key):
            raise refused("PreconditionFailed", "At least one of the pre-conditions did not hold", "PutObject")
        self.put(f"s3://{Bucket}/{Key}", Body)
        return {}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        kept = self._newest(Bucket, Key, "NoSuchKey")
        assert kept.body is not None
        return {"Body": BytesIO(kept.body), "ContentLength": len(kept.body), "VersionId": kept.version}

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        return {"VersionId": self._newest(Bucket, Key, "404").version}

    def _newest(self, bucket: str, key: str, missing: str) -> Kept:
        if bucket in self.forbidden:
            raise refused("AccessDenied", "Access Denied", "GetObject")
        if not self.keys(bucket, key):
            raise refused(missing, "Not Found", "GetObject")
        return self.objects[bucket, key][-1]

    def list_objects_v2(self, Bucket: str, Prefix: str, MaxKeys: int = 1000) -> dict[str, Any]:
        found = self.keys(Bucket, Prefix)[:MaxKeys]
        entries = [{"Key": key, "LastModified": self.objects[Bucket, key][-1].at} for key in found]
        return {"Contents": entries} if entries else {}

    def list_object_versions(self, Bucket: str, Prefix: str) -> dict[str, Any]:
        if Bucket in self.forbidden:
            raise refused("AccessDenied", "Access Denied", "ListObjectVersions")
        versions, markers = [], []
        for (bucket, key), kept in sorted(self.objects.items()):
            if bucket != Bucket or not key.startswith(Prefix):
                continue
            for each in reversed(kept):
                entry = {"Key": key, "VersionId": each.version, "LastModified": each.at, "ETag": each.etag}
                if each.body is None:
                    markers.append(entry)
                else:
                    versions.append({**entry, "Size": len(each.body)})
        return {"Versions": versions, "DeleteMarkers": markers}
