"""The `python3` on the PATH of a container's command: `python -I -S stub.py <socket's name> <name> <arguments>`.

It hands its streams, folder, environment and arguments to the room, which forks a warm Python, and then only stands
for that one: signals from inside the container are passed on, and its end is this process' own. Where the room says no
or is not there, it turns into a new Python. Few modules, since each start is paid for.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]
import _socket as socket
import fcntl
import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_ACCEPTED = 1
_STANDARD_STREAMS = {"0", "1", "2"}


def main() -> None:
    room = _ask()
    if room is None:
        path = os.path.join(os.path.dirname(sys.executable), sys.argv[2])  # noqa: PTH118, PTH120
        os.execv(path, [path, *sys.argv[3:]])  # noqa: S606 - a bare name would be looked for on PATH, and be this stub
    status = _follow(room)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _ask() -> Any:
    """A connection to the room that has taken the call, or None."""
    files = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - pathlib takes longer than all this
    if len(files - _STANDARD_STREAMS) > 1 or not files >= _STANDARD_STREAMS:  # one is that of the listing
        return None
    room = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        room.connect("\0" + sys.argv[1])
        environment, umask = dict(os.environ), os.umask(0)
        os.umask(umask)
        data = marshal.dumps(
            {"argv": sys.argv[2:], "env": environment, "cwd": os.getcwd(), "umask": umask}  # noqa: PTH109
        )
        streams = b"".join(number.to_bytes(4, sys.byteorder) for number in range(3))
        room.sendmsg([len(data).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
        room.sendall(data)
        signal.pthread_sigmask(signal.SIG_BLOCK, [*_PASSED_ON, signal.SIGIO])
        if room.recv(1) == bytes([_ACCEPTED]):
            return room
    except (OSError, ValueError):
        pass
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [*_PASSED_ON, signal.SIGIO])
    room.close()
    return None


def _follow(room: Any) -> int:
    """The wait status of the fork."""
    session = os.getsid(0)
    fcntl.fcntl(room, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(room, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    while True:
        try:
            data = room.recv(4)
            return int.from_bytes(data, "big") if data else signal.SIGKILL
        except BlockingIOError:
            pass
        got = signal.sigwaitinfo([*_PASSED_ON, signal.SIGIO])
        if got.si_signo != signal.SIGIO and _inside(got.si_pid, session):
            room.send(bytes([got.si_signo]))


def _inside(pid: int, session: int) -> bool:
    """Whether a signal came from the container; one from outside goes to the whole group, so to the fork as well."""
    try:
        return os.getsid(pid) == session
    except OSError:
        return False


if __name__ == "__main__":
    main()
