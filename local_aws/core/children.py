"""Child processes that end with the server, even when it is killed.

Linux sends PR_SET_PDEATHSIG when the *thread* that forked ends, so every child is started by one
thread that lives as long as the server. Elsewhere each child watches its parent no further than
this: it gets its own process group, which is ended at exit.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from local_aws import clients
from local_aws.core.api import Context

_PR_SET_PDEATHSIG = 1
_spawner = ThreadPoolExecutor(1, "spawner")
_alive: set[subprocess.Popen[bytes]] = set()
_lock = threading.Lock()


def environment(ctx: Context) -> dict[str, str]:
    """The AWS environment of a child: an ordinary SDK configuration that points at this server."""
    return {
        "AWS_ENDPOINT_URL": clients.url(),
        "AWS_REGION": ctx.region,
        "AWS_DEFAULT_REGION": ctx.region,
        "AWS_ACCESS_KEY_ID": ctx.account,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
    }


def start(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdout: int | IO[Any] | None = subprocess.PIPE,
    stderr: int | IO[Any] | None = subprocess.STDOUT,
) -> subprocess.Popen[bytes]:
    """Start a process in its own group, with exactly `env`; OSError if it cannot be started."""

    def popen() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            list(arguments),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=_die_with(os.getpid()),
        )

    process = _spawner.submit(popen).result()
    with _lock:
        _alive.difference_update({child for child in _alive if child.returncode is not None})
        _alive.add(process)
    return process


def stop(process: subprocess.Popen[bytes], grace: float = 2.0) -> None:
    """End a child and its group: politely, and after `grace` seconds for certain."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    _signal(process, signal.SIGKILL)
    process.wait()
    with _lock:
        _alive.discard(process)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _die_with(parent: int) -> Callable[[], None] | None:
    """What the child runs between fork and exec; libc is loaded before the fork."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the server ended between fork and prctl
            os._exit(1)

    return prepare


@atexit.register
def _stop_all() -> None:
    with _lock:
        left = list(_alive)
    for process in left:
        if process.poll() is None:
            _signal(process, signal.SIGKILL)
