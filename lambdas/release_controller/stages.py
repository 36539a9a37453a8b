"""What moves a candidate on: people, guardrails, verdicts. Pure, as `plan`, which calls it when all is in step."""

from __future__ import annotations

from datetime import timedelta

import verdict as statistics
from desired import arrived, candidate, ending
from memory import once
from shared.versions import version_of
from state import (
    NONE,
    Action,
    AskForHelp,
    Begin,
    Candidate,
    End,
    Look,
    Note,
    Observed,
    Package,
    Retire,
    Rollback,
    Stage,
    Test,
    Wait,
    Write,
    command_of,
)

TEST_AGAIN = "%Y-%m-%dT%H"
"""A test whose result does not come is started again in the next hour."""

THOMPSON_STEP = 5
"""Percent: smaller changes of the share are not worth an update of the endpoint."""


def intervene(observed: Observed) -> Action | None:
    """What people decided: commands, a rejected champion, a rejected candidate. None if nobody did."""
    if observed.packages is None:
        return Look("packages")
    command = command_of(observed.parameters.command)
    if command.word == "rollback":
        return _asked_back(observed, command.package)
    if (rejected := _rejected_champion(observed)) is not None:
        return rejected
    if command.word == "promote":
        return _asked_forward(observed, command.package)
    now = candidate(observed)
    if now is None or ending(observed, now) or observed.parameters.champion.value == now.package:
        return None
    if _approval(observed, now.package) == "Approved":
        return None
    if now.stage == "rollback":
        return Write("candidate", NONE, "the version to go back to is not approved any more")
    return End(now.package, "rejected", "its approval was withdrawn in the registry")


def _approval(observed: Observed, package: str) -> str:
    return next((known.approval for known in observed.packages or () if known.arn == package), "gone")


def _asked_back(observed: Observed, package: str) -> Action:
    """`mlops rollback`, to a version or to the one before."""
    parameters, now = observed.parameters, candidate(observed)
    if now and now.stage == "rollback" and package in (NONE, now.package):
        return Write("command", NONE, "the rollback is under way")
    target = parameters.previous.value if package == NONE else package
    champion = parameters.champion.value
    if champion == NONE:
        return _refuse(observed, target, "there is no champion to roll back from")
    if target in (NONE, champion):
        return _refuse(observed, target, "there is no version before the champion: name one that is approved")
    if _approval(observed, target) != "Approved":
        return _refuse(observed, target, f"version {version_of(target)} is not approved in the registry")
    return Rollback(champion, target, "a person asked for it")


def _asked_forward(observed: Observed, package: str) -> Action:
    """`mlops promote`: the candidate, or any newer approved version, replaces the champion now."""
    parameters, now = observed.parameters, candidate(observed)
    if package == parameters.champion.value or (now and now.package == package and now.stage == "promote"):
        return Write("command", NONE, "the promotion is under way")
    if _approval(observed, package) != "Approved":
        return _refuse(observed, package, f"version {version_of(package)} is not approved in the registry")
    if version_of(package) <= version_of(parameters.failed.value):
        return _refuse(observed, package, f"version {version_of(package)} is not newer than the one that failed last")
    if version_of(package) < version_of(parameters.champion.value):
        return _refuse(observed, package, "it is older than the champion: use rollback")
    missing = _missing(observed, package)
    if isinstance(missing, Look):
        return missing
    if missing:
        return _refuse(observed, package, f"version {version_of(package)} waits for {missing}")
    return Begin(package, "promote", "a person asked for it")


def _refuse(observed: Observed, package: str, reason: str) -> Action:
    """Say why a command cannot be done, then take it away."""
    command = observed.parameters.command
    note = Note("refused", f"refused#{command.version}", package, f"command {command.value!r}: {reason}")
    return once(observed, note) or Write("command", NONE, reason)


def _rejected_champion(observed: Observed) -> Action | None:
    parameters, now = observed.parameters, candidate(observed)
    champion = parameters.champion.value
    if champion == NONE or _approval(observed, champion) != "Rejected" or (now and now.stage == "rollback"):
        return None
    target = parameters.previous.value
    if target not in (NONE, champion) and _approval(observed, target) == "Approved":
        return Rollback(champion, target, "the champion was rejected in the registry")
    key = f"help#rejected#{version_of(champion)}#{observed.now:%Y-%m-%d}"
    status = f"version {version_of(champion)} was rejected, and none is known to go back to"
    remedy = "approve another version, or name one with mlops rollback; until then the rejected one goes on serving"
    return once(observed, AskForHelp("version", status, remedy, key))


def next_step(observed: Observed) -> Action:
    """The candidate's next step; without one, the next candidate, tests, tidying up."""
    now = candidate(observed)
    if now is None:
        return _next_candidate(observed)
    if ending(observed, now) or arrived(observed, now):
        return _leave(observed, now)
    if now.stage in ("promote", "rollback"):
        return Wait(f"version {version_of(now.package)} is on its way to champion")
    newest = _newest(observed)
    if isinstance(newest, Look):
        return newest
    if newest and newest.version > version_of(now.package) and not _paused(observed):
        return _start(observed, newest, f"version {newest.version} supersedes version {version_of(now.package)}")
    return _compare(observed, now)


def _leave(observed: Observed, now: Candidate) -> Action:
    parameters, stack = observed.parameters, observed.stack
    if {parameters.challenger.value, parameters.shadow.value, stack.challenger, stack.shadow} != {NONE}:
        return Wait("the variants of the candidate are going")
    end = "has left no variant behind" if ending(observed, now) else "has arrived: it is the champion"
    return Write("candidate", NONE, f"version {version_of(now.package)} {end}")


def _paused(observed: Observed) -> bool:
    return command_of(observed.parameters.command).word == "pause"


def _next_candidate(observed: Observed) -> Action:
    parameters, policy = observed.parameters, observed.policy
    if _paused(observed):
        return Wait("paused by a person: mlops resume goes on")
    newest = _newest(observed)
    if isinstance(newest, Look):
        return newest
    if newest is not None:
        return _start(observed, newest, "it is the newest approved version")
    if policy.tests and parameters.champion.value != NONE:
        test = _test(observed, parameters.champion.value)
        if test is not None:
            return test
    return _retire(observed) or Wait(_resting(observed))


def _newest(observed: Observed) -> Package | Look | None:
    """The newest version that may be released: past champion and failed, with all that this environment asks for."""
    parameters = observed.parameters
    past = max(version_of(parameters.champion.value), version_of(parameters.failed.value))
    for package in sorted(observed.packages or (), key=lambda known: -known.version):
        if package.version <= past:
            return None
        if package.approval == "Approved":
            missing = _missing(observed, package.arn)
            if isinstance(missing, Look):
                return missing
            if not missing:
                return package
    return None


def _missing(observed: Observed, package: str) -> str | Look:
    """What this environment asks for and the version does not have yet; "" if it has all."""
    policy, wanted = observed.policy, []
    if policy.evidence:
        metadata = observed.metadata.get(package)
        if metadata is None:
            return Look("metadata", package)
        wanted = [f"{key} = passed" for key in policy.evidence if metadata.get(key) != "passed"]
    if policy.second_person and package != observed.parameters.allowed.value:
        wanted.append("its release by a second person (mlops release)")
    return " and ".join(wanted)


def _start(observed: Observed, package: Package, reason: str) -> Action:
    """The first stage: the environment's, unless the version is the first one or a hotfix."""
    stages = observed.policy.stages
    if observed.parameters.champion.value == NONE:
        return Begin(package.arn, "promote", f"{reason}, and nothing serves yet")
    if not stages:
        return Begin(package.arn, "promote", reason)
    metadata = observed.metadata.get(package.arn)
    if metadata is None:
        return Look("metadata", package.arn)
    if metadata.get("release_strategy") == "replace":
        return Begin(package.arn, "promote", f"{reason}, approved to replace the champion without an experiment")
    return Begin(package.arn, stages[0], reason)


def _compare(observed: Observed, now: Candidate) -> Action:
    """Shadow and challenger: guardrails first, then the planned share, then the verdict."""
    if observed.alarming is None:
        return Look("alarming")
    if observed.alarming:
        return End(now.package, "failed", f"alarm {', '.join(observed.alarming)} of its variant went off")
    if _paused(observed):
        return Wait("paused by a person: mlops resume goes on")
    if now.stage == "challenger" and (ramp := _ramp(observed)) is not None:
        return ramp
    if observed.counts is None:
        return Wait(observed.counting) if observed.counting else Look("counts")
    return _judge(observed, now, observed.counts)


def _ramp(observed: Observed) -> Action | None:
    """The next step towards the planned share; None when it is reached."""
    experiment, weight = observed.policy.experiment, observed.parameters.challenger_weight
    share = observed.parameters.share
    if share >= experiment.share_percent or (experiment.allocation == "thompson" and share > 0):
        return None
    due = weight.modified + timedelta(seconds=experiment.step_seconds)
    if share and observed.now < due:
        return Wait(f"the challenger has {share} % until {due:%H:%M:%S} UTC, then more")
    following = min(experiment.share_percent, share + experiment.step_percent)
    return Write("challenger-weight", str(following), f"no alarm at {share} %: the challenger gets {following} %")


def _judge(observed: Observed, now: Candidate, counts: statistics.Counts) -> Action:
    experiment = observed.policy.experiment
    paired = now.stage == "shadow"
    guardrail = statistics.positive_change(counts.traffic, experiment, paired=paired)
    if guardrail.exceeded:
        return End(now.package, "failed", guardrail.explanation)
    found = (
        statistics.paired(counts, experiment, observed.looks)
        if paired
        else statistics.unpaired(counts, experiment, observed.parameters.share, observed.looks)
    )
    if found.decision == "better":
        return Begin(now.package, _following(observed, now.stage), found.explanation, found)
    if found.decision == "worse":
        return End(now.package, "lost", found.explanation, found)
    late = observed.now >= now.since + timedelta(hours=experiment.max_hours)
    if found.decision == "no_difference" or late:
        reason = f"time is up after {experiment.max_hours} hours. {found.explanation}" if late else found.explanation
        # Counts that cannot be trusted promote nobody.
        if experiment.inconclusive == "promote" and found.decision != "mismatch":
            return Begin(now.package, _following(observed, now.stage), reason, found)
        return End(now.package, "inconclusive", reason, found)
    if found.decision == "mismatch":
        key = f"hold#mismatch#{now.version}"
        note = Note("hold", key, now.package, found.explanation, found)
    elif not found.samples:
        return Wait("no outcome of the experiment is known yet")
    else:
        key = f"look#{now.version}#{found.samples}"
        note = Note("look", key, now.package, found.explanation, found, tell=False)
    return once(observed, note) or _reallocate(observed, now, counts) or Wait(found.explanation)


def _reallocate(observed: Observed, now: Candidate, counts: statistics.Counts) -> Write | None:
    """Thompson sampling moves the share; it never decides."""
    experiment = observed.policy.experiment
    if experiment.allocation != "thompson" or now.stage != "challenger":
        return None
    share = statistics.thompson_share(counts, experiment)
    if abs(share - observed.parameters.share) < THOMPSON_STEP:
        return None
    return Write("challenger-weight", str(share), "the share follows the chance of being better")


def _following(observed: Observed, stage: Stage) -> Stage:
    stages: tuple[Stage, ...] = (*observed.policy.stages, "promote")
    return stages[stages.index(stage) + 1] if stage in stages else "promote"


def _test(observed: Observed, package: str) -> Action | None:
    """The tests of a released version, until their result is on the package."""
    metadata = observed.metadata.get(package)
    if metadata is None:
        return Look("metadata", package)
    if observed.policy.evidence_key in metadata:
        return None
    key = f"test#{version_of(package)}#{observed.now.strftime(TEST_AGAIN)}"
    return once(observed, Test(package, key))


def _retire(observed: Observed) -> Retire | None:
    """The oldest version beyond the kept number that nothing needs."""
    parameters, stack, keep = observed.parameters, observed.stack, observed.policy.keep_versions
    if not keep:
        return None
    needed = {
        parameters.champion.value, parameters.challenger.value, parameters.shadow.value, parameters.previous.value,
        parameters.released, parameters.allowed.value, stack.champion, stack.challenger, stack.shadow,
    }  # fmt: skip
    newest_first = sorted(observed.packages or (), key=lambda known: -known.version)
    beyond = [package for package in newest_first[keep:] if package.arn not in needed]
    if not beyond:
        return None
    return Retire(beyond[-1].arn, f"the {keep} newest versions are kept, and nothing needs this one")


def _resting(observed: Observed) -> str:
    """Why there is nothing to do, for whoever reads the log."""
    parameters = observed.parameters
    approved = [known for known in observed.packages or () if known.approval == "Approved"]
    if not approved:
        return "no version is approved"
    newest = max(approved, key=lambda known: known.version)
    if newest.arn == parameters.champion.value:
        return "the newest approved version is released"
    if newest.version <= version_of(parameters.failed.value):
        return f"version {newest.version} is not newer than the one that failed last"
    if newest.version < version_of(parameters.champion.value):
        return f"the newest approved version {newest.version} is older than the champion"
    return f"version {newest.version} waits for {_missing(observed, newest.arn)}"
