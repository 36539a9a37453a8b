"""`mlops pause`, `resume`, `promote`, `rollback`, `release`: what people tell the release controller.

Each writes one release parameter, which the controller reads; what can be checked is checked before.
"""

from dataclasses import dataclass
from typing import Annotated

import typer

from mlops import people, registry, release_state, target
from mlops.commands.options import DAY_SECONDS, LOCAL, Env, Json, Model, Timeout, Version, Wait, positive
from mlops.commands.output import Output, of
from mlops.errors import CommandError
from mlops.follow import Goal
from mlops.release_state import NONE, PAUSE, ReleaseState, in_words, version_of
from mlops.target import Target
from mlops_constructs.naming import ReleaseParameter


@dataclass(frozen=True)
class Asked:
    """Of which model something is asked, how long its effect is waited for (0: not at all), and where it is told."""

    model: Target
    out: Output
    wait_seconds: int = 0


def add(app: typer.Typer) -> None:
    for name, command in (
        ("pause", pause),
        ("resume", resume),
        ("promote", promote),
        ("rollback", rollback),
        ("release", release),
    ):
        app.command(name)(command)


def pause(env: Env = LOCAL, model: Model = None, json: Json = False) -> None:
    """Start no candidate and let none advance, until resume."""
    about, out = target.find(env, model), Output(json)
    state = _state(about)
    if state.command == PAUSE:
        _answer(out, about, f"{about.title} is paused already; {about.command('resume')} goes on")
        return
    _refuse_beside(state, about)
    _write(about, ReleaseParameter.COMMAND, PAUSE)
    _answer(
        out,
        about,
        f"{about.title} is paused: no version starts or advances, while alarms still end one; "
        f"{about.command('resume')} goes on",
    )


def resume(env: Env = LOCAL, model: Model = None, json: Json = False) -> None:
    """Go on after a pause; takes back a command that is still waiting."""
    about, out = target.find(env, model), Output(json)
    command = _state(about).command
    if command == NONE:
        _answer(out, about, f"{about.title} is not paused; nothing to do")
        return
    _write(about, ReleaseParameter.COMMAND, NONE)
    done = "goes on" if command == PAUSE else f"goes on; the command {in_words(command)} is taken back"
    _answer(out, about, f"{about.title} {done}")


def promote(
    version: Annotated[
        int | None, typer.Argument(parser=positive, metavar="VERSION", help="default: the candidate")
    ] = None,
    wait: Wait = False,
    timeout: Timeout = DAY_SECONDS,
    env: Env = LOCAL,
    model: Model = None,
    json: Json = False,
) -> None:
    """Let the candidate, or a newer approved version, replace the champion now."""
    about = target.find(env, model)
    state = _state(about)
    number = version or _candidate(state, about)
    package = registry.approved(about.clients("sagemaker"), about.package_group, number)["ModelPackageArn"]
    text = promotion(state, about, package)
    _refuse_beside(state, about)
    asked = Asked(about, Output(json), timeout if wait else 0)
    _ask(asked, package, text, ReleaseParameter.COMMAND, f"promote {package}")


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


def rollback(
    version: Annotated[
        int | None, typer.Argument(parser=positive, metavar="VERSION", help="default: the one before")
    ] = None,
    wait: Wait = False,
    timeout: Timeout = DAY_SECONDS,
    env: Env = LOCAL,
    model: Model = None,
    json: Json = False,
) -> None:
    """Go back to the champion before, or to any approved version."""
    about = target.find(env, model)
    state = _state(about)
    number = version or _previous(state, about)
    package = registry.approved(about.clients("sagemaker"), about.package_group, number)["ModelPackageArn"]
    text = way_back(state, about, package)
    _refuse_beside(state, about)
    asked = Asked(about, Output(json), timeout if wait else 0)
    _ask(asked, package, text, ReleaseParameter.COMMAND, f"rollback {package}" if version else "rollback")


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


def release(
    version: Version,
    wait: Wait = False,
    timeout: Timeout = DAY_SECONDS,
    env: Env = LOCAL,
    model: Model = None,
    json: Json = False,
) -> None:
    """As the second person: let an approved version go to this environment."""
    about = target.find(env, model)
    if not about.settings.release.second_person:
        raise _cannot(about, "needs no second person (release.second_person is false); approving releases it")
    found = registry.approved(about.clients("sagemaker"), about.package_group, version)
    state, package = _state(about), found["ModelPackageArn"]
    text = permission(state, about, package, people.approvers(found), people.caller(about.clients("sts")))
    _ask(Asked(about, Output(json), timeout if wait else 0), package, text, ReleaseParameter.ALLOWED, package)


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


def _ask(asked: Asked, package: str, text: str, parameter: ReleaseParameter, value: str) -> None:
    """Write what makes the controller release `package`, say so, and with --wait follow it until it serves."""
    model, out, number = asked.model, asked.out, version_of(package)
    follower = out.follower(model, bool(asked.wait_seconds))  # before the write: all that comes of it is news
    written = _write(model, parameter, value)
    out.say(text)
    if follower:
        command = written if parameter is ReleaseParameter.COMMAND else 0
        with out.busy(f"waiting until version {number} serves"):
            follower.follow(Goal(package, command=command), asked.wait_seconds)
        out.say(f"version {number} serves")
    out.answer(of(model, version=number, text=text), [])


def _answer(out: Output, model: Target, text: str) -> None:
    out.answer(of(model, text=text), [text])
