"""What goes on in an environment at one moment, as plain facts. Nothing here reads or prints."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

PENDING = "Pending"
"""A step of an execution that goes on, which has not begun."""
NOT_RUN = "NotRun"
"""A step of an execution that has ended, which it did not come to."""


@dataclass(frozen=True)
class Version:
    """A version of the registry.

    part: what it does now: "champion", "candidate", "previous" (a rollback goes to it); else what became of it, a
    value of `ledger.ENDED`; "" for neither.
    approved_by: identities, the surest first. reason: what was written with the approval or the rejection.
    metrics: figures of its evaluation as the registry's metadata have them, by name; texts.
    Of old versions only number, package, approval, status, part and created are read; detailed is False for them.
    """

    number: int
    package: str
    approval: str
    status: str
    part: str = ""
    created: datetime | None = None
    detailed: bool = False
    approved_by: tuple[str, ...] = ()
    reason: str = ""
    description: str = ""
    metrics: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Variant:
    """A variant of the endpoint. percent: of the requests that it answers, a shadow gets a copy of; 0 to 100.

    desired_percent, desired_instances: where an update that goes on leads to.
    version: 0 where it is not known.
    """

    name: str
    percent: float
    instances: int
    desired_percent: float
    desired_instances: int
    version: int = 0


@dataclass(frozen=True)
class Endpoint:
    """The endpoint and the stack that makes it, each with its status ("MISSING" for none).

    config: name of the configuration that serves. stopped: it is switched off for a while.
    """

    name: str
    status: str
    stack: str
    stack_status: str
    variants: tuple[Variant, ...] = ()
    alarming: tuple[str, ...] = ()
    stopped: bool = False
    config: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Champion:
    """The version that serves, since when, and who let it. released_by: "" where no second person was needed."""

    version: int
    package: str
    since: datetime
    approved_by: tuple[str, ...]
    released_by: str


@dataclass(frozen=True)
class Candidate:
    """The version on its way. stage: shadow, challenger, promote, rollback; share: percent of requests planned."""

    version: int
    package: str
    stage: str
    since: datetime
    share: int


@dataclass(frozen=True)
class Look:
    """One look at an experiment. estimate, low, high: difference of success rates, candidate minus champion, -1 to 1.

    statistic, boundary: what was compared: beyond the boundary (either sign) it is decided. progress: share of the
    planned information (an open end: of the evidence needed), 0 to 1. samples: outcomes so far, of horizon (0: open).
    spent: error rate used up by now. number: of looks taken, with this one.
    """

    at: datetime
    stage: str
    number: int
    decision: str
    rule: str
    estimate: float
    low: float
    high: float
    samples: int
    horizon: int
    progress: float
    statistic: float
    boundary: float
    spent: float
    explanation: str


@dataclass(frozen=True)
class Experiment:
    """The comparison of a version with the champion: of the candidate, else the last one that was decided.

    looks: of this stage, oldest first, at least one. running: False once it is decided or its candidate has left.
    error_rate: of the whole experiment, 0 to 1; with it and `boundary` a page draws the interval that is to come.
    """

    version: int
    package: str
    stage: str
    running: bool
    error_rate: float
    looks: tuple[Look, ...]

    @property
    def latest(self) -> Look:
        return self.looks[-1]


@dataclass(frozen=True)
class Judged:
    """What a monitor said of a window. status: judged, too_few, empty.

    subjects: features, metrics, facets that breached, each once. breaches: a sentence for each finding, with figures.
    """

    start: datetime
    end: datetime
    status: str
    rows: int
    breached: bool
    subjects: tuple[str, ...] = ()
    breaches: tuple[str, ...] = ()


@dataclass(frozen=True)
class Monitor:
    """One monitor of the version that serves: whether it is confirmed, and by how many of its newest windows.

    windows: the newest ones, oldest first. skipped: why the newest run did not judge it, "" if it did.
    degrading: a confirmation says that the model itself got worse, and not its inputs alone.
    """

    name: str
    confirmed: bool
    breached: int
    judged: int
    degrading: bool
    skipped: str = ""
    windows: tuple[Judged, ...] = ()


@dataclass(frozen=True)
class Monitoring:
    """The monitors of a model. version: that the newest run watched, "" before the first.

    report: where its page is in S3. schedule: what starts runs, in words; "" for nothing. left_out: what could not be
    read or used, in words.
    """

    enabled: bool
    version: str = ""
    report: str = ""
    schedule: str = ""
    monitors: tuple[Monitor, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def confirmed(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.monitors if each.confirmed)


@dataclass(frozen=True)
class Alarm:
    """state: OK, ALARM or INSUFFICIENT_DATA. since: when it came to be so. about: the alarm's own description."""

    name: str
    state: str
    reason: str
    since: datetime | None = None
    about: str = ""


@dataclass(frozen=True)
class Step:
    """A step of an execution. status: SageMaker's (Executing, Succeeded, Failed, …), or PENDING, or NOT_RUN.

    kind: the definition's type (Processing, Training, Condition, …), "" where it is not known. needs: names of the
    steps that it waits for. outcome: of a condition: "True" or "False". cached: taken from an earlier run.
    job: ARN of what it started.
    """

    name: str
    status: str
    kind: str = ""
    needs: tuple[str, ...] = ()
    began: datetime | None = None
    ended: datetime | None = None
    cached: bool = False
    reason: str = ""
    outcome: str = ""
    job: str = ""

    @property
    def seconds(self) -> float | None:
        return (self.ended - self.began).total_seconds() if self.began and self.ended else None


@dataclass(frozen=True)
class Run:
    """An execution of a pipeline. purpose: "training" or "monitoring". name: last part of its ARN.

    steps: what is needed first; empty where only the execution was read.
    """

    pipeline: str
    purpose: str
    arn: str
    status: str
    began: datetime
    ended: datetime | None = None
    reason: str = ""
    steps: tuple[Step, ...] = ()

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]


@dataclass(frozen=True)
class Decision:
    """The newest entry of the ledger that decided something."""

    at: datetime
    kind: str
    version: int
    stage: str
    reason: str


@dataclass(frozen=True)
class Waiting:
    """Something that waits. whom: for a person ("approver", "second person", "operator"), or "tests", "outcomes".

    remedy: what mends it, in words or as a command. command: whether remedy is one that a person can copy.
    """

    whom: str
    what: str
    remedy: str
    command: bool = True


@dataclass(frozen=True)
class Model:
    """One model of the environment.

    versions: newest first. runs: newest first; the newest of each pipeline has its steps. command: what a person asked
    of the release controller, as they would write it, "" for nothing. failed, previous: versions, 0 for none.
    unread: parts that could not be read, each with the reason, where the rest could.
    """

    name: str
    enabled: bool
    champion: Champion | None
    candidate: Candidate | None
    endpoint: Endpoint
    versions: tuple[Version, ...] = ()
    experiment: Experiment | None = None
    monitoring: Monitoring | None = None
    alarms: tuple[Alarm, ...] = ()
    runs: tuple[Run, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    command: str = ""
    commanded_by: str = ""
    commanded: datetime | None = None
    failed: int = 0
    previous: int = 0
    last: Decision | None = None
    unread: tuple[str, ...] = ()

    def run(self, purpose: str) -> Run | None:
        """The newest run for a purpose."""
        return next((each for each in self.runs if each.purpose == purpose), None)

    @property
    def ringing(self) -> tuple[Alarm, ...]:
        return tuple(each for each in self.alarms if each.state == "ALARM")


@dataclass(frozen=True)
class Situation:
    """An environment as a whole. alarms: those that belong to none of its models.

    many: the environment has more models than one, so that commands name theirs.
    """

    environment: str
    at: datetime
    models: tuple[Model, ...]
    alarms: tuple[Alarm, ...] = ()
    many: bool = False


def document(fact: Any) -> Any:
    """A fact as JSON has it: objects, lists, texts; moments in ISO 8601. Pure."""
    return _plain(asdict(fact))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value
