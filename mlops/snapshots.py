"""Training data in the environment's data bucket: `<data_prefix>/until=<last day>/<any name>/`, as the retraining
controller looks for them too (docs/retraining.md)."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from mlops.errors import UsageError

_UNTIL = re.compile(r"until=(\d{4}-\d\d-\d\d)/")
_NOTES = (".md", ".txt")
"""What lies beside data and is none; a step would not read it, and its change must not look like one of the data."""
_DIGITS = 12


@dataclass(frozen=True)
class Snapshots:
    """The snapshots of one model; `prefix` without the slash at its end."""

    s3: Any
    bucket: str
    prefix: str

    def upload(self, folder: Path, until: date) -> str:
        """Put the files of a folder as the snapshot of that day; returns its URI.

        SageMaker's step cache compares addresses, so the address is made from the content: the same files are not
        uploaded twice, whatever the day. Raises UsageError if there is no file.
        """
        files = _files(folder)
        name = _digest(folder, files)
        for prefix in self._days():
            if self._keys(f"{prefix}{name}/"):
                return f"s3://{self.bucket}/{prefix}{name}/"
        prefix = f"{self.prefix}/until={until:%Y-%m-%d}/{name}/"
        for file in files:
            self.s3.put_object(
                Bucket=self.bucket, Key=prefix + file.relative_to(folder).as_posix(), Body=file.read_bytes()
            )
        return f"s3://{self.bucket}/{prefix}"

    def newest(self) -> str:
        """URI of the newest `until=`, and in it of the folder that was written last; "" if there is none."""
        for prefix in self._days():
            written: dict[str, datetime] = {}
            for entry in self._keys(prefix):
                inside, slash, _ = entry["Key"].removeprefix(prefix).partition("/")
                inside = f"{inside}/" if slash else ""
                written[inside] = max(entry["LastModified"], written.get(inside, entry["LastModified"]))
            if written:
                newest = max(written, key=lambda inside: (inside != "", written[inside], inside))
                return f"s3://{self.bucket}/{prefix}{newest}"
        return ""

    def _days(self) -> list[str]:
        """Prefixes of the days that have a snapshot, the newest first."""
        root = f"{self.prefix}/"
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{root}until=", Delimiter="/"
        )
        found = (entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", []))
        return sorted((each for each in found if _UNTIL.fullmatch(each.removeprefix(root))), reverse=True)

    def _keys(self, prefix: str) -> list[dict[str, Any]]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [entry for page in pages for entry in page.get("Contents", []) if not entry["Key"].endswith("/")]


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UsageError(f"--data {folder}: no such folder; give a folder with the files, or s3://<bucket>/<prefix>/")
    files = sorted(_data_files(folder))
    if not files:
        raise UsageError(f"--data {folder}: holds no file of data; put the CSV file into it")
    return files


def _data_files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and path.suffix not in _NOTES:
            yield path


def _digest(folder: Path, files: Sequence[Path]) -> str:
    """Of names and contents: what the address of a snapshot is made of."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(folder).as_posix()}\n".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:_DIGITS]
