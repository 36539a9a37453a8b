"""The local AWS as the command line uses it: start it, reach it, ask what it used, stop it."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from local_aws.env import client_environment
from local_aws.errors import LocalAwsError
from local_aws.state import Home, code_digest
from mlops.cdk import ROOT
from mlops.errors import CommandError

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "USER")


@dataclass(frozen=True)
class Server:
    """A running local AWS."""

    home: Home
    account: str
    region: str
    variables: dict[str, str] = field(repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of a child process that is to talk to this server, and to nothing else."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        # What an interrupted synthesis leaves there is gone when the server starts again.
        return kept | self.variables | {"TMPDIR": str(self.home.path / "tmp")}

    @property
    def answers(self) -> bool:
        """Whether it is there still."""
        return self.home.running() is not None

    def resource_types(self) -> dict[str, list[str]]:
        """The CloudFormation types that were used, by how the local AWS treats them."""
        treated: dict[str, list[str]] = {"emulated": [], "recorded": []}
        for name, how in json.loads(_local_aws(self.home, "resources", "--used", "--json")).items():
            treated.setdefault(how, []).append(name)
        return {how: sorted(names) for how, names in treated.items()}

    def stop(self) -> None:
        """Stop it in an orderly way: everything is saved, and the next start goes on from there."""
        _local_aws(self.home, "stop")


@contextmanager
def claimed(home: Home) -> Iterator[None]:
    """Hold `home` for this process: two runs would deploy over each other, and the first to end stop the server.

    The lock ends with the process, however it ends. Raises CommandError if another process holds it, or
    the directory cannot be written.
    """
    try:
        held = home.open("demo.lock")
    except LocalAwsError as error:
        raise CommandError(str(error)) from error
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            held.seek(0)
            raise CommandError(
                f"{home.path}: a demo already runs on this state (process {held.read().strip()}); "
                "wait for its end, or set LOCAL_AWS_HOME to another directory"
            ) from error
        held.truncate(0)
        held.write(f"{os.getpid()}\n")
        held.flush()
        yield


def start(home: Home, say: Callable[[str], None]) -> Server:
    """Start the local AWS of `home`, or take the one that runs there already."""
    running = home.running()
    if running is not None and running.code != code_digest():
        say(f"{running.url} runs older code of local_aws: stopping it, its state is kept")
        _local_aws(home, "stop")
        running = None
    if running is None:
        say(_local_aws(home, "start", "--detach").strip())
        running = home.running()
    else:
        say(f"already running at {running.url}")
    if running is None:
        raise CommandError(f"{home.path}: the local AWS started and does not answer; see {home.log}")
    return Server(home, running.account, running.region, client_environment(running, home))


def _local_aws(home: Home, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "local_aws", *arguments],
        cwd=ROOT,
        env={**os.environ, "LOCAL_AWS_HOME": str(home.path)},  # absolute: ours may be relative to another folder
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # Ctrl-C is for us: a start or stop that it cut off would leave a server behind
    )
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        reason = lines[-1].removeprefix("local_aws: ") if lines else "failed without a word"
        raise CommandError(f"local_aws {arguments[0]}: {reason}")
    return done.stdout
