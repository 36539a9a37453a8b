"""What to do next, from what is observed. Pure: no clock, no AWS, no state between calls.

A retraining is decided before it is started: the decision is an entry of the ledger, and its time makes the client
request token and the name of the execution. So every state that a crash can leave says how to go on:

    decided, not noted as started    its execution is there: note it. It is not: start it, under the same token, or,
                                     if the decision is old, withdraw it
    started, not noted as ended      look at its execution; note its end
    otherwise                        does anything ask for a retraining, and may one start now?
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from policy import Policy
from shared.events import RUNNING
from shared.versions import version_of
from state import (
    Action,
    Conclude,
    Execution,
    Observed,
    Place,
    Record,
    Resume,
    Run,
    Snapshot,
    Start,
    Tell,
    Trigger,
    Version,
    Wait,
    Withdraw,
)
from windows import TooEarly, Window, window

WRITTEN = timedelta(minutes=10)
"""An export whose last file is younger may still be in the writing; only data that start a retraining wait for it."""

RESET = timedelta(hours=48)
"""By then the monitor has run with a new champion, which takes back what it said of the one before."""

FRESH = timedelta(minutes=30)
"""So long a decision is carried out without another look; and after it a list shows what was started, if it was."""

OUTCOMES: Mapping[str, Literal["succeeded", "failed", "stopped"]] = {
    "Succeeded": "succeeded",
    "Failed": "failed",
    "Stopped": "stopped",
}

_UNTIL = re.compile(r"/until=(\d{4}-\d\d-\d\d)/")


@dataclass(frozen=True)
class _Wish:
    """Something asks for a retraining, on behalf of a place."""

    trigger: Trigger
    reason: str
    place: Place


def plan(observed: Observed, policy: Policy) -> Action:
    """The single next action."""
    if observed.executions is None:
        return Wait("the training pipeline does not exist: deploy it")
    last = next(iter(observed.memory.runs), None)
    if last is not None and not last.outcome:
        return _follow(observed, last, policy) if last.execution else _go_on(observed, last)
    wishes = list(_wishes(observed, policy))
    if not wishes:
        return Wait("nothing asks for a retraining")
    if (running := _running(observed)) is not None:
        return Wait(f"execution {running.name} of the training pipeline is {running.status}")
    for wish in wishes:
        if _remedy(observed, wish.place) is None:
            return _held_back(observed, wish, policy) or _start(observed, wish, policy)
    return Wait(_on_its_way(observed, wishes[0].place))


def _go_on(observed: Observed, run: Run) -> Action:
    """Decided, and nobody noted that it was started."""
    mine = next((each for each in observed.executions or () if each.name == run.name), None)
    if mine is not None:
        return Record(run, mine.arn)
    if (other := _running(observed)) is not None:
        return Wait(f"execution {other.name} of the training pipeline is {other.status}")
    if observed.now - run.decided >= FRESH:
        return Withdraw(run, "it was decided and not started in time: what is needed now is decided anew")
    place = next((place for place in observed.places if place.champion == run.package), observed.places[0])
    if coming := _on_its_way(observed, place):
        return Wait(f"{coming}; what was decided before may have been started", run.decided + FRESH)
    return Resume(run)


def _follow(observed: Observed, run: Run, policy: Policy) -> Action:
    """Started: it runs, or it has ended."""
    mine = next((each for each in observed.executions or () if each.arn == run.execution), None)
    until = run.begun + policy.cooldown
    if mine is None:
        return Conclude(run, "failed", "SageMaker does not know its execution any more", until)
    if mine.status in RUNNING:
        return Wait(f"{run.name} is {mine.status}: its end will wake the controller")
    if mine.status == "Succeeded":
        return Conclude(run, "succeeded", f"{run.name} has ended well; what it registered waits for approval", until)
    return Conclude(run, OUTCOMES[mine.status], mine.reason or f"its execution is {mine.status}", until)


def _wishes(observed: Observed, policy: Policy) -> Iterator[_Wish]:
    """What asks for a retraining, the most urgent first."""
    here = observed.places[0]
    if policy.on_degradation:
        for place in observed.places:
            if (reason := _degraded(observed, place)) is not None:
                yield _Wish("degradation", reason, place)
    served = next((run.decided for run in observed.memory.runs if run.serves), None)
    due = [at for at in observed.memory.asked if served is None or at > served]
    if due:
        yield _Wish("schedule", f"the schedule asked for it at {due[0]:%Y-%m-%d %H:%M} UTC", here)
    if policy.on_new_data and (reason := _new_data(observed)) is not None:
        yield _Wish("new-data", reason, here)


def _degraded(observed: Observed, place: Place) -> str | None:
    """Why the model that serves in the place counts as degraded.

    An alarm may be about the champion before. It counts if it went off since this one came, if the monitor says by
    itself that it means this one, or if it rings on although the monitor has run since.
    """
    if not place.alarming or not place.version or place.since is None or place.released is None:
        return None
    findings = observed.findings if place == observed.places[0] else None
    meant = findings is not None and findings.version == place.version and bool(findings.degrading)
    if not (meant or place.since >= place.released or observed.now - place.released >= RESET):
        return None
    said = f"confirmed by {', '.join(findings.degrading)}, see {findings.report}" if meant and findings else place.why
    return f"version {place.version} got worse in {place.environment}: {said or 'its alarm is in ALARM'}"


def _new_data(observed: Observed) -> str | None:
    snapshot = observed.snapshot
    if snapshot is None or observed.now - snapshot.modified < WRITTEN or not _newer(snapshot, observed.learned):
        return None
    served = next((run for run in observed.memory.runs if run.serves), None)
    if served is not None and served.data == snapshot.uri:
        return None
    return f"new training data are there, up to {snapshot.until}"


def _newer(snapshot: Snapshot, learned: Mapping[str, str]) -> bool:
    """Whether the newest version learned from something else, and not from later days."""
    uri = learned.get("data_uri", "")
    found = _UNTIL.search(uri)
    return uri.rstrip("/") != snapshot.uri.rstrip("/") and not (found and found[1] > snapshot.until.isoformat())


def _held_back(observed: Observed, wish: _Wish, policy: Policy) -> Action | None:
    """By the retrainings before it."""
    counted = [run for run in observed.memory.runs if run.counts]
    if counted and observed.now < (until := counted[0].begun + policy.cooldown):
        return Wait(f"{policy.cooldown_hours} hours lie between two retrainings", until)
    this_month = [run for run in counted if _month(run.begun) == _month(observed.now)]
    if len(this_month) >= policy.max_per_month:
        reason = f"{wish.reason}; but {len(this_month)} retrainings were started this month already"
        return _once(observed, Tell("limit", f"limit#{_month(observed.now)}", reason, _next_month(observed.now)))
    return None


def _running(observed: Observed) -> Execution | None:
    return next((each for each in observed.executions or () if each.status in RUNNING), None)


def _remedy(observed: Observed, place: Place) -> Version | None:
    """A version on its way to the place: it waits for a person, or for the release controller."""
    for version in observed.versions:
        if version.number > place.version and (
            version.approval == "PendingManualApproval"
            or (version.approval == "Approved" and version.number > version_of(place.failed))
        ):
            return version
    return None


def _on_its_way(observed: Observed, place: Place) -> str:
    """The remedy, in words; "" without one."""
    if (remedy := _remedy(observed, place)) is None:
        return ""
    waits = "waits for approval" if remedy.approval == "PendingManualApproval" else "is approved and not released"
    return f"version {remedy.number} is on its way to {place.environment}: it {waits}"


def _start(observed: Observed, wish: _Wish, policy: Policy) -> Action:
    """With the newest data, unless there are none, or they have nothing to add."""
    snapshot, names = observed.snapshot, policy.parameters
    if snapshot is None:
        return _refuse(observed, wish, "there is no snapshot of training data")
    try:
        days = window(
            snapshot.until,
            train_months=policy.train_months,
            test_months=policy.test_months,
            label_maturity_months=policy.label_maturity_months,
        )
    except TooEarly as error:
        return _refuse(observed, wish, f"the newest snapshot cannot hold rows that are old enough: {error}")
    if not _adds(snapshot, days, observed.learned):
        newest = observed.versions[0].number if observed.versions else 0
        return _refuse(observed, wish, f"version {newest} learned from the newest snapshot already ({snapshot.uri})")
    parameters = {getattr(names, name): day.isoformat() for name, day in asdict(days).items()}
    reason = (
        f"{wish.reason}. It learns from the data up to {snapshot.until}: {days.train_from} to {days.train_to}, "
        f"tested on {days.test_from} to {days.test_to}"
    )
    return Start(wish.trigger, reason, snapshot.uri, {names.data: snapshot.uri, **parameters}, wish.place.champion)


def _adds(snapshot: Snapshot, days: Window, learned: Mapping[str, str]) -> bool:
    """Whether there is anything to learn that the newest version has not: other data, or other days of them."""
    if learned.get("data_uri", "").rstrip("/") != snapshot.uri.rstrip("/"):
        return _newer(snapshot, learned)
    wanted: dict[str, date] = asdict(days)
    return any(learned.get(name, day.isoformat()) != day.isoformat() for name, day in wanted.items())


def _refuse(observed: Observed, wish: _Wish, why: str) -> Action:
    key = f"refused#{hashlib.sha256(why.encode()).hexdigest()[:16]}"
    return _once(observed, Tell("refused", key, f"{wish.reason}; but {why}"))


def _once(observed: Observed, action: Tell) -> Action:
    """The action, unless the ledger remembers it: then there is nothing to do but wait."""
    return Wait(f"as told: {action.reason}", action.until) if action.key in observed.memory.told else action


def _month(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m}"


def _next_month(moment: datetime) -> datetime:
    first = moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)
