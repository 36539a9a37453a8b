"""The state directory of a server: where it is, who runs on it, and how others find that server.

Layout of the directory (LOCAL_AWS_HOME, build/local_aws by default):
    lock            held by the running server, so that a second one cannot start on it
    server.json     the running server: pid, port, url, account, region, started, token, code
    port            the port of this state; it is kept, because stored URLs contain it
    server.log      the output of a detached server
    checkpoints/    snapshots of all services (checkpoints.py); blobs/ holds their large values
    demo.lock       held by the demo that runs on this state
    tmp/, ministack/  scratch files, of no use after the server ended
    cdk/, cdk-<account>/  the CDK command line's cache, for the server's own account and for others
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import socket
import time
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from local_aws.errors import LocalAwsError

ACCOUNT = "111122223333"
REGION = "eu-west-1"
DEFAULT_HOME = Path("build/local_aws")
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Server:
    """What server.json says about the running server."""

    pid: int
    port: int
    url: str
    account: str
    region: str
    started: str
    token: str
    code: str


@dataclass(frozen=True)
class Home:
    """A state directory."""

    path: Path

    @classmethod
    def chosen(cls) -> Home:
        """LOCAL_AWS_HOME, or build/local_aws below the working directory."""
        return cls(Path(os.environ.get("LOCAL_AWS_HOME") or DEFAULT_HOME).absolute())

    @property
    def log(self) -> Path:
        return self.path / "server.log"

    @property
    def _server_file(self) -> Path:
        return self.path / "server.json"

    def lock(self) -> IO[str]:
        """Take the directory for this process; LocalAwsError if another server has it, or it cannot be written."""
        held = self.open("lock")
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            held.close()
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
            server = self._read()
            where = f" at {server.url} (process {server.pid})" if server else ""
            raise LocalAwsError(
                f"{self.path}: a local AWS already runs on this state{where}; stop it or set LOCAL_AWS_HOME"
            ) from error
        return held

    def open(self, name: str) -> IO[str]:
        """Open a file of the directory to add to it and read it; LocalAwsError if that cannot be."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            return (self.path / name).open("a+")
        except OSError as error:
            raise LocalAwsError(
                f"{self.path}: cannot be written ({error.strerror}); set LOCAL_AWS_HOME to a directory of yours"
            ) from error

    def wait_until_free(self, seconds: float) -> bool:
        """Wait until no server holds the directory; False if one still does.

        The lock tells it better than the process: one that ended stays a zombie until its parent looks.
        """
        deadline = time.monotonic() + seconds
        with (self.path / "lock").open("a") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except OSError:
                    if time.monotonic() > deadline:
                        return False
                    time.sleep(0.05)
                else:
                    return True

    def listen(self) -> socket.socket:
        """A socket that listens on LOCAL_AWS_PORT, on the port of this state, or on a free one."""
        kept = self.path / "port"
        wanted = os.environ.get("LOCAL_AWS_PORT") or (kept.read_text() if kept.exists() else "0")
        if not (wanted.isascii() and wanted.isdigit() and int(wanted) < 65536):
            raise LocalAwsError(f"LOCAL_AWS_PORT={wanted}: not a port; give a number from 1 to 65535")
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections have it from their listener: else the body of an answer waits until its head is acknowledged.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            listener.bind((_LOOPBACK, int(wanted)))
        except OSError as error:
            listener.close()
            raise LocalAwsError(
                f"port {wanted} on {_LOOPBACK} cannot be used ({error.strerror}); end what holds it, "
                f"or set LOCAL_AWS_PORT to another one"
            ) from error
        listener.listen(512)
        kept.write_text(str(listener.getsockname()[1]))
        return listener

    def write(self, server: Server) -> None:
        """Publish the running server, readable by its owner only: the token is in it."""
        new = self._server_file.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(server), file, indent=2)
        new.replace(self._server_file)

    def forget(self) -> None:
        """Remove server.json."""
        self._server_file.unlink(missing_ok=True)

    def running(self) -> Server | None:
        """The server of this state if it answers; what a killed one left behind is ignored."""
        server = self._read()
        return server if server and answers(server) else None

    def _read(self) -> Server | None:
        try:
            return Server(**json.loads(self._server_file.read_text()))
        except (OSError, ValueError, TypeError):
            return None


def code_digest() -> str:
    """What tells whether a server runs the code that is here now: SHA-256 of this package's modules."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for module in sorted(package.rglob("*.py")):
        digest.update(f"{module.relative_to(package)}\0".encode() + module.read_bytes())
    return digest.hexdigest()


def answers(server: Server, timeout: float = 2.0) -> bool:
    """Whether the server with this token answers at its URL."""
    try:
        return bool(control(server, "GET", "status", timeout)["pid"] == server.pid)
    except (OSError, ValueError, KeyError):
        return False


def control(server: Server, method: str, action: str, timeout: float = 60.0) -> dict[str, object]:
    """Send an action of the control path; OSError if the server does not answer or refuses."""
    request = urllib.request.Request(  # noqa: S310 - the URL is our own
        f"{server.url}/_local_aws/{action}", method=method, headers={"x-local-aws-token": server.token}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=timeout) as response:
        return dict(json.load(response))
