"""What lies in S3, in the versions that lay there when a version of the model was made."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from answers import Unknown, ask, place, refusal
from botocore.exceptions import ClientError
from state import Bundle, Document, Objects, Stored

MOST = 3000
"""Objects of one input that a manifest names: more of them make a document that nobody reads."""

CARD = "card.toml"
LARGEST = 64 * 1024 * 1024
"""Bytes of a document or a code bundle that is read: the function's memory is bounded."""


class Storage:
    """Reads; changes nothing."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def at(self, uri: str, moment: datetime) -> Objects:
        """What began with the URI at that time: of each key the newest version that is not younger.

        Versioning must be on: what was overwritten without it is not told apart from what is there now.
        """
        try:
            bucket, prefix = place(uri)
            found = self._newest(bucket, prefix, moment)
            objects = [each for _, each in zip(range(MOST + 1), found, strict=False)]
        except Unknown as why:
            return Objects(trouble=str(why))
        if not objects:
            return Objects(trouble="nothing lay there at the time")
        if len(objects) > MOST:
            return Objects(tuple(objects[:MOST]), f"only the first {MOST} objects are named, there are more")
        return Objects(tuple(objects))

    def _newest(self, bucket: str, prefix: str, moment: datetime) -> Iterator[Stored]:
        """In the order of their keys. A key that was deleted by then is left out."""
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        done = ""
        try:
            for page in pages:
                entries = [(each, False) for each in page.get("Versions", [])]
                entries += [(each, True) for each in page.get("DeleteMarkers", [])]
                # Newest first below each key, as S3 has them; a page may end in the middle of a key's versions.
                entries.sort(key=lambda entry: entry[0]["LastModified"], reverse=True)
                entries.sort(key=lambda entry: entry[0]["Key"])
                for entry, deleted in entries:
                    if entry["Key"] == done or entry["LastModified"] > moment:
                        continue
                    done = entry["Key"]
                    if not deleted and not done.endswith("/"):
                        yield Stored(done, entry["VersionId"], entry["ETag"].strip('"'), int(entry["Size"]))
        except ClientError as error:
            if why := refusal(error):
                raise Unknown(why) from error
            raise

    def document(self, uri: str) -> Document:
        """A JSON document; pipelines write theirs once, below a folder of the run."""
        try:
            body, version = self._read(uri)
            return Document(json.loads(body), version)
        except Unknown as why:
            return Document(trouble=str(why))
        except ValueError:
            return Document(trouble="it is no JSON")

    def mark(self, uri: str) -> Document:
        """Which version of an object is there, without its content."""
        try:
            bucket, key = place(uri)
            return Document(version_id=ask(self._s3.head_object, Bucket=bucket, Key=key).get("VersionId", ""))
        except Unknown as why:
            return Document(trouble=str(why))

    def bundle(self, uri: str, folder: str) -> Bundle:
        """The code bundle (mlops_constructs.code_bundle) and the card of the model `folder` in it."""
        try:
            body, version = self._read(uri)
        except Unknown as why:
            return Bundle(trouble=str(why))
        import tarfile  # here, since most runs unpack nothing, and a cold start would wait for it
        import zlib

        try:
            with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
                member = archive.extractfile(f"{folder}/{CARD}")
                return Bundle(version, member.read().decode() if member else "")
        except KeyError:
            return Bundle(version)
        except (tarfile.TarError, OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
            return Bundle(version, trouble=f"it cannot be unpacked ({error})")

    def _read(self, uri: str) -> tuple[bytes, str]:
        bucket, key = place(uri)
        try:
            answer = self._s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if why := refusal(error):
                raise Unknown(why) from error
            raise
        if answer["ContentLength"] > LARGEST:
            raise Unknown(f"it is larger than {LARGEST} bytes")
        return answer["Body"].read(), answer.get("VersionId", "")

    def written(self, bucket: str, key: str) -> str:
        """When an object was written, "" if it is not there. By the list, since a missing key may look forbidden."""
        listed = ask(self._s3.list_objects_v2, Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
        return next((str(entry["LastModified"]) for entry in listed if entry["Key"] == key), "")
