"""What the controller observes and what it can do: plain data, between the gateway and the plan.

A model's release state is a handful of SSM parameters. `candidate` is the one that says how far a new version
has come ("<package ARN> <stage>"); champion, challenger, challenger-weight and shadow follow from it, one write
at a time, and the serving stack follows those. So a run may end after any call: what is observed then says how
to go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from policy import Policy
from shared.versions import version_of
from verdict import Counts, Verdict

NONE = "none"
"""The value of a release parameter that names nothing (SSM parameters cannot be empty)."""

MISSING = "MISSING"
"""The status of a stack or an endpoint that does not exist."""

Stage = Literal["shadow", "challenger", "promote", "rollback"]
"""Where a candidate is: mirrored, beside the champion with a share, on its way to champion, or the way back."""

Name = Literal["champion", "challenger", "challenger-weight", "shadow", "failed", "previous", "candidate", "command"]
"""The last part of a release parameter's name, of those that the controller writes."""


@dataclass(frozen=True)
class Parameter:
    """A release parameter: its value, the version of that value, and when that version was written."""

    value: str
    version: int
    modified: datetime


@dataclass(frozen=True)
class Candidate:
    """The version that is on its way, its stage, and since when it is there."""

    package: str
    stage: Stage
    since: datetime
    version: int
    """Of the parameter: it grows with every stage, so it names this stay in this stage."""


@dataclass(frozen=True)
class Command:
    """What a person asked for: "none", "pause", "promote <ARN>", "rollback" or "rollback <ARN>"."""

    word: Literal["none", "pause", "promote", "rollback"]
    package: str = NONE


@dataclass(frozen=True)
class Parameters:
    """The release parameters. released: the champion whose release was confirmed and told last.

    failed: the newest version that failed or lost its verdict; neither it nor an older one is tried again.
    previous: the confirmed champion before `released`, which a rollback goes to.
    allowed: what a second person released for production; nobody asks for it unless the policy says so.
    """

    champion: Parameter
    challenger: Parameter
    challenger_weight: Parameter
    shadow: Parameter
    failed: Parameter
    previous: Parameter
    candidate: Parameter
    command: Parameter
    allowed: Parameter
    released: str = NONE

    @property
    def share(self) -> int:
        """Percent of the requests that the challenger is to get."""
        return int(self.challenger_weight.value)

    @property
    def generation(self) -> int:
        """Grows with every write of the controller or a person: it orders decisions."""
        written = (
            self.champion, self.challenger, self.challenger_weight, self.shadow, self.failed, self.previous,
            self.candidate, self.command, self.allowed,
        )  # fmt: skip
        return sum(parameter.version for parameter in written)


@dataclass(frozen=True)
class Stack:
    """The serving stack: its status and, from its outputs, what the last operation deployed.

    challenger_scaled: the challenger's variant has a scaling target (its weight was above 0 then); None where
    variants are not scaled.
    alarms: names of the alarms on champion, challenger and shadow, by variant; a variant that is not deployed
    has none. parameters: keys of the stack's parameters. running: whether its endpoint is switched on, which a stack
    without such a switch always is; updated: when an operation last changed the stack.
    """

    status: str
    champion: str = NONE
    challenger: str = NONE
    shadow: str = NONE
    challenger_scaled: bool | None = None
    endpoint_config: str = ""
    alarms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    running: bool = True
    updated: datetime | None = None


@dataclass(frozen=True)
class Attempt:
    """The newest stack operation under the token of the parameters as they are: its status and why it failed.

    An empty status says that there was no such operation.
    """

    status: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Endpoint:
    """The endpoint: status, the configuration it serves, why it failed, and the share of each variant.

    shares: percent of the requests by production variant, from the current weights, whole numbers; the shadow
    has none. weights: the current weights themselves.
    """

    status: str
    config: str = ""
    reason: str = ""
    weights: Mapping[str, float] = field(default_factory=dict)

    @property
    def share(self) -> int:
        """Percent of the requests that the challenger gets now; 0 without a challenger."""
        total = sum(self.weights.values())
        return round(100 * self.weights.get("challenger", 0.0) / total) if total else 0


@dataclass(frozen=True)
class Package:
    """A version in the registry. metadata: its CustomerMetadataProperties (looked up only for few versions)."""

    arn: str
    approval: str
    status: str = "Completed"
    metadata: Mapping[str, str] | None = None

    @property
    def version(self) -> int:
        return version_of(self.arn)


@dataclass(frozen=True)
class Observed:
    """Everything a decision depends on. What is None has not been looked at, since nothing needed it yet.

    now: when the run began.
    packages: the registry, newest first, down to the champion at least. metadata: CustomerMetadataProperties of
    the packages that were looked at, by ARN. alarming: names of the alarms that are in ALARM, of those of the
    candidate's variant. counts: the experiment so far, None where the query has not ended (`counting` says why).
    looks: how often this stay of the candidate was looked at before. noted: by key, whether the ledger has it.
    """

    now: datetime
    policy: Policy
    stack: Stack
    parameters: Parameters
    attempt: Attempt | None = None
    endpoint: Endpoint | None = None
    packages: tuple[Package, ...] | None = None
    metadata: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    alarming: tuple[str, ...] | None = None
    counts: Counts | None = None
    counting: str = ""
    looks: int = 0
    noted: Mapping[str, bool] = field(default_factory=dict)


# What the plan can ask for. Every action that changes something is one step; the loop then observes anew. An
# action with a `key` is remembered by the ledger's entry "<generation>#<key>", which the plan looks up ("noted")
# before it asks for the action; the entries of the others are keyed by their kind and package.


@dataclass(frozen=True)
class Wait:
    """Nothing to do now; the next event or the schedule comes back to it."""

    reason: str


@dataclass(frozen=True)
class Look:
    """The decision needs one more observation.

    at "metadata", "noted" and "told": `of` is the package's ARN, or the key of an entry of the ledger, of this
    generation ("noted") or of one of the few before it.
    """

    at: Literal["attempt", "endpoint", "packages", "metadata", "alarming", "counts", "noted", "told"]
    of: str = ""


@dataclass(frozen=True)
class Begin:
    """A new candidate, or the next stage of one: write `candidate`, tell it. verdict: what let it advance."""

    package: str
    stage: Stage
    reason: str
    verdict: Verdict | None = None


@dataclass(frozen=True)
class End:
    """The candidate will not become champion: write `failed`; what stands of it goes next.

    outcome: lost (a verdict), failed (alarms, a guardrail), rejected (by a person), inconclusive (no difference
    found in the time planned).
    """

    package: str
    outcome: Literal["lost", "failed", "rejected", "inconclusive"]
    reason: str
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Rollback:
    """Back to an earlier version: write `failed` with what serves, then `candidate` with "<to> rollback"."""

    package: str
    to: str
    reason: str


@dataclass(frozen=True)
class Write:
    """Bring one parameter into line with the candidate's stage. Not told: it follows from what was."""

    name: Name
    value: str
    reason: str


@dataclass(frozen=True)
class Apply:
    """The parameters are written: update the serving stack under their token."""

    reason: str


@dataclass(frozen=True)
class Shift:
    """Set the weights of the variants: percent of the requests for the challenger."""

    share: int
    reason: str


@dataclass(frozen=True)
class Revert:
    """The stack, or the endpoint by itself, rolled an update back: tell it, and put the parameters back.

    values: by parameter name, in the order in which they are to be written, `failed` first. Told before the
    second of them is written.
    """

    package: str
    values: Mapping[Name, str]
    reason: str


@dataclass(frozen=True)
class Done:
    """The endpoint serves the champion asked for: tell it, write `previous`, label the parameter's version.

    previous: what to write there, "" to leave it.
    """

    package: str
    version: int
    previous: str = ""


@dataclass(frozen=True)
class Note:
    """Something to be told once, which changes no parameter: a verdict so far, a hold, a passed look.

    tell: whether people are told, beside the ledger.
    """

    kind: Literal["look", "hold", "refused", "switched-off"]
    key: str
    package: str
    reason: str
    verdict: Verdict | None = None
    tell: bool = True


@dataclass(frozen=True)
class Test:
    """Have the released version tested (smoke, schema, load); the result comes as the package's metadata."""

    package: str
    key: str


@dataclass(frozen=True)
class Retire:
    """Archive and delete a version that nothing needs any more."""

    package: str
    reason: str


@dataclass(frozen=True)
class AskForHelp:
    """The stack or the endpoint takes no update until a person acts; told once, remembered by the ledger.

    what: "stack", "endpoint" or "version" (a rejected champion with nothing to go back to).
    """

    what: Literal["stack", "endpoint", "version"]
    status: str
    remedy: str
    key: str


Action = (
    Wait | Look | Begin | End | Rollback | Write | Apply | Shift | Revert | Done | Note | Test | Retire | AskForHelp
)


class MalformedParameter(Exception):
    """A release parameter holds what nobody should have written: a person must mend it."""


_STAGES = ("shadow", "challenger", "promote", "rollback")


def candidate_of(parameter: Parameter) -> Candidate | None:
    """Raises MalformedParameter for anything but "none" and "<package ARN> <stage>"."""
    if parameter.value == NONE:
        return None
    package, _, stage = parameter.value.partition(" ")
    if not version_of(package) or stage not in _STAGES:
        raise MalformedParameter(f"candidate: {parameter.value!r}, expected none or <package ARN> <stage>")
    return Candidate(package, stage, parameter.modified, parameter.version)  # type: ignore[arg-type]


def command_of(parameter: Parameter) -> Command:
    """Raises MalformedParameter for anything that is no command."""
    word, _, package = parameter.value.partition(" ")
    known = word in ("none", "pause", "rollback") and not package
    if known or (word in ("promote", "rollback") and version_of(package)):
        return Command(word, package or NONE)  # type: ignore[arg-type]
    raise MalformedParameter(
        f"command: {parameter.value!r}, expected none, pause, promote <package ARN>, rollback or rollback <package ARN>"
    )
