"""Unpack a model.tar.gz, which somebody else may have made."""

from __future__ import annotations

import tarfile
from pathlib import Path


def extract(archive: Path, folder: Path) -> Path:
    """Unpack a model.tar.gz; TarError for a member that would leave `folder`."""
    with tarfile.open(archive) as members:
        if hasattr(tarfile, "data_filter"):
            members.extractall(folder, filter="data")
        else:
            _extract_checked(members, folder)
    return folder


def _extract_checked(members: tarfile.TarFile, folder: Path) -> None:
    """For Python before 3.11.4, or 3.10.12, whose standard library has no filter."""
    for member in members.getmembers():
        name = Path(member.name)
        if name.is_absolute() or ".." in name.parts or not (member.isfile() or member.isdir()):
            raise tarfile.TarError(f"{member.name!r} is no file or folder below the archive's root")
    members.extractall(folder)  # noqa: S202 - checked above
