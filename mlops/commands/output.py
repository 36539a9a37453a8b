"""How commands answer: in lines for a person, or with --json as one object."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime
from typing import Any

from rich.console import RenderableType
from rich.markup import escape

from mlops import words
from mlops.console import console, meant
from mlops.follow import Follower, Goal
from mlops.release_state import version_of
from mlops.target import Target


@dataclass(frozen=True)
class Output:
    """Where a command's words go.

    json: only the answer is printed, as one object, and nothing else on standard output.
    """

    json: bool = False

    def say(self, text: str) -> None:
        """A line on the way to the answer; JSON has room for the answer only."""
        if not self.json:
            console.print(meant(text))

    def answer(
        self, data: Mapping[str, Any], lines: Iterable[str], drawn: Callable[[], RenderableType] | None = None
    ) -> None:
        """Print the answer: `data` with --json, else `lines`, or what is drawn in their place on a terminal."""
        if self.json:
            print(json.dumps(data, default=_plain, indent=2))
        elif drawn and console.is_terminal:
            console.print(drawn(), soft_wrap=False)
        else:
            for line in lines:
                console.print(meant(line))

    @contextmanager
    def busy(self, text: str) -> Iterator[None]:
        """While something lasts: on a terminal a line below all others that moves and says what."""
        if self.json or not console.is_terminal:
            yield
            return
        with console.status(escape(text)):
            yield

    def follow(self, follower: Follower, goal: Goal, timeout_seconds: int) -> None:
        """Follow a release to its goal, and say that it is there; raises what `Follower.follow` does."""
        number = version_of(goal.package)
        until, done = ("has left", "serves nobody any more") if goal.leave else ("serves", "serves")
        with self.busy(f"waiting until version {number} {until}"):
            follower.follow(goal, timeout_seconds)
        self.say(f"version {number} {done}")

    def follower(self, target: Target, wait: bool) -> Follower | None:
        """With --wait, one that tells each entry of the ledger from now on."""
        if not wait:
            return None
        return Follower(target, lambda entry: self.say("\n".join(words.entry(entry))))


def ask(question: str) -> str:
    """What a person types; the end of the input (Ctrl-D) is no answer."""
    try:
        return input(question).strip()
    except EOFError:
        print()
        return ""


def of(target: Target, **data: Any) -> dict[str, Any]:
    """An answer's data: what it is about first."""
    return {"environment": target.environment, "model": target.names.public, **data}


def _plain(value: object) -> object:
    """What json has no form for: a moment, a dataclass."""
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{value!r} has no JSON form")
