"""A Lambda function's process as `subprocess.Popen` would show it."""

from __future__ import annotations

import contextlib
import io
import marshal
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence

from local_aws.warm import starter

_PACKAGES = ["boto3"]
"""The worker of each function imports botocore. What else the code names may start threads, without OMP_NUM_THREADS."""

_LONGEST_PAUSE = 0.05


def start(argv: Sequence[str], cwd: str, env: Mapping[str, str], folders: Sequence[str]) -> Process | None:
    """`argv`, a call of this Python, as a fork of the warm interpreter; None: start it by `subprocess.Popen`.

    folders: those that the call will add to sys.path.
    """
    room = starter.functions.start(_PACKAGES)
    if room is None:
        return None
    data = marshal.dumps({"argv": list(argv), "cwd": cwd, "env": dict(env), "folders": list(folders)})
    with contextlib.suppress(BrokenPipeError):  # it has ended: who reads its stdout sees that
        room.stdin.write(len(data).to_bytes(8, "big") + data)
        room.stdin.flush()
    return Process(room)


class Process:
    """Text streams, as of `Popen(text=True, bufsize=1)`; returncode: as a shell gives it, 128 + signal."""

    def __init__(self, room: starter.Room) -> None:
        self.pid = room.pid
        self.stdin = io.TextIOWrapper(room.stdin, write_through=True, line_buffering=True)
        self.stdout = io.TextIOWrapper(room.stdout)
        self.stderr = io.TextIOWrapper(room.stderr)
        self.returncode: int | None = None
        self._room = room
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        with self._lock:
            if self.returncode is None and self._room.has_ended():
                self._signal_group()  # what it left behind; not reaped yet, so that the group's id is still its own
                self.returncode = self._room.reap()
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = 0.0005
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired(f"function {self.pid}", timeout or 0.0)
            pause = min(pause * 2, _LONGEST_PAUSE)
            time.sleep(pause)
        return code

    def terminate(self) -> None:
        with self._lock, contextlib.suppress(ProcessLookupError):
            if self.returncode is None:
                os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        with self._lock:
            if self.returncode is None:
                self._signal_group()

    def _signal_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
