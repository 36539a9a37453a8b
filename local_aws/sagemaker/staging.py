"""What goes between S3 and a job's folders, with SageMaker's rules for prefixes, manifests and archives."""

import gzip
import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlparse

from botocore.exceptions import ClientError


class StagingError(Exception):
    """Data could not be brought in or out; the message is what AWS puts after "ClientError: "."""


class NothingFoundError(StagingError):
    """No object is where objects should be."""


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI; StagingError for anything else."""
    parts = urlparse(uri, allow_fragments=False)
    if parts.scheme != "s3" or not parts.netloc:
        raise StagingError(f"{uri!r} is not an S3 URI (s3://bucket/key)")
    return parts.netloc, uri.removeprefix(f"s3://{parts.netloc}").removeprefix("/")


def read(s3: Any, uri: str) -> bytes:
    """The content of one object."""
    bucket, key = split(uri)
    try:
        content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        raise StagingError(f"{uri}: {_why(error)}") from error
    return content


def download(s3: Any, uri: str, folder: Path, data_type: str = "S3Prefix") -> list[Path]:
    """Bring what `uri` names into `folder` and return the files; StagingError if there is nothing.

    S3Prefix takes every key that starts with the prefix (API reference, S3DataSource): keys below "<prefix>/" keep
    their path from there, others, such as the one object with exactly that key, their path from the last "/" on.
    ManifestFile names a JSON list: a first element {"prefix": …}, then keys relative to it.
    """
    is_manifest = data_type == "ManifestFile"
    sources = list(_manifest(json.loads(read(s3, uri)), uri) if is_manifest else _below(s3, uri))
    if not sources:
        raise NothingFoundError(f"No S3 objects found under S3 URL {uri!r}")
    folder.mkdir(parents=True, exist_ok=True)
    return [_fetch(s3, bucket, key, folder, relative) for bucket, key, relative in sources]


def upload(s3: Any, folder: Path, uri: str) -> None:
    """Put every file below `folder` under the prefix `uri`, with its relative path; an empty folder leaves nothing."""
    bucket, prefix = split(uri)
    prefix = prefix.rstrip("/")
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        relative = path.relative_to(folder).as_posix()
        put(s3, path, f"s3://{bucket}/{prefix}/{relative}" if prefix else f"s3://{bucket}/{relative}")


def put(s3: Any, path: Path, uri: str, kms_key: str | None = None) -> None:
    """Put one file at exactly `uri`, encrypted with the key if one is given."""
    bucket, key = split(uri)
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
    try:
        with path.open("rb") as file:
            s3.put_object(Bucket=bucket, Key=key, Body=file, **encryption)
    except ClientError as error:
        raise StagingError(f"{uri}: {_why(error)}") from error


def pack(folder: Path, archive: Path) -> Path:
    """A .tar.gz of what is in `folder`: the same files give the same bytes (sorted, no times, no owners)."""
    with (
        archive.open("wb") as raw,
        # Level 6 takes half the time of the default 9 and compresses model files as well.
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder).as_posix(), recursive=False, filter=_anonymous)
    return archive


def unpack(archive: bytes, folder: Path) -> None:
    """Extract a tar archive, refusing members that would land outside `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            extract(tar, folder)
    except tarfile.TarError as error:
        raise StagingError(f"not a tar archive that can be extracted: {error}") from error


def extract(tar: tarfile.TarFile, folder: Path) -> None:
    """Extract all members; TarError for one that would land outside `folder`.

    The standard library's filter came with Python 3.11.4, and distributions still carry older ones.
    """
    if hasattr(tarfile, "data_filter"):
        tar.extractall(folder, filter="data")
        return
    for member in tar.getmembers():
        name = Path(member.name)
        if name.is_absolute() or ".." in name.parts or not (member.isfile() or member.isdir()):
            raise tarfile.TarError(f"{member.name!r} is no file or folder below the archive's root")
    tar.extractall(folder)  # noqa: S202 - checked above


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mtime = entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _below(s3: Any, uri: str) -> Iterator[tuple[str, str, str]]:
    bucket, prefix = split(uri)
    try:
        pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix))
    except ClientError as error:
        raise StagingError(f"{uri}: {_why(error)}") from error
    parent = prefix.rpartition("/")[0]
    for key in (item["Key"] for page in pages for item in page.get("Contents", [])):
        if key.endswith("/"):
            continue  # the marker that the console writes for an empty folder
        inside = key.startswith(f"{prefix}/") or prefix.endswith("/") or not prefix
        base = prefix if inside else parent
        yield bucket, key, key.removeprefix(base).lstrip("/")


def _manifest(manifest: Any, uri: str) -> Iterator[tuple[str, str, str]]:
    if not (isinstance(manifest, list) and manifest and isinstance(manifest[0], dict) and "prefix" in manifest[0]):
        raise StagingError(f"{uri}: not a manifest: its first element must be {{'prefix': 's3://…'}}")
    bucket, prefix = split(manifest[0]["prefix"])
    for relative in manifest[1:]:
        yield bucket, prefix + relative, relative


def _fetch(s3: Any, bucket: str, key: str, folder: Path, relative: str) -> Path:
    if ".." in PurePosixPath(relative).parts:
        raise StagingError(f"s3://{bucket}/{key}: a key with '..' cannot become a file")
    target = folder / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    except ClientError as error:
        raise StagingError(f"s3://{bucket}/{key}: {_why(error)}") from error
    with target.open("wb") as file:
        shutil.copyfileobj(body, file)
    return target


def _why(error: ClientError) -> str:
    answer = error.response["Error"]
    return f"{answer.get('Code')} ({answer.get('Message')})"
