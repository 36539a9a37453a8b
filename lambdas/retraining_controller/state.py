"""What the controller observes and what it can do: plain data, between the gateway and the plan."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Literal

from shared.versions import version_of

NONE = "none"
"""The value of a release parameter that names nothing."""

Trigger = Literal["degradation", "schedule", "new-data"]
Outcome = Literal["", "succeeded", "failed", "stopped", "withdrawn"]
"""How a retraining ended; "" while that is not noted. Withdrawn: nothing was started in the end."""


@dataclass(frozen=True)
class Place:
    """An environment that serves versions trained here: its alarm of degradation, and its release parameters.

    since, why: of the alarm's state. released: when the champion was written. failed: the newest version that failed
    or lost its verdict there; neither it nor an older one is released.
    """

    environment: str
    alarming: bool = False
    since: datetime | None = None
    why: str = ""
    champion: str = NONE
    released: datetime | None = None
    failed: str = NONE

    @property
    def version(self) -> int:
        return version_of(self.champion)


@dataclass(frozen=True)
class Findings:
    """The monitor's last word in this environment: on which version, which monitors are confirmed, where the report is.

    degrading: those of the confirmed that say that the model got worse, and not only that its inputs drifted.
    """

    version: int
    confirmed: tuple[str, ...]
    report: str
    degrading: tuple[str, ...]


@dataclass(frozen=True)
class Version:
    """A version in the registry."""

    arn: str
    approval: str

    @property
    def number(self) -> int:
        return version_of(self.arn)


@dataclass(frozen=True)
class Execution:
    """A run of the training pipeline, whoever started it. reason: why it failed, with the steps that did."""

    arn: str
    name: str
    status: str
    reason: str = ""


@dataclass(frozen=True)
class Snapshot:
    """The newest export of the training data: rows up to and with the day `until`; when it was written last."""

    until: date
    uri: str
    modified: datetime


@dataclass(frozen=True)
class Run:
    """A retraining that was decided, as the ledger has it. decided: to the second; it names the run.

    execution: the ARN, "" while nobody noted that it was started; started: when that was noted.
    """

    decided: datetime
    trigger: Trigger
    reason: str
    data: str
    parameters: Mapping[str, str]
    package: str = NONE
    execution: str = ""
    started: datetime | None = None
    outcome: Outcome = ""

    @property
    def begun(self) -> datetime:
        """What the cooldown and the month are counted from."""
        return self.started or self.decided

    @property
    def generation(self) -> int:
        """Seconds since 1970: the order of the ledger's entries."""
        return int(self.decided.timestamp())

    @property
    def name(self) -> str:
        """The execution's display name, by which it is known again."""
        return f"retraining-{self.decided.astimezone(UTC):%Y%m%d-%H%M%S}"

    def token(self, pipeline: str) -> str:
        """The client request token: however often it is asked for, SageMaker starts this run once."""
        return hashlib.sha256(f"{pipeline} {self.name}".encode()).hexdigest()

    @property
    def counts(self) -> bool:
        """For the cooldown and the monthly limit."""
        return self.outcome != "withdrawn"

    @property
    def serves(self) -> bool:
        """Whoever asked before it need not be served again; a run that failed is tried once more."""
        return self.outcome not in ("failed", "withdrawn")


@dataclass(frozen=True)
class Memory:
    """What the ledger knows.

    runs: newest first, as far back as decisions need them. asked: when the schedule asked, oldest first. told: keys
    of what people were told once.
    """

    runs: tuple[Run, ...] = ()
    asked: tuple[datetime, ...] = ()
    told: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Observed:
    """Everything a decision depends on.

    places: this environment first. findings: None where there are none. versions: newest first, down to the oldest
    champion. learned: what the newest version says it learned from, by the registry's metadata. executions: those
    that run, and the newest retraining's own; None while the pipeline does not exist.
    """

    now: datetime
    places: tuple[Place, ...]
    findings: Findings | None = None
    versions: tuple[Version, ...] = ()
    learned: Mapping[str, str] = field(default_factory=dict)
    executions: tuple[Execution, ...] | None = ()
    snapshot: Snapshot | None = None
    memory: Memory = field(default_factory=Memory)


# What the plan can ask for. Each is one step; the loop then observes anew.


@dataclass(frozen=True)
class Wait:
    """Nothing to do now; an event or the schedule comes back to it. until: when, if that is known."""

    reason: str
    until: datetime | None = None


@dataclass(frozen=True)
class Start:
    """Decide a retraining: note the decision, start it, tell it. package: the champion that it is to replace."""

    trigger: Trigger
    reason: str
    data: str
    parameters: Mapping[str, str]
    package: str


@dataclass(frozen=True)
class Resume:
    """Decided, but nobody noted that it was started: start it, which does nothing if it was."""

    run: Run


@dataclass(frozen=True)
class Record:
    """It was started, and the run that did so ended before it could note that."""

    run: Run
    execution: str


@dataclass(frozen=True)
class Withdraw:
    """Decided long ago and never started: whether it is still needed is decided anew."""

    run: Run
    reason: str


@dataclass(frozen=True)
class Conclude:
    """It has ended: note how, and tell if it failed."""

    run: Run
    outcome: Literal["succeeded", "failed", "stopped"]
    reason: str
    until: datetime
    """Not before then is the next one."""


@dataclass(frozen=True)
class Tell:
    """A retraining is due and cannot be started; told once for each key."""

    kind: Literal["limit", "refused"]
    key: str
    reason: str
    until: datetime | None = None


Action = Wait | Start | Resume | Record | Withdraw | Conclude | Tell
