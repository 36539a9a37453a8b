"""The manifests of a version: what was known of it, revision by revision, each chained to the one before.

A revision is an object of the evidence bucket that is written once; the newest one is the manifest. It holds the
SHA-256 of the bytes of the revision before it, so none can be exchanged or taken out without breaking the chain.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mlops.errors import CommandError
from mlops.target import Target
from mlops_constructs.naming import ModelNames

OUTPUT = "EvidenceBucket"
"""Output of the foundation stack: where manifests are."""

_KEY = re.compile(r"^.+/version-(\d+)/revision-(\d{4,})\.json$")


class NoManifest(CommandError):
    """Nothing was written about this version: the record keeper has not seen it, or it is older than it."""


@dataclass(frozen=True)
class Revision:
    """One revision as it was written first. sha256: of its bytes, in hex; copies: S3 versions of its key beside it.

    unreadable: why it is none that the record keeper wrote; its document is empty then.
    """

    key: str
    number: int
    version_id: str
    sha256: str
    document: Mapping[str, Any]
    copies: int = 0
    deleted: bool = False
    unreadable: str = ""


@dataclass(frozen=True)
class Chain:
    """All revisions of a version, oldest first, and what is wrong with them, in words; nothing if all is well."""

    revisions: tuple[Revision, ...]
    problems: tuple[str, ...]

    @property
    def manifest(self) -> Mapping[str, Any] | None:
        """The newest revision that can be read; None where there is none."""
        return next((each.document for each in reversed(self.revisions) if not each.unreadable), None)


def bucket(target: Target) -> str:
    """The evidence bucket of an environment; raises CommandError if its foundation was deployed before it had one."""
    return target.output(target.foundation_stack, OUTPUT)


def prefix(names: ModelNames, version: int) -> str:
    """Where the revisions of a version are, with the slash at its end."""
    return f"{names.folder}/version-{version}/"


def versions(s3: Any, bucket: str, names: ModelNames) -> list[int]:
    """The versions with a manifest, oldest first."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{names.folder}/version-")
    return sorted({found[0] for page in pages for item in page.get("Contents", []) if (found := _numbers(item["Key"]))})


def newest(s3: Any, bucket: str, names: ModelNames, version: int) -> dict[str, Any]:
    """The manifest of a version: its newest revision, as it was written first, whatever lies over it.

    Raises NoManifest, CommandError for one that cannot be read.
    """
    keys = list(_keys(s3, bucket, names, version))
    if not keys:
        raise NoManifest(
            f"version {version} of {names.base}: has no manifest below s3://{bucket}/{prefix(names, version)}; the "
            f"record keeper writes it, once a day at the latest (stack {names.base}-governance)"
        )
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=keys[-1])
    *_, first = (item["VersionId"] for page in pages for item in page.get("Versions", []) if item["Key"] == keys[-1])
    answer = s3.get_object(Bucket=bucket, Key=keys[-1], VersionId=first)
    return _read(answer["Body"].read(), f"s3://{bucket}/{keys[-1]}")


def revisions(s3: Any, bucket: str, names: ModelNames, version: int) -> list[Revision]:
    """Every revision of a version, oldest first: each as it was written first, also a deleted or overwritten one."""
    stored: dict[str, list[str]] = {}  # by key: its S3 versions, newest first, as S3 lists them
    deleted: set[str] = set()
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix(names, version))
    for page in pages:
        for item in page.get("Versions", []):
            stored.setdefault(item["Key"], []).append(item["VersionId"])
        deleted |= {item["Key"] for item in page.get("DeleteMarkers", []) if item["IsLatest"]}
    found = (
        _revision(s3, bucket, key, numbers[1], kept, key in deleted)
        for key, kept in stored.items()
        if (numbers := _numbers(key))
    )
    return sorted(found, key=lambda revision: revision.number)


def noted(dynamodb: Any, table: str, names: ModelNames, version: int) -> dict[int, str]:
    """SHA-256 of revisions by their numbers, as the record keeper noted them in the ledger, which is elsewhere."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="#model = :model AND begins_with(#entry, :version)",
        ExpressionAttributeNames={"#model": "model", "#entry": "entry"},
        ExpressionAttributeValues={
            ":model": {"S": f"{names.public}#evidence"},
            ":version": {"S": f"version-{version:05d}#"},
        },
        ConsistentRead=True,
    )
    return {int(item["entry"]["S"].split("#")[1]): item["sha256"]["S"] for page in pages for item in page["Items"]}


def verify(revisions: Sequence[Revision], version: int, noted: Mapping[int, str] | None = None) -> list[str]:
    """What breaks the chain from the first revision to the newest, or says that one was changed. Pure.

    noted: as `noted` returns it; without, the chain can only be held against itself.
    """
    parts = (_places(revisions, version), _links(revisions), _changes(revisions), _others(revisions, noted or {}))
    return [problem for part in parts for problem in part]


def chain(s3: Any, bucket: str, names: ModelNames, version: int, noted: Mapping[int, str] | None = None) -> Chain:
    """The revisions of a version with the result of `verify`."""
    found = revisions(s3, bucket, names, version)
    return Chain(tuple(found), tuple(verify(found, version, noted)))


def _keys(s3: Any, bucket: str, names: ModelNames, version: int) -> Iterator[str]:
    """Keys of the revisions, oldest first: by their numbers, which have more digits one day."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix(names, version))
    found = ((_numbers(item["Key"]), item["Key"]) for page in pages for item in page.get("Contents", []))
    yield from (key for numbers, key in sorted(each for each in found if each[0]))


def _numbers(key: str) -> tuple[int, int] | None:
    """Version and revision that a key names."""
    found = _KEY.match(key)
    return (int(found[1]), int(found[2])) if found else None


def _revision(s3: Any, bucket: str, key: str, number: int, stored: Sequence[str], deleted: bool) -> Revision:
    body = s3.get_object(Bucket=bucket, Key=key, VersionId=stored[-1])["Body"].read()
    document, unreadable = dict[str, Any](), ""
    try:
        document = _read(body, f"s3://{bucket}/{key}")
    except CommandError as error:  # one of a version must not keep the others from being judged
        unreadable = str(error)
    digest = hashlib.sha256(body).hexdigest()
    return Revision(key, number, stored[-1], digest, document, len(stored) - 1, deleted, unreadable)


def _read(body: bytes, uri: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError as error:
        raise CommandError(f"{uri}: no JSON ({error}); the record keeper did not write this") from None
    if not isinstance(document, dict):
        raise CommandError(f"{uri}: no JSON object; the record keeper did not write this")
    return document


def _places(revisions: Iterable[Revision], version: int) -> Iterator[str]:
    """Numbers without a gap from 1 on, and documents that are what their keys say."""
    expected = 1
    for each in revisions:
        if each.number != expected:
            yield (
                f"revision {expected} is missing before {each.number}"
                if each.number > expected
                else (f"revision {each.number} is there twice")
            )
        expected = each.number + 1
        if each.unreadable:
            yield each.unreadable
            continue
        told = each.document.get("version"), each.document.get("revision")
        if told != (version, each.number):
            yield f"revision {each.number} says that it is revision {told[1]} of version {told[0]}"


def _links(revisions: Sequence[Revision]) -> Iterator[str]:
    if revisions and revisions[0].number == 1 and (said := revisions[0].document.get("previous_sha256")) is not None:
        yield f"revision 1 names one before it ({str(said)[:12]}…)"
    for before, after in pairwise(revisions):
        if after.number != before.number + 1 or after.unreadable:
            continue  # told already
        said = after.document.get("previous_sha256")
        if said != before.sha256:
            yield (
                f"revision {after.number} was written after one with SHA-256 {str(said)[:12]}…, but revision "
                f"{before.number} has {before.sha256[:12]}…"
            )


def _changes(revisions: Iterable[Revision]) -> Iterator[str]:
    for each in revisions:
        if each.copies:
            times = "once" if each.copies == 1 else f"{each.copies} times"
            yield f"revision {each.number} was overwritten {times}; its first S3 version is {each.version_id}"
        if each.deleted:
            yield f"revision {each.number} was deleted; its S3 version {each.version_id} is still there"


def _others(revisions: Sequence[Revision], noted: Mapping[int, str]) -> Iterator[str]:
    """Revisions that are not those of the ledger, and the newest ones of the ledger that are gone."""
    found = {each.number: each.sha256 for each in revisions}
    for number, sha256 in sorted(noted.items()):
        if number in found and found[number] != sha256:
            yield f"revision {number} is not the one with SHA-256 {sha256[:12]}… that the ledger has"
        if number > max(found, default=0):
            yield f"revision {number} is missing, which the ledger has"
