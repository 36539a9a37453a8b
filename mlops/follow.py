"""Watches a release until it has come where somebody asked it to go: ledger entries as they come, then the end."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mlops import ledger, release_state
from mlops.aws import Clients
from mlops.errors import CommandError, NotYet
from mlops.release_state import Candidate, ReleaseState, version_of
from mlops.target import Target
from mlops_constructs.naming import ReleaseParameter

Say = Callable[[str], None]
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Goal:
    """A version that is to serve, or with `leave` one that is to have no part in the release state any more.

    command: the version of the command parameter that asked for it; 0 if the registry did.
    """

    package: str
    command: int = 0
    leave: bool = False

    def reached(self, state: ReleaseState) -> bool:
        """Whether it has happened: confirmed too, since a version stays the candidate until its release is."""
        if self._pending(state):
            return False
        candidate = state.candidate
        if self.leave:
            on_the_way_back = candidate is not None and candidate.stage == "rollback"
            return not on_the_way_back and state.champion != self.package and not self._is(candidate)
        return state.champion == self.package and not self._is(candidate)

    def missed(self, state: ReleaseState) -> str:
        """Why it will not happen any more, or ""."""
        candidate = state.candidate
        if self._pending(state) or self._is(candidate) or (candidate and candidate.stage == "rollback"):
            return ""
        if self.leave:
            lost = state.champion == self.package and not state.previous
            return "it serves on, since none is known to go back to" if lost else ""
        number = version_of(self.package)
        if candidate and version_of(candidate.package) > number:
            return f"version {version_of(candidate.package)} took its place"
        if self.command:
            return "" if candidate else "it did not become the champion"
        if number <= state.version(ReleaseParameter.FAILED):
            return "it failed, lost or was rejected"
        return f"version {version_of(state.champion)} serves" if version_of(state.champion) > number else ""

    def _is(self, candidate: Candidate | None) -> bool:
        return candidate is not None and candidate.package == self.package

    def _pending(self, state: ReleaseState) -> bool:
        """The controller has not taken the command yet: until then nothing says anything about it."""
        parameter = state[ReleaseParameter.COMMAND]
        return bool(self.command) and parameter.version <= self.command and parameter.value != release_state.NONE


@dataclass
class Follower:
    """Follows one model's release; made before anything is asked for, so that all that comes of it is news.

    `say` gets each new ledger entry.
    """

    target: Target
    say: Callable[[ledger.Entry], None]
    poll_seconds: float = POLL_SECONDS
    _known: set[str] = field(default_factory=set)
    _generation: int = 0
    _last: ledger.Entry | None = None

    def __post_init__(self) -> None:
        self._table = self.target.ledger
        for entry in ledger.newest(self._dynamodb, self._table, self._model, 1):
            # What happened before is not news.
            self._generation = entry.generation
            self._known = {old.key for old in self._entries()}

    def follow(self, goal: Goal, timeout_seconds: float) -> None:
        """Block until the goal is reached; raises CommandError when it is missed, NotYet when the time is over."""
        deadline = time.monotonic() + timeout_seconds
        missed = ""
        while True:
            state = release_state.read(self._clients("ssm"), self.target.names)
            self._tell_news(goal)
            if goal.reached(state):
                return
            # Twice the same: the controller writes one parameter after the other.
            before, missed = missed, goal.missed(state)
            if missed and missed == before:
                raise CommandError(f"{self.target.title}: version {version_of(goal.package)}: {self._why(missed)}")
            if time.monotonic() > deadline:
                raise NotYet(f"{self.target.title}: not yet after {timeout_seconds:.0f} s; {self._ahead(state)}")
            time.sleep(self.poll_seconds)

    def _tell_news(self, goal: Goal) -> None:
        for entry in self._entries():
            if entry.key in self._known:
                continue
            self._known.add(entry.key)
            self._generation = max(self._generation, entry.generation)
            self._last = self._last if entry.is_step else entry
            self.say(entry)
            if goal.command and entry.kind == "refused" and entry.key.endswith(f"#{goal.command}"):
                raise CommandError(f"{self.target.title}: refused: {entry.reason}")

    def _ahead(self, state: ReleaseState) -> str:
        if state.command == release_state.PAUSE:
            return f"releases are paused: {self.target.command('resume')}"
        return f"it goes on by itself, unless it waits for somebody: {self.target.command('status')}"

    def _why(self, missed: str) -> str:
        return f"{missed}: {self._last.reason}" if self._last and self._last.reason else missed

    def _entries(self) -> list[ledger.Entry]:
        return ledger.since(self._dynamodb, self._table, self._model, self._generation)

    @property
    def _clients(self) -> Clients:
        return self.target.clients

    @property
    def _dynamodb(self) -> Any:
        return self._clients("dynamodb")

    @property
    def _model(self) -> str:
        return self.target.names.public
