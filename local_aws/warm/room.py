"""One container's first process, a fork of the zygote: `/opt/ml`, the command, and a warm Python for each `python3`.

It leads a session and a process group of its own, in which all that the container starts stays: killing the group ends
it. Its stdin is that of `launcher.py`; when that ends, the server is gone, and the group is killed. It has one thread,
since it forks. Exit code: the command's, or 128 + signal.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import secrets
import selectors
import shlex
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from local_aws.sagemaker.launcher import execute, fork_command, show_at_opt_ml
from local_aws.warm import become, call

_STUB = Path(__file__).with_name("stub.py")
_LENGTH = 8
_PYTHONS = (*call.NAMES, sys.executable)


class Room:
    """loaded: the names of modules that a new interpreter would not have."""

    def __init__(self, loaded: frozenset[str]) -> None:
        self._loaded = loaded
        self._command = 0
        self._forks: dict[int, socket.socket] = {}
        self._open: list[socket.socket] = []
        self._selector = selectors.DefaultSelector()
        self._address = f"local-aws-{os.getpid()}-{secrets.token_hex(16)}"

    def live(self) -> call.Call:
        """Never returns in the room itself; in a fork of it, with what that has to run."""
        spec = specification()
        if spec["opt_ml"] is not None:
            show_at_opt_ml(spec["opt_ml"], spec["mount_point"])
        self._wake, woken = socket.socketpair()
        for end in (self._wake, woken):
            end.setblocking(False)
        self._open += [self._wake, woken]
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
        own = None
        if spec["argv"][0] in _PYTHONS:
            own = self._parsed(spec["argv"], spec["env"], spec["cwd"])
        else:
            self._listen(spec)
        self._command = fork_command()
        if self._command == 0:
            self._leave()
            if own is not None:
                _no_input()
                become.settle(spec["env"], spec["cwd"])
                return own
            become.settle(os.environ.copy(), "/")
            execute(spec)  # never returns
        self._selector.register(0, selectors.EVENT_READ, self._input)
        self._selector.register(self._wake, selectors.EVENT_READ, self._ended)
        return self._serve()

    def _serve(self) -> call.Call:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj in self._selector.get_map() and (became := key.data(key.fileobj)) is not None:
                    return became  # type: ignore[no-any-return]

    def _listen(self, spec: dict[str, Any]) -> None:
        """Put a `python3` that asks this room at the head of the command's PATH."""
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"\0{self._address}")
        listener.listen()
        self._open.append(listener)
        self._selector.register(listener, selectors.EVENT_READ, self._asked)
        folder = Path(spec["mount_point"]).with_name("bin")
        folder.mkdir(exist_ok=True)
        start = shlex.join([sys.executable, "-I", "-S", str(_STUB), self._address])
        for name in call.NAMES:
            (folder / name).write_text(f'#!/bin/sh\nexec {start} {name} "$@"\n')
            (folder / name).chmod(0o700)
        spec["env"]["PATH"] = f"{folder}{os.pathsep}{spec['env'].get('PATH', os.defpath)}"

    def _parsed(self, argv: list[str], environment: dict[str, str], cwd: str) -> call.Call | None:
        return call.parse(argv, environment, cwd, self._loaded)

    def _input(self, _stdin: int) -> None:
        if not os.read(0, 4096):
            os.killpg(0, signal.SIGKILL)

    def _ended(self, wake: socket.socket) -> None:
        """Something ended: a fork, whose stub is told, the command, or what they left behind."""
        with contextlib.suppress(BlockingIOError):
            wake.recv(4096)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._command:
                code = os.waitstatus_to_exitcode(status)
                os._exit(code if code >= 0 else 128 - code)
            if stub := self._forks.pop(pid, None):
                with contextlib.suppress(OSError):
                    stub.send(status.to_bytes(4, "big"))
                self._close(stub)

    def _asked(self, listener: socket.socket) -> call.Call | None:
        """Fork for a stub; in the fork, what it is to run."""
        stub, _ = listener.accept()
        streams: list[int] = []
        try:
            pid = _same_user(stub)
            length, streams, _, _ = socket.recv_fds(stub, _LENGTH, 3)
            request = marshal.loads(_receive(stub, int.from_bytes(length, "big")))  # noqa: S302 - of stub.py
            wanted = self._parsed(request["argv"], request["env"], request["cwd"]) if _is_ordinary(pid) else None
            if wanted is None:
                stub.close()
                return None
            child = fork_command()
        except (OSError, ValueError, EOFError):
            stub.close()
            child = -1
        if child == 0:
            stub.close()
            self._leave()
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
            os.umask(request["umask"])
            become.settle(request["env"], request["cwd"])
        for stream in streams:
            os.close(stream)
        if child == 0:
            return wanted
        if child > 0:
            stub.send(b"\1")
            self._forks[child] = stub
            self._open.append(stub)
            self._selector.register(stub, selectors.EVENT_READ, self._signalled)
        return None

    def _signalled(self, stub: socket.socket) -> None:
        """Pass on the signal that a stub got; a stub that was killed takes its fork with it."""
        pid = next((pid for pid, each in self._forks.items() if each is stub), 0)
        try:
            numbers = stub.recv(16)
        except OSError:
            numbers = b""
        for number in numbers or bytes([signal.SIGKILL]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if not numbers:
            del self._forks[pid]
            self._close(stub)

    def _close(self, stub: socket.socket) -> None:
        self._selector.unregister(stub)
        self._open.remove(stub)
        stub.close()

    def _leave(self) -> None:
        """In a fork: nothing of the room stays open."""
        signal.set_wakeup_fd(-1)
        self._selector.close()
        for each in self._open:
            each.close()


def _is_ordinary(pid: int) -> bool:
    """Whether a fork of the room would have the limits, ignored signals and group that this process has."""
    mine, its = Path("/proc/self"), Path(f"/proc/{pid}")
    return (
        (mine / "limits").read_text() == (its / "limits").read_text()
        and os.getpgid(pid) == os.getpgid(0)
        and _ignored(its) == _ignored(mine) & ~(1 << (signal.SIGTERM - 1))
    )


def _ignored(process: Path) -> int:
    lines = (process / "status").read_text().splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith("SigIgn"))


def _same_user(stub: socket.socket) -> int:
    """The process id of the other side; OSError if it is another user's."""
    credentials = stub.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    pid, uid = (int.from_bytes(credentials[at : at + 4], sys.byteorder) for at in (0, 4))
    if uid != os.getuid():
        raise PermissionError(f"user {uid}")
    return pid


def specification() -> dict[str, Any]:
    """What the server says first on stdin."""
    return marshal.loads(_read(0, int.from_bytes(_read(0, _LENGTH), "big")))  # type: ignore[no-any-return]  # noqa: S302


def _no_input() -> None:
    devnull = os.open(os.devnull, os.O_RDONLY)
    os.dup2(devnull, 0)
    os.close(devnull)


def _read(number: int, length: int) -> bytes:
    data = b""
    while len(data) < length:
        part = os.read(number, length - len(data))
        if not part:
            os._exit(128 + signal.SIGKILL)  # the server is gone before it had said what to do
        data += part
    return data


def _receive(stub: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        part = stub.recv(length - len(data))
        if not part:
            raise EOFError
        data += part
    return data
