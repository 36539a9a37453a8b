"""What people tell the release controller: each is one release parameter, which the controller reads.

What can be checked is checked before it is written.
"""

from dataclasses import dataclass

from mlops import people, registry, release_state
from mlops.errors import CommandError
from mlops.release_state import NONE, PAUSE, ReleaseState, in_words, version_of
from mlops.target import Target
from mlops_constructs.naming import ReleaseParameter


@dataclass(frozen=True)
class Request:
    """What is to be written so that the controller releases `package`, and what comes of it, in one line."""

    package: str
    text: str
    parameter: ReleaseParameter
    value: str

    @property
    def version(self) -> int:
        return version_of(self.package)


def write(model: Target, request: Request) -> int:
    """Tell the controller; returns the version of the command that it waits for, 0 for none."""
    written = _write(model, request.parameter, request.value)
    return written if request.parameter is ReleaseParameter.COMMAND else 0


def pause(model: Target) -> str:
    """Start no candidate and let none advance; returns what came of it. Raises CommandError beside another command."""
    state = _state(model)
    if state.command == PAUSE:
        return f"{model.title} is paused already; {model.command('resume')} goes on"
    _refuse_beside(state, model)
    _write(model, ReleaseParameter.COMMAND, PAUSE)
    return (
        f"{model.title} is paused: no version starts or advances, while alarms still end one; "
        f"{model.command('resume')} goes on"
    )


def resume(model: Target) -> str:
    """Go on after a pause, or take back a command that still waits; returns what came of it."""
    command = _state(model).command
    if command == NONE:
        return f"{model.title} is not paused; nothing to do"
    _write(model, ReleaseParameter.COMMAND, NONE)
    done = "goes on" if command == PAUSE else f"goes on; the command {in_words(command)} is taken back"
    return f"{model.title} {done}"


def to_promote(model: Target, version: int | None) -> Request:
    """For the candidate, or an approved version; raises CommandError where it cannot be promoted now."""
    state = _state(model)
    package = _approved(model, version or _candidate(state, model))
    text = promotion(state, model, package)
    _refuse_beside(state, model)
    return Request(package, text, ReleaseParameter.COMMAND, f"promote {package}")


def to_roll_back(model: Target, version: int | None) -> Request:
    """For the champion before, or an approved version; raises CommandError where nothing can go back to it."""
    state = _state(model)
    package = _approved(model, version or _previous(state, model))
    text = way_back(state, model, package)
    _refuse_beside(state, model)
    return Request(package, text, ReleaseParameter.COMMAND, f"rollback {package}" if version else "rollback")


def to_release(model: Target, version: int) -> Request:
    """As the second person; raises CommandError where none is needed, or for who approved the version."""
    if not model.settings.release.second_person:
        raise _cannot(model, "needs no second person (release.second_person is false); approving releases it")
    found = registry.approved(model.clients("sagemaker"), model.package_group, version)
    state, package = _state(model), str(found["ModelPackageArn"])
    text = permission(state, model, package, people.approvers(found), people.caller(model.clients("sts")))
    return Request(package, text, ReleaseParameter.ALLOWED, package)


def promotion(state: ReleaseState, model: Target, package: str) -> str:
    """What promoting does, in one line; raises CommandError where it cannot be. Pure."""
    number, champion = version_of(package), state.version(ReleaseParameter.CHAMPION)
    if number == champion:
        raise _cannot(model, f"version {number} is the champion already")
    if number < champion:
        raise _cannot(
            model, f"version {number} is older than the champion {champion}; use {model.command('rollback', number)}"
        )
    if why := state.barred(number):
        raise _cannot(model, f"version {number} {why}; approve a newer one")
    candidate = state.candidate
    if candidate and candidate.package == package and candidate.stage == "promote":
        raise _cannot(model, f"version {number} is being promoted already; {model.command('status')} shows it")
    place = f"replaces version {champion}" if champion else "becomes the first champion"
    how = model.settings.serving.deployment.strategy.value.replace("_", " ")
    text = f"version {number} {place} now, {how}, under the alarms that roll it back"
    if candidate and candidate.package != package:
        text += f"; version {version_of(candidate.package)} ({candidate.stage}) gives way"
    return text + _ends_pause(state)


def way_back(state: ReleaseState, model: Target, package: str) -> str:
    """What going back does, in one line; raises CommandError where it cannot be. Pure."""
    number, champion = version_of(package), state.version(ReleaseParameter.CHAMPION)
    if not champion:
        raise _cannot(model, "nothing serves, so nothing can be rolled back; approve a version")
    candidate = state.candidate
    if candidate and candidate.stage == "rollback" and candidate.package == package:
        raise _cannot(model, f"is going back to version {number} already; {model.command('status')} shows it")
    if number == champion:
        raise _cannot(model, f"version {number} is the champion already")
    text = f"version {champion} gives way to version {number}, and is not tried again by itself"
    if candidate and version_of(candidate.package) > champion:
        waiting = version_of(candidate.package)
        text += (
            f"; version {waiting} ({candidate.stage}) leaves and starts anew, unless {model.command('reject', waiting)}"
        )
    return text + _ends_pause(state)


def permission(state: ReleaseState, model: Target, package: str, approvers: list[str], caller: str) -> str:
    """What releasing does, in one line; raises CommandError where it cannot be, or for the same person. Pure."""
    number, champion = version_of(package), state.version(ReleaseParameter.CHAMPION)
    if number <= champion:
        raise _cannot(model, f"version {champion} serves; only a newer one is released")
    if why := state.barred(number):
        raise _cannot(model, f"version {number} {why}; approve a newer one")
    if own := next((each for each in approvers if people.same(each, caller)), None):
        raise _cannot(model, f"version {number} was approved by you ({people.name(own)}); a second person releases it")
    known = f"approved by {people.name(approvers[0])}, " if approvers else "approved by somebody who left no name, "
    conditions = [f"the tests of {each} have passed" for each in model.settings.release.requires]
    after = f" once {' and '.join(conditions)}" if conditions else ""
    return f"version {number}, {known}released by {people.name(caller)}: goes to {model.environment}{after}"


def _candidate(state: ReleaseState, model: Target) -> int:
    candidate = state.candidate
    if candidate is None:
        raise _cannot(model, f"there is no candidate; name a version: {model.command('promote', 'VERSION')}")
    if candidate.stage == "rollback":
        raise _cannot(
            model, f"is going back to version {version_of(candidate.package)}; name a version to promote instead"
        )
    return version_of(candidate.package)


def _previous(state: ReleaseState, model: Target) -> int:
    if state.candidate and state.candidate.stage == "rollback":
        return version_of(state.candidate.package)
    if not (number := state.previous):
        raise _cannot(model, f"knows of no champion before; name a version: {model.command('rollback', 'VERSION')}")
    return number


def _approved(model: Target, number: int) -> str:
    return str(registry.approved(model.clients("sagemaker"), model.package_group, number)["ModelPackageArn"])


def _refuse_beside(state: ReleaseState, model: Target) -> None:
    """There is room for one command: another one would be lost."""
    if state.command not in (NONE, PAUSE):
        raise _cannot(
            model, f"{in_words(state.command)} is still to be done; wait, or take it back: {model.command('resume')}"
        )


def _ends_pause(state: ReleaseState) -> str:
    return "; the pause ends with it" if state.command == PAUSE else ""


def _cannot(model: Target, why: str) -> CommandError:
    return CommandError(f"{model.title}: {why}")


def _state(model: Target) -> ReleaseState:
    return release_state.read(model.clients("ssm"), model.names)


def _write(model: Target, parameter: ReleaseParameter, value: str) -> int:
    return release_state.write(model.clients("ssm"), model.names, parameter, value)
