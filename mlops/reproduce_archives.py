"""Whether two model archives hold the same: member by member, since archives tell when they were packed."""

import hashlib
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

_CHUNK = 1024 * 1024
WHOLE = "(the whole file)"
"""The one member of what is no archive."""


@dataclass(frozen=True)
class Comparison:
    """Members of both by name: how many are the same bit for bit, which differ, which only one of them has."""

    same: int
    differing: tuple[str, ...]
    only_before: tuple[str, ...]
    only_again: tuple[str, ...]

    @property
    def equal(self) -> bool:
        return not (self.differing or self.only_before or self.only_again)


def members(archive: IO[bytes]) -> dict[str, str]:
    """SHA-256 of each member by its name, of links where they lead; nothing is unpacked."""
    try:
        with tarfile.open(fileobj=archive, mode="r:*") as opened:
            return {member.name.removeprefix("./"): _digest(opened, member) for member in opened if not member.isdir()}
    except tarfile.ReadError:
        archive.seek(0)
        return {WHOLE: _hash(archive)}


def compare(before: Mapping[str, str], again: Mapping[str, str]) -> Comparison:
    """By what `members` gives for each."""
    both = before.keys() & again.keys()
    return Comparison(
        same=sum(before[name] == again[name] for name in both),
        differing=tuple(sorted(name for name in both if before[name] != again[name])),
        only_before=tuple(sorted(before.keys() - again.keys())),
        only_again=tuple(sorted(again.keys() - before.keys())),
    )


def _digest(opened: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    content = opened.extractfile(member) if member.isreg() else None
    return _hash(content) if content else f"{member.type!r} {member.linkname}"


def _hash(content: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := content.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
