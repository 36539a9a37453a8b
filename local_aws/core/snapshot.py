"""Serialized state: pickles whose large byte strings are kept apart, once, under their SHA-256."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LARGE = 4096


@dataclass
class Snapshot:
    """The pickled state of each service, and the large byte strings they refer to by position."""

    services: dict[str, bytes] = field(default_factory=dict)
    blobs: list[bytes] = field(default_factory=list)

    def digest(self) -> str:
        """Equal for equal states."""
        digest = hashlib.sha256()
        for name in sorted(self.services):
            digest.update(name.encode())
            digest.update(self.services[name])
        for blob in self.blobs:
            digest.update(len(blob).to_bytes(8, "big"))
            digest.update(id(blob).to_bytes(8, "big"))
        return digest.hexdigest()


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, blobs: list[bytes]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._blobs = blobs

    def persistent_id(self, value: Any) -> int | None:
        if type(value) is bytes and len(value) >= _LARGE:
            self._blobs.append(value)
            return len(self._blobs) - 1
        return None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, read: Callable[[int], bytes]) -> None:
        super().__init__(file)
        self._read = read

    def persistent_load(self, pid: Any) -> bytes:
        return self._read(int(pid))


def dump(state: Any, blobs: list[bytes] | None = None) -> bytes:
    """`state` pickled; with `blobs`, its large byte strings are appended to that list instead.

    Looking for them takes several times as long as pickling does.
    """
    if blobs is None:
        return pickle.dumps(state, protocol=pickle.HIGHEST_PROTOCOL)
    file = io.BytesIO()
    _Pickler(file, blobs).dump(state)
    return file.getvalue()


def load(data: bytes, read: Callable[[int], bytes]) -> Any:
    """The state that `dump` was given; `read` returns the byte string of a position in `blobs`.

    Only what this server wrote into its own state directory is loaded.
    """
    return _Unpickler(io.BytesIO(data), read).load()


def write_durably(path: Path, data: bytes) -> None:
    """Write a file that is on the disk before it can be renamed into place: a power cut leaves all of it or nothing."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


class Blobs:
    """A folder of byte strings under their SHA-256."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # The hash of every string of the last snapshot; holding the string keeps its id its own.
        self._known: dict[int, tuple[bytes, str]] = {}

    def write(self, blobs: list[bytes]) -> list[str]:
        """Store what is not stored yet; the hashes in order."""
        self._folder.mkdir(parents=True, exist_ok=True)
        known: dict[int, tuple[bytes, str]] = {}
        for blob in blobs:
            known[id(blob)] = self._known.get(id(blob)) or (blob, self._stored(blob))
        self._known = known
        return [known[id(blob)][1] for blob in blobs]

    def _stored(self, blob: bytes) -> str:
        name = hashlib.sha256(blob).hexdigest()
        path = self._folder / name
        if not path.exists():
            new = path.with_suffix(".new")
            write_durably(new, blob)
            new.rename(path)
        return name

    def keep(self, names: set[str]) -> None:
        """Delete every other blob."""
        for path in self._folder.iterdir():
            if path.name not in names:
                path.unlink(missing_ok=True)

    def reader(self, names: list[str]) -> Callable[[int], bytes]:
        """Reads the blob of a position; the same object for the same hash."""
        read: dict[str, bytes] = {}

        def reader(position: int) -> bytes:
            name = names[position]
            if name not in read:
                read[name] = (self._folder / name).read_bytes()
            return read[name]

        return reader
