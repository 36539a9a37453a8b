"""The local AWS as the command line uses it: start it, reach it, ask what it used, stop it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from local_aws.env import client_environment, exports
from local_aws.state import Home
from mlops.cdk import ROOT
from mlops.errors import CommandError

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER")


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
        return {name: os.environ[name] for name in _KEPT if name in os.environ} | self.variables

    def exports(self) -> str:
        """The lines for a shell."""
        return exports(self.variables)

    def resource_types(self) -> dict[str, list[str]]:
        """The CloudFormation types that were used, by how the local AWS treats them."""
        treated: dict[str, list[str]] = {"emulated": [], "recorded": []}
        for name, how in json.loads(_local_aws("resources", "--used", "--json")).items():
            treated.setdefault(how, []).append(name)
        return {how: sorted(names) for how, names in treated.items()}

    def stop(self) -> None:
        """Stop it in an orderly way: everything is saved, and the next start goes on from there."""
        _local_aws("stop")


def start(say: Callable[[str], None]) -> Server:
    """Start the local AWS of LOCAL_AWS_HOME, or take the one that runs there already."""
    home = Home.chosen()
    running = home.running()
    if running is None:
        say(_local_aws("start", "--detach").strip())
        running = home.running()
    else:
        say(f"already running at {running.url}")
    if running is None:
        raise CommandError(f"{home.path}: the local AWS started and does not answer; see {home.log}")
    return Server(home, running.account, running.region, client_environment(running, home))


def _local_aws(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "local_aws", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise CommandError(f"local_aws {arguments[0]}: {lines[-1] if lines else 'failed without a word'}")
    return done.stdout
