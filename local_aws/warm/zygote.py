"""The warm interpreter: `python zygote.py <number of the server's socket>`; imports packages, and forks rooms.

A request is the names of packages (`packages.MODULES`) separated by spaces, or ".", with a socket of the room and the
ends of its pipes: stdin and what is stdout and stderr of a container, or stdin, stdout and stderr of a function, which
is one process and no room. On the room's socket the zygote answers with the process id (4 bytes), which by then is its
group's as well. When the room has ended it says so (1 byte), still unreaped, so that its group can be killed; told to
(1 byte), or when that socket closes, it reaps it and answers with the exit code (1 byte). When the server's socket
closes, every group is killed.

A fork takes only one thread along. So a package that starts threads when it is imported is answered with 0 and its
name, and this zygote forks no more.
"""

from __future__ import annotations

import sys

BARE = frozenset(sys.modules)  # what every interpreter has, before this one imports anything
sys.path[0] = sys.path[0].rpartition("/local_aws/")[0]

import contextlib  # noqa: E402
import gc  # noqa: E402
import importlib  # noqa: E402
import os  # noqa: E402
import selectors  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402

from local_aws.warm import become, endpoints, function  # noqa: E402
from local_aws.warm.call import Call  # noqa: E402
from local_aws.warm.packages import MODULES  # noqa: E402
from local_aws.warm.room import Room  # noqa: E402

del sys.path[0]

_LARGEST_REQUEST = 1024
_MOST_ENDS = 4


class Zygote:
    def __init__(self, server: socket.socket) -> None:
        self._server = server
        self._known: set[str] = set()
        self._rooms: dict[int, socket.socket] = {}
        self._ended_ones: set[int] = set()
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        for end in (self._wake, self._woken):
            end.setblocking(False)

    def serve(self) -> Call:
        """Never returns here; in a fork, with what that has to run."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._server, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._server:
                    if (call := self._requested()) is not None:
                        return call
                elif key.fileobj is self._wake:
                    self._ended()
                else:
                    self._reap(key.data)

    def _requested(self) -> Call | None:
        text, ends, _, _ = socket.recv_fds(self._server, _LARGEST_REQUEST, _MOST_ENDS)
        if not text:
            for pid in self._rooms:
                _kill(pid)
            os._exit(0)
        room = socket.socket(fileno=ends[0])
        for name in text.decode().split():
            if not self._imported(name):
                room.send(bytes(4) + name.encode())
                room.close()
                for end in ends[1:]:
                    os.close(end)
                return None
        led, leads = os.pipe()
        pid = os.fork()
        if pid == 0:
            return self._enter(room, ends[1:], [led, leads])
        for end in (*ends[1:], leads):
            os.close(end)
        os.read(led, 1)  # ends when it leads its group: a stop may come as soon as its id is told
        os.close(led)
        self._rooms[pid] = room
        self._selector.register(room, selectors.EVENT_READ, pid)
        with contextlib.suppress(OSError):
            room.send(pid.to_bytes(4, "big"))
        return None

    def _enter(self, room: socket.socket, streams: list[int], ends: list[int]) -> Call:
        signal.set_wakeup_fd(-1)
        os.setsid()
        for number, end in enumerate((streams[0], streams[1], streams[-1])):
            os.dup2(end, number)
        for end in (*streams, *ends):
            os.close(end)
        self._selector.close()
        for each in (room, self._server, self._wake, self._woken, *self._rooms.values()):
            each.close()
        self._rooms.clear()
        loaded = frozenset(sys.modules) - BARE
        return Room(loaded).live() if len(streams) == 2 else function.begin(loaded)

    def _imported(self, name: str) -> bool:
        """Import the package if it is new; False if that has started a thread."""
        if name in self._known or name not in MODULES:
            return True
        self._known.add(name)
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):  # noqa: PTH123
            for module in MODULES[name]:
                with contextlib.suppress(Exception):  # the job's own import says what is wrong with it
                    importlib.import_module(module)
            if name == "boto3":
                with contextlib.suppress(Exception):
                    endpoints.read()
        # Nothing of it is garbage, and a collection in a fork would copy each page that it looks at.
        gc.collect()
        gc.freeze()
        return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208

    def _ended(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake.recv(4096)
        for pid, room in self._rooms.items():
            if pid in self._ended_ones:
                continue
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                self._ended_ones.add(pid)
                with contextlib.suppress(OSError):
                    room.send(b"e")

    def _reap(self, pid: int) -> None:
        """The server has killed the room's group, or has dropped the room."""
        room = self._rooms.pop(pid)
        self._ended_ones.discard(pid)
        if not room.recv(1):
            _kill(pid)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        with contextlib.suppress(OSError):
            room.send(bytes([code if code >= 0 else 128 - code]))
        self._selector.unregister(room)
        room.close()


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    become.run(Zygote(socket.socket(fileno=int(sys.argv[1]))).serve())
