"""`mlops approve` and `mlops reject`: what a person decides about a version in the registry."""

import argparse

from mlops import people, registry, release_state, target
from mlops.commands import options
from mlops.errors import CommandError
from mlops.follow import Goal
from mlops.release_state import PAUSE, ReleaseState, version_of
from mlops.target import Target
from mlops_constructs.naming import ReleaseParameter


def add(commands: "options.Commands") -> None:
    for name, run, summary in (
        ("approve", approve, "approve a version: it is released, by the strategy of the configuration"),
        ("reject", reject, "reject a version: it is not released, and rolled back if it serves"),
    ):
        parser = options.command(commands, name, run, summary)
        parser.add_argument("version", type=options.positive, metavar="VERSION")
        parser.add_argument("--reason", default="", help="kept with the version")
        options.waits(parser)
        if name == "approve":
            parser.add_argument(
                "--strategy",
                choices=["replace"],
                help="replace: skip shadow and challenger, for a hotfix; the canary and its alarms stay",
            )


def approve(arguments: argparse.Namespace) -> int:
    model, number = target.find(arguments.env, arguments.model), arguments.version
    _check_decides(model, "approve", number)
    sagemaker = model.clients("sagemaker")
    package = registry.version(sagemaker, model.package_group, number)
    if (status := package["ModelPackageStatus"]) != "Completed":
        raise CommandError(f"version {number} of {model.group_name}: its registration is {status}; train another")
    state = release_state.read(model.clients("ssm"), model.names)
    text, released = prospect(state, model, number, replaces=bool(arguments.strategy))
    follower = options.follower(arguments, model)
    registry.approve(
        sagemaker,
        package,
        reason=arguments.reason or f"mlops approve --env {arguments.env}",
        by=people.caller(model.clients("sts")),
        strategy=arguments.strategy,
    )
    options.say(arguments, text)
    if follower and released:
        follower.follow(Goal(package["ModelPackageArn"]), arguments.timeout)
        options.say(arguments, f"version {number} serves")
    options.answer(arguments, options.of(model, version=number, done="approved", text=text), [])
    return 0


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


def reject(arguments: argparse.Namespace) -> int:
    model, number = target.find(arguments.env, arguments.model), arguments.version
    _check_decides(model, "reject", number)
    sagemaker = model.clients("sagemaker")
    package = registry.version(sagemaker, model.package_group, number)
    state = release_state.read(model.clients("ssm"), model.names)
    text, leaves = consequence(state, model, number)
    follower = options.follower(arguments, model)
    registry.reject(sagemaker, package, reason=arguments.reason or f"mlops reject --env {arguments.env}")
    options.say(arguments, text)
    if follower and leaves:
        follower.follow(Goal(package["ModelPackageArn"], leave=True), arguments.timeout)
        options.say(arguments, f"version {number} serves nobody any more")
    options.answer(arguments, options.of(model, version=number, done="rejected", text=text), [])
    return 0


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
