"""`mlops pause`, `resume`, `promote`, `rollback`, `release`: what people tell the release controller.

Each writes one release parameter, which the controller reads; what can be checked is checked before.
"""

import argparse

from mlops import people, registry, release_state, target
from mlops.commands import options
from mlops.errors import CommandError
from mlops.follow import Goal
from mlops.release_state import NONE, PAUSE, ReleaseState, version_of
from mlops.target import Target
from mlops_constructs.naming import ReleaseParameter


def add(commands: "options.Commands") -> None:
    options.command(commands, "pause", pause, "start no candidate and let none advance, until resume")
    options.command(commands, "resume", resume, "go on after a pause; takes back a command that is still waiting")
    forward = options.command(
        commands, "promote", promote, "let the candidate, or a newer approved version, replace the champion now"
    )
    forward.add_argument("version", type=options.positive, nargs="?", metavar="VERSION", help="default: the candidate")
    back = options.command(commands, "rollback", rollback, "go back to the champion before, or to any approved version")
    back.add_argument("version", type=options.positive, nargs="?", metavar="VERSION", help="default: the one before")
    allow = options.command(
        commands, "release", release, "as the second person: let an approved version go to this environment"
    )
    allow.add_argument("version", type=options.positive, metavar="VERSION")
    for parser in (forward, back, allow):
        options.waits(parser)


def pause(arguments: argparse.Namespace) -> int:
    model = target.find(arguments.env, arguments.model)
    state = _state(model)
    if state.command == PAUSE:
        return _answer(arguments, model, f"{model.title} is paused already; {model.command('resume')} goes on")
    _refuse_beside(state, model)
    _write(model, ReleaseParameter.COMMAND, PAUSE)
    return _answer(
        arguments,
        model,
        f"{model.title} is paused: no version starts or advances, while alarms still end one; "
        f"{model.command('resume')} goes on",
    )


def resume(arguments: argparse.Namespace) -> int:
    model = target.find(arguments.env, arguments.model)
    command = _state(model).command
    if command == NONE:
        return _answer(arguments, model, f"{model.title} is not paused; nothing to do")
    _write(model, ReleaseParameter.COMMAND, NONE)
    done = "goes on" if command == PAUSE else f"goes on; the command {in_words(command)} is taken back"
    return _answer(arguments, model, f"{model.title} {done}")


def promote(arguments: argparse.Namespace) -> int:
    model = target.find(arguments.env, arguments.model)
    state = _state(model)
    number = arguments.version or _candidate(state, model)
    package = registry.approved(model.clients("sagemaker"), model.package_group, number)["ModelPackageArn"]
    text = promotion(state, model, package)
    _refuse_beside(state, model)
    return _ask(arguments, model, package, text, ReleaseParameter.COMMAND, f"promote {package}")


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


def rollback(arguments: argparse.Namespace) -> int:
    model = target.find(arguments.env, arguments.model)
    state = _state(model)
    number = arguments.version or _previous(state, model)
    package = registry.approved(model.clients("sagemaker"), model.package_group, number)["ModelPackageArn"]
    text = way_back(state, model, package)
    _refuse_beside(state, model)
    named = f" {package}" if arguments.version else ""
    return _ask(arguments, model, package, text, ReleaseParameter.COMMAND, f"rollback{named}")


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


def release(arguments: argparse.Namespace) -> int:
    model, number = target.find(arguments.env, arguments.model), arguments.version
    if not model.settings.release.second_person:
        raise _cannot(model, "needs no second person (release.second_person is false); approving releases it")
    found = registry.approved(model.clients("sagemaker"), model.package_group, number)
    state, package = _state(model), found["ModelPackageArn"]
    text = permission(state, model, package, people.approvers(found), people.caller(model.clients("sts")))
    return _ask(arguments, model, package, text, ReleaseParameter.ALLOWED, package)


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


def in_words(command: str) -> str:
    """A command as a person would write it: "promote 4" for "promote arn:…/4"."""
    word, _, package = command.partition(" ")
    return f"{word} {version_of(package)}" if package else word


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


def _ask(
    arguments: argparse.Namespace,
    model: Target,
    package: str,
    text: str,
    parameter: ReleaseParameter,
    value: str,
) -> int:
    """Write what makes the controller release `package`, say so, and with --wait follow it until it serves."""
    number = version_of(package)
    follower = options.follower(arguments, model)  # before the write: all that comes of it is news
    written = _write(model, parameter, value)
    options.say(arguments, text)
    if follower:
        command = written if parameter is ReleaseParameter.COMMAND else 0
        follower.follow(Goal(package, command=command), arguments.timeout)
        options.say(arguments, f"version {number} serves")
    return _answer(arguments, model, text, version=number, said=True)


def _answer(
    arguments: argparse.Namespace, model: Target, text: str, *, version: int | None = None, said: bool = False
) -> int:
    numbered = {} if version is None else {"version": version}
    options.answer(arguments, options.of(model, **numbered, text=text), [] if said else [text])
    return 0
