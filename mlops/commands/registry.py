"""`mlops approve` and `mlops reject`: what a person decides about a version in the registry."""

from enum import StrEnum
from typing import Annotated

import typer

from mlops import people, registry, release_state, target
from mlops.commands.options import DAY_SECONDS, LOCAL, Env, Json, Model, Timeout, Version, Wait
from mlops.commands.output import Output, of
from mlops.errors import CommandError
from mlops.follow import Goal
from mlops.release_state import PAUSE, ReleaseState, version_of
from mlops.target import Target
from mlops_constructs.naming import ReleaseParameter

Reason = Annotated[str, typer.Option(metavar="TEXT", help="kept with the version", show_default=False)]


class Strategy(StrEnum):
    """What an approval may ask for instead of the configured strategy."""

    REPLACE = "replace"


def add(app: typer.Typer) -> None:
    app.command("approve")(approve)
    app.command("reject")(reject)


def approve(
    version: Version,
    reason: Reason = "",
    strategy: Annotated[
        Strategy | None,
        typer.Option(help="replace: skip shadow and challenger, for a hotfix; the canary and its alarms stay"),
    ] = None,
    wait: Wait = False,
    timeout: Timeout = DAY_SECONDS,
    env: Env = LOCAL,
    model: Model = None,
    json: Json = False,
) -> None:
    """Approve a version: it is released, by the strategy of the configuration."""
    about, out = target.find(env, model), Output(json)
    _check_decides(about, "approve", version)
    sagemaker = about.clients("sagemaker")
    package = registry.version(sagemaker, about.package_group, version)
    if (status := package["ModelPackageStatus"]) != "Completed":
        raise CommandError(f"version {version} of {about.group_name}: its registration is {status}; train another")
    state = release_state.read(about.clients("ssm"), about.names)
    text, released = prospect(state, about, version, replaces=bool(strategy))
    follower = out.follower(about, wait)
    registry.approve(
        sagemaker,
        package,
        reason=reason or f"mlops approve --env {env}",
        by=people.caller(about.clients("sts")),
        strategy=strategy,
    )
    out.say(text)
    if follower and released:
        with out.busy(f"waiting until version {version} serves"):
            follower.follow(Goal(package["ModelPackageArn"]), timeout)
        out.say(f"version {version} serves")
    out.answer(of(about, version=version, done="approved", text=text), [])


def _check_decides(model: Target, word: str, number: int) -> None:
    """An account decides on what it registered; no other one has the right to."""
    if model.decided_in != model.environment:
        named = f"mlops {word} {number} --env {model.decided_in}"
        raise CommandError(
            f"version {number} of {model.group_name}: is in the account of {model.decided_in}, whose people decide on "
            f"it; with that account's credentials: {named}"
        )


def prospect(state: ReleaseState, model: Target, number: int, *, replaces: bool) -> tuple[str, bool]:
    """What an approval leads to, in one line, and whether that is a release. Pure."""
    champion = state.version(ReleaseParameter.CHAMPION)
    if number == champion:
        return f"version {number} is approved; it serves already", False
    if number < champion:
        back = model.command("rollback", number)
        return f"version {number} is approved; version {champion} goes on serving, {back} goes back to it", False
    if why := state.barred(number):
        return f"version {number} is approved, but not tried, since it {why}; a newer one is", False
    candidate = version_of(state.candidate.package) if state.candidate else 0
    if number < candidate:
        return (
            f"version {number} is approved, but version {candidate} is newer and on its way: only that is tried",
            False,
        )
    stages = () if replaces or not champion else model.settings.release.stages
    way = [f"as {stage}" for stage in stages] + [
        f"in place of version {champion}" if champion else "as the first champion"
    ]
    conditions = [f"the tests of {each}" for each in model.settings.release.requires]
    if model.settings.release.second_person:
        conditions.append(f"a second person ({model.command('release', number)})")
    if state.command == PAUSE:
        conditions.append(model.command("resume"))
    after = f" after {' and '.join(conditions)}" if conditions else ""
    return f"version {number} is approved and goes on{after}: {', then '.join(way)}", True


def reject(
    version: Version,
    reason: Reason = "",
    wait: Wait = False,
    timeout: Timeout = DAY_SECONDS,
    env: Env = LOCAL,
    model: Model = None,
    json: Json = False,
) -> None:
    """Reject a version: it is not released, and rolled back if it serves."""
    about, out = target.find(env, model), Output(json)
    _check_decides(about, "reject", version)
    sagemaker = about.clients("sagemaker")
    package = registry.version(sagemaker, about.package_group, version)
    state = release_state.read(about.clients("ssm"), about.names)
    text, leaves = consequence(state, about, version)
    follower = out.follower(about, wait)
    registry.reject(sagemaker, package, reason=reason or f"mlops reject --env {env}")
    out.say(text)
    if follower and leaves:
        with out.busy(f"waiting until version {version} has left"):
            follower.follow(Goal(package["ModelPackageArn"], leave=True), timeout)
        out.say(f"version {version} serves nobody any more")
    out.answer(of(about, version=version, done="rejected", text=text), [])


def consequence(state: ReleaseState, model: Target, number: int) -> tuple[str, bool]:
    """What a rejection leads to, in one line, and whether the version leaves the endpoint by it. Pure."""
    if number == state.version(ReleaseParameter.CHAMPION):
        previous = state.previous
        if not previous:
            named = model.command("rollback", "VERSION")
            return f"version {number} is rejected, but serves on: none is known to go back to; name one: {named}", False
        return f"version {number} is rejected: version {previous} takes its place, if that is approved", True
    if state.candidate and number == version_of(state.candidate.package):
        return f"version {number} is rejected: its time as candidate ({state.candidate.stage}) ends", True
    return f"version {number} is rejected; nothing that serves changes", False
