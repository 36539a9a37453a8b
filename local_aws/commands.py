"""What the command line does."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence, Sized
from pathlib import Path

from local_aws.env import START, client_environment, exports
from local_aws.errors import LocalAwsError
from local_aws.state import Home, Server, control

_READY_SECONDS = 60.0
_STOP_SECONDS = 60.0


def start(*, detach: bool) -> None:
    """Run the server here until it is stopped, or start one in the background; prints when it is ready."""
    home = Home.chosen()
    if detach:
        server = home.running() or start_detached(home)
        _tell_ready(server)
        return
    # Nothing that the start makes becomes garbage, and looking for some takes a sixth of it; the server freezes it.
    gc.disable()
    try:
        from local_aws import server as process

        process.configure_logging()
        process.serve(home, _tell_ready)
    finally:
        gc.enable()


def start_detached(home: Home) -> Server:
    """Start a server in the background and wait until it answers.

    Raises LocalAwsError with the server's own last line if it ends before that, or if `home` cannot be written.
    """
    with home.open(home.log.name) as log:
        begin = log.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "local_aws", "start"],
            cwd=Path(__file__).resolve().parents[1],
            env={**os.environ, "LOCAL_AWS_HOME": str(home.path)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            lines = home.log.read_bytes()[begin:].decode(errors="replace").strip().splitlines()
            last = lines[-1].removeprefix("local_aws: ") if lines else f"exit code {process.returncode}"
            raise LocalAwsError(last)
        if server := home.running():
            process.returncode = 0  # it is to outlive us: Popen must not warn that it still runs
            return server
        time.sleep(0.05)
    process.terminate()
    raise LocalAwsError(f"the server was not ready after {_READY_SECONDS:.0f} s; its log is {home.log}")


def stop() -> None:
    """End the server of this state, if one runs, and wait until it is gone."""
    home = Home.chosen()
    server = home.running()
    if server is None:
        print(f"no local AWS runs on {home.path}")
        return
    stop_server(home, server)
    print(f"local AWS at {server.url} stopped; its state is kept in {home.path}")


def stop_server(home: Home, server: Server) -> None:
    """End a server after it saved everything; LocalAwsError if it does not end."""
    control(server, "POST", "stop")
    if not home.wait_until_free(_STOP_SECONDS):
        os.kill(server.pid, signal.SIGKILL)
        raise LocalAwsError(f"process {server.pid} did not end in {_STOP_SECONDS:.0f} s and was killed")


def status(*, as_json: bool) -> int:
    """Print whether a server runs; 0 if one does, else 1."""
    home = Home.chosen()
    server = home.running()
    if server is None:
        print("{}" if as_json else f"no local AWS runs on {home.path}")
        return 1
    answer = {"url": server.url, "home": str(home.path), **control(server, "GET", "status")}
    if as_json:
        print(json.dumps(answer, indent=2))
    else:
        print(f"local AWS at {server.url}, process {server.pid}, state in {home.path}, since {server.started}")
    return 0


def env(account: str | None) -> None:
    """Print export lines for a shell, which then works in `account` or, without one, in the server's own."""
    print(exports(client_environment(_needed(), account=account)))


def checkpoint() -> dict[str, object]:
    """Let the server save everything now; what it wrote."""
    return control(_needed(), "POST", "checkpoint")


_LEGEND = (
    "emulated: works. recorded: checked against its schema and stored; it deploys, and does nothing. "
    "refused: does not deploy."
)


def resources(types: Sequence[str], *, used: bool, as_json: bool) -> None:
    """Print resource types with their kinds; for people, what the kinds are on standard error."""
    if used:
        kinds = {str(name): str(kind) for name, kind in control(_needed(), "GET", "resources").items()}
    else:
        from local_aws.cloudformation import types as resource_types

        kinds = dict(resource_types.offline())
    if types:
        kinds = {name: kinds.get(name, "refused") for name in types}
    if as_json:
        print(json.dumps(kinds, indent=2))
        return
    if not types:
        print(f"{_LEGEND} {_extent(kinds, used)}", file=sys.stderr)
    width = max(map(len, kinds), default=0)
    for name, kind in kinds.items():
        print(f"{name:<{width}}  {kind}")


def _extent(kinds: Sized, used: bool) -> str:
    """How many types follow, and what lists fewer."""
    if used:
        return f"These {len(kinds)} were used on this state."
    return f"These are all {len(kinds)} that are known; --used: those that were used on this state."


def _needed() -> Server:
    home = Home.chosen()
    server = home.running()
    if server is None:
        raise LocalAwsError(f"{home.path}: no local AWS runs on this state; start it: {START}")
    return server


def _tell_ready(server: Server) -> None:
    print(f"local AWS ready at {server.url} (account {server.account}, region {server.region})", flush=True)
