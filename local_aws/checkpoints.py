"""Checkpoints: consistent snapshots of all services, to restart from after a kill.

A checkpoint is a folder checkpoints/<number> with one pickle a service and a manifest; large byte
strings (S3 objects, code) lie once in checkpoints/blobs under their SHA-256. It is written under
another name and renamed, so that it is complete or not there.

Consistent means: it is taken on the event loop, where ministack changes its state; with our tables
locked; with the other threads held back for the few milliseconds it takes; and never while a stack
operation runs, since half an operation cannot be continued. A server that is killed during a
deployment goes back to before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import pickle
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from local_aws import seam
from local_aws.core import store
from local_aws.core.snapshot import Blobs, Snapshot, dump, load, write_durably
from local_aws.errors import LocalAwsError

log = logging.getLogger("local_aws.checkpoints")

_FORMAT = 1
_EVERY_SECONDS = 20.0
_AFTER_OPERATION_SECONDS = 1.0
_KEPT = 2
_TABLES = "local_aws"
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, pickle.UnpicklingError, AttributeError, ImportError)


class Saver:
    """Takes checkpoints of the running server, and restores the newest one."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "checkpoints"
        self._blobs = Blobs(self._folder / "blobs")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._saving = threading.Lock()
        self._operating = False
        self._due = time.monotonic() + _EVERY_SECONDS
        self._digest = ""
        self._last: dict[str, object] = {}

    def connect(self, loop: asyncio.AbstractEventLoop) -> None:
        """Snapshots are taken on `loop`."""
        self._loop = loop

    def status(self) -> dict[str, object]:
        """The last checkpoint, for `status`."""
        return {"checkpoint": self._last}

    def tick(self) -> None:
        """Save if something changed: every 20 s, and soon after a stack operation ended."""
        operating = seam.operation_in_progress()
        if self._operating and not operating:
            self._due = min(self._due, time.monotonic() + _AFTER_OPERATION_SECONDS)
        self._operating = operating
        if not operating and time.monotonic() >= self._due:
            # Also where it fails, a full disk for one: the next attempt is not at the next tick.
            self._due = time.monotonic() + _EVERY_SECONDS
            self._save()

    def save_now(self, patience: float) -> dict[str, object]:
        """Save as soon as no stack operation runs; says what was written, or why nothing was."""
        deadline = time.monotonic() + patience
        while not self._save():
            if time.monotonic() > deadline:
                return {"message": "a stack operation is still running; the checkpoint before it stays"}
            time.sleep(0.1)
        return dict(self._last)

    def save_at_end(self, patience: float) -> None:
        """The last checkpoint of an orderly stop."""
        result = self.save_now(patience)
        if "message" in result:
            log.warning("stopped without a new checkpoint: %s", result["message"])

    def _save(self) -> bool:
        """Write a checkpoint unless nothing changed; False while a stack operation runs."""
        assert self._loop is not None
        with self._saving:
            started = time.monotonic()
            future = asyncio.run_coroutine_threadsafe(self._snapshot(), self._loop)
            snapshot = future.result()
            if snapshot is None:
                return False
            paused = time.monotonic() - started
            digest = snapshot.digest()
            if digest != self._digest:
                number = self._write(snapshot)
                self._digest = digest
                self._last = {
                    "number": number,
                    "bytes": sum(map(len, snapshot.services.values())),
                    "snapshot_seconds": round(paused, 3),
                    "seconds": round(time.monotonic() - started, 3),
                }
            return True

    async def _snapshot(self) -> Snapshot | None:
        # The tables' lock is never waited for on the event loop: who holds it may be waiting for us.
        for _ in range(100):
            if seam.operation_in_progress():
                return None
            if store.lock.acquire(blocking=False):
                try:
                    with _alone():
                        return _taken()
                except RuntimeError as error:
                    log.info("snapshot is taken again: %s", error)  # changed size during iteration
                finally:
                    store.lock.release()
            await asyncio.sleep(0.02)
        return None

    def _write(self, snapshot: Snapshot) -> int:
        numbers = self._numbers()
        number = (numbers[-1] if numbers else 0) + 1
        new = self._folder / f"{number}.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        blobs = self._blobs.write(snapshot.blobs)
        for service, data in snapshot.services.items():
            write_durably(new / f"{service}.pickle", data)
        manifest = {"format": _FORMAT, "ministack": version("ministack"), "blobs": blobs}
        write_durably(new / "manifest.json", json.dumps(manifest).encode())
        new.rename(self._folder / str(number))
        kept = [*numbers, number][-_KEPT:]
        for old in set(numbers) - set(kept):
            shutil.rmtree(self._folder / str(old), ignore_errors=True)
        self._blobs.keep({blob for n in kept for blob in self._manifest(n)["blobs"]})
        return number

    def restore(self) -> None:
        """Load the newest checkpoint that can be read; LocalAwsError if there are some and none of them can."""
        damaged: list[str] = []
        for number in reversed(self._numbers()):
            try:
                states = self._read(number)
            except _UNREADABLE as error:
                damaged.append(f"{self._folder / str(number)}: the checkpoint cannot be read ({error})")
                log.warning("%s; trying the one before it", damaged[-1])
                continue
            restore_tables(states.pop(_TABLES, {}))
            seam.restore_services(states)
            self._last = {"number": number}
            return
        if damaged:
            raise LocalAwsError(f"{damaged[0]}; delete {self._folder} to start empty")

    def _read(self, number: int) -> dict[str, Any]:
        """The state of each service; one of _UNREADABLE is raised if anything is missing or of another version."""
        manifest = self._manifest(number)
        if (manifest["format"], manifest["ministack"]) != (_FORMAT, version("ministack")):
            raise ValueError(f"written with ministack {manifest['ministack']}, format {manifest['format']}")
        read = self._blobs.reader(manifest["blobs"])
        files = (self._folder / str(number)).glob("*.pickle")
        return {file.stem: load(file.read_bytes(), read) for file in files}

    def _numbers(self) -> list[int]:
        if not self._folder.is_dir():
            return []
        return sorted(int(entry.name) for entry in self._folder.iterdir() if entry.name.isdecimal())

    def _manifest(self, number: int) -> dict[str, Any]:
        return dict(json.loads((self._folder / str(number) / "manifest.json").read_text()))


def restore_tables(tables: dict[str, dict[store.Key, store.Row]]) -> None:
    """Replace the rows of every table."""
    with store.lock:
        for name, rows in tables.items():
            table = store.table(name)
            table.clear()
            table.update(rows)


def _taken() -> Snapshot:
    snapshot = Snapshot()
    snapshot.services[_TABLES] = dump({name: table.raw() for name, table in store.tables().items()})
    for service, state in seam.service_states().items():
        blobs = snapshot.blobs if service in seam.WITH_LARGE_VALUES else None
        snapshot.services[service] = dump(state, blobs)
    return snapshot


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Keep other threads from running Python code, as long as this one neither waits nor does I/O.

    Garbage is not collected meanwhile: nothing becomes garbage, and looking for it takes as long again.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(5.0)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        sys.setswitchinterval(interval)
