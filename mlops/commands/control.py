"""`mlops pause`, `resume`, `promote`, `rollback`, `release`: what people tell the release controller."""

from typing import Annotated

import typer

from mlops import control, target
from mlops.commands.options import DAY_SECONDS, LOCAL, Env, Json, Model, Timeout, Version, Wait, positive
from mlops.commands.output import Output, of
from mlops.control import Request
from mlops.follow import Goal
from mlops.target import Target


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
    about = target.find(env, model)
    _answer(Output(json), about, control.pause(about))


def resume(env: Env = LOCAL, model: Model = None, json: Json = False) -> None:
    """Go on after a pause; takes back a command that is still waiting."""
    about = target.find(env, model)
    _answer(Output(json), about, control.resume(about))


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
    _ask(Output(json), about, control.to_promote(about, version), timeout if wait else 0)


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
    _ask(Output(json), about, control.to_roll_back(about, version), timeout if wait else 0)


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
    _ask(Output(json), about, control.to_release(about, version), timeout if wait else 0)


def _ask(out: Output, model: Target, request: Request, wait_seconds: int) -> None:
    """Write what makes the controller release a version, say so, and with --wait follow it until it serves."""
    follower = out.follower(model, bool(wait_seconds))  # before the write: all that comes of it is news
    command = control.write(model, request)
    out.say(request.text)
    if follower:
        out.follow(follower, Goal(request.package, command=command), wait_seconds)
    out.answer(of(model, version=request.version, text=request.text), [])


def _answer(out: Output, model: Target, text: str) -> None:
    out.answer(of(model, text=text), [text])
