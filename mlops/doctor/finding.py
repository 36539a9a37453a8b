"""What a check found, and how it is mended. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from threading import Lock

from mlops import verify
from mlops.aws import Clients
from mlops.cdk import ROOT
from mlops.target import LOCAL, Target
from mlops.verify import Stack
from stacks.settings import EnvironmentSettings


class Level(StrEnum):
    """bad: something does not work, or will not. warn: it works, and wants to be known."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """what: a sentence with the value that was found. remedy: what mends it; "" for what is well."""

    level: Level
    what: str
    remedy: str = ""


def ok(what: str) -> Finding:
    return Finding(Level.OK, what)


def warn(what: str, remedy: str) -> Finding:
    return Finding(Level.WARN, what, remedy)


def bad(what: str, remedy: str) -> Finding:
    return Finding(Level.BAD, what, remedy)


@dataclass(frozen=True)
class Patient:
    """An environment whose configuration loads and whose account answers."""

    settings: EnvironmentSettings
    targets: tuple[Target, ...]
    clients: Clients
    config: Path = ROOT / "config"
    _stacks: dict[str, Stack] = field(default_factory=dict, repr=False, compare=False)
    _reading: Lock = field(default_factory=Lock, repr=False, compare=False)

    @property
    def environment(self) -> str:
        return self.settings.environment

    @property
    def is_local(self) -> bool:
        return self.environment == LOCAL

    def stack(self, name: str) -> Stack:
        """The stack as it was when the first check asked for it: checks look side by side, and many at the same one."""
        with self._reading:
            if name not in self._stacks:
                self._stacks[name] = verify.describe(self.clients, name)
            return self._stacks[name]

    @property
    def option(self) -> str:
        """What a command about this environment gets."""
        return "" if self.is_local else f" --env {self.environment}"

    @property
    def deploy(self) -> str:
        """What deploys it."""
        if self.is_local:
            return "mlops demo --keep"
        return f"make synth ENV={self.environment}, then make deploy ENV={self.environment}"


Check = Callable[[Patient], Iterator[Finding]]
"""One thing that is looked at; may raise what boto3 raises."""
