"""`mlops approve` and `mlops reject`: what a person decides about a version in the registry."""

from enum import StrEnum
from typing import Annotated

import typer

from mlops import decisions, people, registry, target
from mlops.commands.options import DAY_SECONDS, LOCAL, Env, Json, Model, Timeout, Version, Wait
from mlops.commands.output import Output, of
from mlops.follow import Goal

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
    outlook = decisions.approval(about, version, replaces=bool(strategy))
    follower = out.follower(about, wait)
    registry.approve(
        about.clients("sagemaker"),
        outlook.package,
        reason=reason or f"mlops approve --env {env}",
        by=people.caller(about.clients("sts")),
        strategy=strategy,
    )
    out.say(outlook.text)
    if follower and outlook.moves:
        out.follow(follower, Goal(outlook.package["ModelPackageArn"]), timeout)
    out.answer(of(about, version=version, done="approved", text=outlook.text), [])


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
    outlook = decisions.rejection(about, version)
    follower = out.follower(about, wait)
    registry.reject(about.clients("sagemaker"), outlook.package, reason=reason or f"mlops reject --env {env}")
    out.say(outlook.text)
    if follower and outlook.moves:
        out.follow(follower, Goal(outlook.package["ModelPackageArn"], leave=True), timeout)
    out.answer(of(about, version=version, done="rejected", text=outlook.text), [])
