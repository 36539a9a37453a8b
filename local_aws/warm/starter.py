"""The server's side of warm jobs: starts the zygote when the first container starts, and asks it for rooms."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

log = logging.getLogger(__name__)

VARIABLE = "LOCAL_AWS_WARM"
"""Set to 0, every job and container is a new interpreter."""

_ZYGOTE = Path(__file__).with_name("zygote.py")
_KILLED = 128 + signal.SIGKILL
_PID, _LONGEST_NAME = 4, 64
_DEATHS = 3
_KEPT = ("HOME", "LC_ALL", "PATH")


class Room:
    """A container's first process; a child of the zygote, with the methods of `container.Launched`."""

    def __init__(self, connection: socket.socket, stdin: IO[bytes], stdout: IO[bytes], zygote: _Zygote) -> None:
        self.pid, self.stdin, self.stdout = 0, stdin, stdout
        self._connection = connection
        self._zygote = zygote  # one that is retired lives as long as its rooms

    def wait_for_end(self) -> None:
        """Until the process has ended; it is not reaped, so that its id stays its own."""
        with contextlib.suppress(OSError):
            self._connection.recv(1)

    def reap(self) -> int:
        """The exit code; that of a kill, if the zygote has ended."""
        try:
            self._connection.send(b"r")
            code = self._connection.recv(1)
        except OSError:
            code = b""
        self._connection.close()
        self._zygote.rooms.discard(self)
        return code[0] if code else _KILLED


class _Zygote:
    def __init__(self, environment: dict[str, str]) -> None:
        self.installed = _installed()
        self.environment = environment
        self.rooms: set[Room] = set()
        self.forks = True
        self._socket, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            self._process = subprocess.Popen(
                [sys.executable, str(_ZYGOTE), str(its.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=environment,
                pass_fds=[its.fileno()],
                start_new_session=True,
                cwd="/",
            )

    def room(self, packages: list[str]) -> Room | None:
        """None where the zygote has ended, or forks no more."""
        own, its = socket.socketpair()
        (stdin, to_stdin), (from_stdout, stdout) = os.pipe(), os.pipe()
        room = Room(own, os.fdopen(to_stdin, "wb"), os.fdopen(from_stdout, "rb"), self)
        try:
            with contextlib.suppress(OSError):  # of a zygote that has ended: `own` tells, below
                request = " ".join(packages) or "."
                socket.send_fds(self._socket, [request.encode()], [its.fileno(), stdin, stdout])
        finally:
            its.close()
            os.close(stdin)
            os.close(stdout)
        with contextlib.suppress(OSError):
            if pid := int.from_bytes(own.recv(_PID, socket.MSG_WAITALL), "big"):
                room.pid = pid
                self.rooms.add(room)
                return room
            if name := own.recv(_LONGEST_NAME).decode():
                _refused.add(name)
                self.forks = False
                log.info("%s starts threads when it is imported; jobs import it themselves", name)
        own.close()
        room.stdin.close()
        room.stdout.close()
        return None

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


_lock = threading.Lock()
_zygote: _Zygote | None = None
_retired: list[_Zygote] = []
_refused: set[str] = set()
_deaths = 0


def start(packages: list[str]) -> Room | None:
    """A room that waits for its specification on stdin, or None: start a new interpreter.

    packages: what the container's code imports (`packages.named_below`); the zygote imports what it has not yet.
    """
    if not sys.platform.startswith("linux") or os.environ.get(VARIABLE) == "0" or _deaths >= _DEATHS:
        return None
    zygote = _current()
    room = zygote.room([name for name in packages if name not in _refused])
    if room is None and zygote.forks:
        _forget(zygote)
    return room


def stop() -> None:
    """End the zygotes, and with them what runs in their rooms; the next `start` makes a new one."""
    global _zygote
    with _lock:
        ending, _zygote = [*_retired, *([_zygote] if _zygote else [])], None
        _retired.clear()
    for each in ending:
        each.close()


atexit.register(stop)


def _current() -> _Zygote:
    """The zygote; another one where packages were installed or removed since it began, or the environment changed."""
    global _zygote
    with _lock:
        environment = _environment()
        if _zygote is not None and not (
            _zygote.forks and _zygote.installed == _installed() and _zygote.environment == environment
        ):
            _retired.append(_zygote)  # its rooms may be in use
            _zygote = None
        for each in [each for each in _retired if not each.rooms]:
            _retired.remove(each)
            each.close()
        if _zygote is None:
            _zygote = _Zygote(environment)
        return _zygote


def _forget(zygote: _Zygote) -> None:
    global _zygote, _deaths
    with _lock:
        if _zygote is not zygote:
            return
        _zygote = None
        _deaths += 1
    log.warning("the interpreter that jobs are forked from has ended; this job starts by itself")
    zygote.close()


def _environment() -> dict[str, str]:
    """As `children.environment` has it, where it matters to an interpreter's start."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    fixed = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
    return {"LANG": os.environ.get("LANG", "C.UTF-8"), **kept, **fixed}


def _installed() -> dict[str, int]:
    """When each folder of installed packages last changed."""
    folders = [Path(each) for each in sys.path if each.endswith(("site-packages", "dist-packages"))]
    return {str(each): each.stat().st_mtime_ns for each in folders if each.is_dir()}
