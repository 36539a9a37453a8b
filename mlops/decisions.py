"""What a person decides about a version in the registry, and what that leads to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlops import registry, release_state
from mlops.errors import CommandError
from mlops.release_state import PAUSE, ReleaseState, version_of
from mlops.target import Target
from mlops_constructs.naming import ReleaseParameter


@dataclass(frozen=True)
class Outlook:
    """What a decision leads to, in one line. package: the version's; moves: whether what serves changes by it."""

    package: Mapping[str, Any]
    text: str
    moves: bool


def approval(model: Target, number: int, *, replaces: bool = False) -> Outlook:
    """What approving leads to; replaces: without shadow and challenger.

    Raises CommandError for a version that is not there, is another account's to decide on, or cannot be released.
    """
    package = _package(model, "approve", number)
    if (status := package["ModelPackageStatus"]) != "Completed":
        raise CommandError(f"version {number} of {model.group_name}: its registration is {status}; train another")
    return Outlook(package, *prospect(_state(model), model, number, replaces=replaces))


def rejection(model: Target, number: int) -> Outlook:
    """What rejecting leads to; raises CommandError for a version that is not there or another account's."""
    package = _package(model, "reject", number)
    return Outlook(package, *consequence(_state(model), model, number))


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


def _package(model: Target, word: str, number: int) -> Mapping[str, Any]:
    """An account decides on what it registered; no other one has the right to."""
    if model.decided_in != model.environment:
        named = f"mlops {word} {number} --env {model.decided_in}"
        raise CommandError(
            f"version {number} of {model.group_name}: is in the account of {model.decided_in}, whose people decide on "
            f"it; with that account's credentials: {named}"
        )
    return registry.version(model.clients("sagemaker"), model.package_group, number)


def _state(model: Target) -> ReleaseState:
    return release_state.read(model.clients("ssm"), model.names)
