"""What to do next, from what is observed. Pure: no clock, no AWS, no state between calls.

The protocol. A release writes the champion parameter and updates the serving stack with its previous
template; the client request token `release-<version of the parameter>` ties the stack's operation to that
write. So every state a crash can leave says by itself how to go on:

    parameter = stack                   the release is through: confirm it, or start the next one
    parameter differs, no operation     the run ended between the two calls: update the stack
    parameter differs, rolled back      the release failed: note it, put the parameter back
    parameter = stack, endpoint not     SageMaker rolled the endpoint back by itself: that is a failed release too
    parameter differs, had succeeded    another operation undid it (a change set keeps the values of its
                                        creation): release the same package again, under a new token

Releases only go forward: past the version that serves, and past the one that failed last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

NONE = "none"
"""The value of a release parameter that names nothing (SSM parameters cannot be empty)."""

MISSING = "MISSING"
"""The status of a stack or an endpoint that does not exist."""

SETTLED = frozenset({
    "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE",
})  # fmt: skip
"""Statuses in which CloudFormation accepts an update."""

_REMEDY = "delete the stack and deploy it again"
REMEDIES = {
    "UPDATE_ROLLBACK_FAILED": "repair what the stack's events name as failed, then continue the rollback "
    "(aws cloudformation continue-update-rollback)",
    "UPDATE_FAILED": "roll the stack back (aws cloudformation rollback-stack) or deploy it again",
    "DELETE_FAILED": "delete the stack again, or deploy it again",
}


@dataclass(frozen=True)
class Parameter:
    """The champion parameter: value (package ARN or "none"), version, and when that version was written."""

    value: str
    version: int
    modified: datetime


@dataclass(frozen=True)
class Stack:
    """The serving stack. champion and endpoint_config are its outputs ("none" and "" if it has none)."""

    status: str
    champion: str = NONE
    endpoint_config: str = ""
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """The stack operation that tried the champion parameter's value: its newest status and why it failed.

    An empty status says that there was no such operation.
    """

    status: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Endpoint:
    """The endpoint: its status and the name of the configuration it serves."""

    status: str
    config: str = ""


@dataclass(frozen=True)
class Observed:
    """Everything a decision depends on. What is None has not been looked at, since nothing needed it yet.

    released: the package whose release was confirmed and told last; failed: the one that failed last;
    woken_by: the status in the stack event that woke this run, or ""; approved: the newest approved package.
    """

    stack: Stack
    champion: Parameter
    released: str = NONE
    failed: str = NONE
    woken_by: str = ""
    attempt: Attempt | None = None
    approved: str | None = None
    endpoint: Endpoint | None = None

    @property
    def diverged(self) -> bool:
        """The parameter names a package that the stack does not hold.

        "none" never counts: it comes back when the parameter is created anew, and must not take down an
        endpoint that serves.
        """
        return self.champion.value not in (NONE, self.stack.champion)


@dataclass(frozen=True)
class Wait:
    """Nothing to do now; the next event or the schedule comes back to it."""

    reason: str


@dataclass(frozen=True)
class Look:
    """The decision needs one more observation."""

    at: Literal["attempt", "approved", "endpoint"]


@dataclass(frozen=True)
class Release:
    """Write the champion parameter, update the stack, tell that it started."""

    package: str
    reason: str


@dataclass(frozen=True)
class Apply:
    """The parameter is written already: update the stack under the token of that version."""

    package: str
    version: int


@dataclass(frozen=True)
class RecordFailure:
    """Name the package in the failed parameter, tell it, put the champion parameter back."""

    package: str
    back_to: str
    reason: str


@dataclass(frozen=True)
class Done:
    """The endpoint serves the package: tell it and mark that parameter version as released."""

    package: str
    version: int


@dataclass(frozen=True)
class AskForHelp:
    """The stack takes no update until a person acts. failed: the package to note as failed, or ""."""

    status: str
    remedy: str
    failed: str


Action = Wait | Look | Release | Apply | RecordFailure | Done | AskForHelp


def version_of(package: str) -> int:
    """The version number at the end of a model package ARN; 0 for "none" and for anything else."""
    match = re.fullmatch(r"arn:.*:model-package/[^/]+/(\d+)", package)
    return int(match[1]) if match else 0


def plan(observed: Observed) -> Action:
    """The single next action."""
    status = observed.stack.status
    if status == MISSING:
        return Wait("the serving stack does not exist: deploy it")
    if status.endswith("_IN_PROGRESS"):
        return Wait(f"the serving stack is {status}: its end will wake the controller")
    if status not in SETTLED:
        return _stuck(observed)
    return _diverged(observed) if observed.diverged else _in_step(observed)


def _stuck(observed: Observed) -> Action:
    """The stack needs a person.

    Told once: the failed parameter remembers it where the release led there, else the stack's event tells it.
    """
    status = observed.stack.status
    remedy = REMEDIES.get(status, _REMEDY)
    if observed.diverged and status == "UPDATE_ROLLBACK_FAILED":
        if observed.champion.value == observed.failed:
            return Wait(f"the serving stack is {status}, as told: {remedy}")
        if observed.attempt is None:
            return Look("attempt")
        if observed.attempt.status == status:
            return AskForHelp(status, remedy, failed=observed.champion.value)
    if observed.woken_by == status:
        return AskForHelp(status, remedy, failed="")
    return Wait(f"the serving stack is {status}: {remedy}")


def _diverged(observed: Observed) -> Action:
    """Parameter and stack differ: the operation that tried the parameter's value, if any, says why."""
    champion, attempt = observed.champion, observed.attempt
    if attempt is None:
        return Look("attempt")
    if attempt.status.endswith("_IN_PROGRESS"):
        return Wait(f"the release is {attempt.status}: the stack's event will wake the controller")
    if "ROLLBACK" in attempt.status or champion.value == observed.failed:
        reason = attempt.reason or "it failed before, and a failed version is never tried again"
        return RecordFailure(champion.value, observed.stack.champion, reason)
    if (blocked := _endpoint_blocks(observed)) is not None:
        return blocked
    if attempt.status:
        return Release(champion.value, "another operation of the stack undid its release")
    return Apply(champion.value, champion.version)


def _in_step(observed: Observed) -> Action:
    """The stack holds the champion: confirm its release, then see whether there is a newer approved one."""
    stack, champion = observed.stack, observed.champion
    confirmed = champion.value in (NONE, observed.released)
    if not confirmed:
        if observed.endpoint is None:
            return Look("endpoint")
        if observed.endpoint == Endpoint("InService", stack.endpoint_config):
            return Done(champion.value, champion.version)
        if observed.endpoint.status == "InService" and observed.endpoint.config:
            # SageMaker rolled the endpoint back, and the stack did not take that for a failure of its own.
            reason = f"the endpoint is back at configuration {observed.endpoint.config}"
            return RecordFailure(champion.value, observed.released, f"{reason}, the stack asked for another one")
    newest = observed.approved
    if newest is None:
        return Look("approved")
    if newest == NONE:
        return Wait("no version is approved")
    if newest == champion.value:
        return Wait("the newest approved version is released" if confirmed else _unconfirmed(observed))
    if version_of(newest) < version_of(stack.champion):
        return Wait(f"the newest approved version {version_of(newest)} is older than the champion")
    if version_of(newest) <= version_of(observed.failed):
        return Wait(f"version {version_of(newest)} is not newer than the one that failed last")
    if (blocked := _endpoint_blocks(observed)) is not None:
        return blocked
    return Release(newest, "it is the newest approved version")


def _endpoint_blocks(observed: Observed) -> Look | Wait | None:
    """SageMaker refuses to update an endpoint that is changing (autoscaling does that too).

    The stack would roll back, and a good version would count as failed: so look before each update.
    """
    if not observed.stack.endpoint_config:
        return None
    if observed.endpoint is None:
        return Look("endpoint")
    if observed.endpoint.status != "InService":
        return Wait(f"the endpoint is {observed.endpoint.status}: it must be InService to be updated")
    return None


def _unconfirmed(observed: Observed) -> str:
    endpoint = observed.endpoint or Endpoint(MISSING)
    return (
        f"not done: the endpoint is {endpoint.status} with configuration {endpoint.config!r}, "
        f"expected InService with {observed.stack.endpoint_config!r}"
    )
