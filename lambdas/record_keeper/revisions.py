"""Revisions of a manifest: written once, numbered from 1, each holding the SHA-256 of the bytes of the one before.

Pure. The bytes are JSON on one line with sorted keys, so that the same manifest always has the same hash, and so that
Athena can read the files as they are.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from state import Json

OWN = frozenset({"revision", "previous_sha256", "written_at", "reason"})
"""Members that say something of the revision and not of the version."""

_ABSENT = object()
_KEY = re.compile(r"/revision-(\d{4,})\.json")


class BrokenRevision(Exception):
    """What stands in the evidence bucket is not what was written there: a person must find out why."""


@dataclass(frozen=True)
class Revision:
    """A revision as it is stored."""

    number: int
    body: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    @property
    def document(self) -> Json:
        """Raises BrokenRevision if the bytes are no manifest."""
        try:
            document = json.loads(self.body)
        except ValueError as error:
            raise BrokenRevision(f"revision {self.number}: {error}") from None
        if not isinstance(document, dict) or document.get("revision") != self.number:
            raise BrokenRevision(f"revision {self.number}: is not the manifest that it should be")
        return document


def key(place: str, number: int) -> str:
    """Of a revision, below the version's prefix `place`."""
    return f"{place}revision-{number:04d}.json"


def number_of(key: str) -> int:
    """The number of the revision that a key names; 0 for any other object."""
    match = _KEY.search(key)
    return int(match[1]) if match and key.endswith(match[0]) else 0


def following(manifest: Mapping[str, Any], newest: Revision | None, now: datetime) -> Revision | None:
    """The next revision, or None where the newest one says the same already."""
    before = newest.document if newest else {}
    told = reason(before, manifest)
    if newest and not told:
        return None
    document = {
        **manifest,
        "revision": newest.number + 1 if newest else 1,
        "previous_sha256": newest.sha256 if newest else None,
        "written_at": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "reason": told or "the version was found",
    }
    return Revision(document["revision"], serialized(document))


def reason(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Which members of the manifest changed, in words; "" for none."""
    if not before:
        return "the version was found"
    names = sorted((set(before) | set(after)) - OWN)
    changed = [name for name in names if before.get(name, _ABSENT) != after.get(name, _ABSENT)]
    return f"changed: {', '.join(changed)}" if changed else ""


def serialized(document: Mapping[str, Any]) -> bytes:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()
