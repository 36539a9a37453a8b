"""The server's side: starts a zygote when the first container or function starts, and asks it for rooms.

Jobs and functions have a zygote each: its environment is what their new interpreters would have, so that what is read
at a start is the same, and no function finds a package imported that only jobs use.
"""

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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from local_aws.warm import call

log = logging.getLogger(__name__)

VARIABLE = "LOCAL_AWS_WARM"
"""Set to 0, every job, container and function is a new interpreter."""

_ZYGOTE = Path(__file__).with_name("zygote.py")
_KILLED = 128 + signal.SIGKILL
_PID, _LONGEST_NAME = 4, 64
_DEATHS = 3
_KEPT = ("HOME", "LC_ALL", "PATH")


class Room:
    """A fork of the zygote: a container's first process, with the methods of `container.Launched`, or a function.

    stderr: a function's; a container's goes where its stdout goes.
    """

    def __init__(self, connection: socket.socket, streams: Sequence[IO[bytes]], zygote: _Zygote) -> None:
        self.pid, self.streams = 0, streams
        self.stdin, self.stdout, self.stderr = streams[0], streams[1], streams[-1]
        self._connection = connection
        self._zygote = zygote  # one that is retired lives as long as its rooms

    def wait_for_end(self) -> None:
        """Until the process has ended; it is not reaped, so that its id stays its own."""
        with contextlib.suppress(OSError):
            self._connection.recv(1)

    def has_ended(self) -> bool:
        """To be asked until it says yes, and not again; the process is not reaped."""
        try:
            self._connection.recv(1, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True

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
        self.rooms: set[object] = set()
        """Those that it has, and whoever asks it for one now."""
        self.forks = True
        self.refused = ""
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

    def room(self, packages: list[str], outputs: int) -> Room | None:
        """None where the zygote has ended, or forks no more; outputs: 1 where stderr goes where stdout goes, or 2."""
        own, its = socket.socketpair()
        pipes = [os.pipe() for _ in range(1 + outputs)]
        given = [pipes[0][0], *(write for _, write in pipes[1:])]
        kept: list[IO[bytes]] = [os.fdopen(pipes[0][1], "wb"), *(os.fdopen(read, "rb") for read, _ in pipes[1:])]
        room = Room(own, kept, self)
        try:
            with contextlib.suppress(OSError):  # of a zygote that has ended: `own` tells, below
                request = " ".join(packages) or "."
                socket.send_fds(self._socket, [request.encode()], [its.fileno(), *given])
        finally:
            its.close()
            for each in given:
                os.close(each)
        with contextlib.suppress(OSError):
            if pid := int.from_bytes(own.recv(_PID, socket.MSG_WAITALL), "big"):
                room.pid = pid
                self.rooms.add(room)
                return room
            if name := own.recv(_LONGEST_NAME).decode():
                self.refused = name
                self.forks = False
        own.close()
        for stream in kept:
            stream.close()
        return None

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


class Warm:
    """A zygote at a time, started when it is needed; another one where packages were installed or removed since it
    began, or the environment changed."""

    def __init__(self, who: str, outputs: int, environment: Callable[[], dict[str, str]]) -> None:
        self.who = who
        self.environment = environment
        self.zygote: _Zygote | None = None
        self.refused: set[str] = set()
        """Packages that start threads when they are imported."""
        self.deaths = 0
        self._outputs = outputs
        self._lock = threading.Lock()
        self._retired: list[_Zygote] = []

    def start(self, packages: list[str]) -> Room | None:
        """A room that waits for its specification on stdin, or None: start a new interpreter.

        packages: those to be there before it starts; the zygote imports what it has not yet.
        """
        if not sys.platform.startswith("linux") or os.environ.get(VARIABLE) == "0" or self.deaths >= _DEATHS:
            return None
        with self._asked() as zygote:
            room = zygote.room([name for name in packages if name not in self.refused], self._outputs)
            if zygote.refused and zygote.refused not in self.refused:
                self.refused.add(zygote.refused)
                log.info("%s starts threads when it is imported; %s import it themselves", zygote.refused, self.who)
            if room is None and zygote.forks:
                self._forget(zygote)
        return room

    def stop(self) -> None:
        """End the zygotes, and with them what runs in their rooms; the next `start` makes a new one."""
        with self._lock:
            ending, self.zygote = [*self._retired, *([self.zygote] if self.zygote else [])], None
            self._retired.clear()
        for each in ending:
            each.close()

    @contextlib.contextmanager
    def _asked(self) -> Iterator[_Zygote]:
        """The zygote; it is not closed meanwhile, though it has no room yet and others may be told to use a new one."""
        asking = object()
        with self._lock:
            environment = self.environment()
            if self.zygote is not None and not (
                self.zygote.forks and self.zygote.installed == _installed() and self.zygote.environment == environment
            ):
                self._retired.append(self.zygote)  # its rooms may be in use
                self.zygote = None
            for each in [each for each in self._retired if not each.rooms]:
                self._retired.remove(each)
                each.close()
            if self.zygote is None:
                self.zygote = _Zygote(environment)
            zygote = self.zygote
            zygote.rooms.add(asking)
        try:
            yield zygote
        finally:
            zygote.rooms.discard(asking)

    def _forget(self, zygote: _Zygote) -> None:
        with self._lock:
            if self.zygote is not zygote:
                return
            self.zygote = None
            self.deaths += 1
        log.warning("the interpreter that %s are forked from has ended; this one starts by itself", self.who)
        zygote.close()


def _of_jobs() -> dict[str, str]:
    """As `Container` makes it, where it matters to an interpreter's start."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    fixed = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
    return {"LANG": os.environ.get("LANG", "C.UTF-8"), **kept, **fixed}


def _of_functions() -> dict[str, str]:
    """The server's, which functions inherit, where it matters to an interpreter's start."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | call.read_at_start(os.environ)


def _installed() -> dict[str, int]:
    """When each folder of installed packages last changed."""
    folders = [Path(each) for each in sys.path if each.endswith(("site-packages", "dist-packages"))]
    return {str(each): each.stat().st_mtime_ns for each in folders if each.is_dir()}


jobs = Warm("jobs", 1, _of_jobs)
functions = Warm("functions", 2, _of_functions)


def start(packages: list[str]) -> Room | None:
    """A room for a container, or None: start a new interpreter. packages: `packages.named_below` its code."""
    return jobs.start(packages)


def stop() -> None:
    """End all zygotes, and what runs in their rooms."""
    for each in (jobs, functions):
        each.stop()


atexit.register(stop)
