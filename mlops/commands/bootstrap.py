"""`mlops bootstrap`: prepare an account for deployments, after saying what that will do."""

import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mlops import bootstrap, cdk, target
from mlops.commands.options import LOCAL, Json, environments
from mlops.commands.output import Output, ask
from mlops.errors import UsageError
from stacks.settings import DELIVERY


def add(app: typer.Typer) -> None:
    app.command("bootstrap")(run)


def run(
    env: Annotated[
        str,
        typer.Option(metavar="ENV", autocompletion=environments, help=f"an environment of config/, or {DELIVERY}"),
    ] = LOCAL,
    yes: Annotated[bool, typer.Option("--yes", help="do it without asking")] = False,
    only_plan: Annotated[bool, typer.Option("--plan", help="only say what it would do")] = False,
    json: Json = False,
) -> None:
    """Prepare an account for deployments.

    Says what it will do in the account of an environment, and does it when told to: policies for CloudFormation in
    place of an administrator's, CDK's bootstrap with them, trust in the pipeline's account. Doing it again changes
    nothing.
    """
    out = Output(json)
    _, region = bootstrap.configured(env)
    clients, environment = target.clients_in(env, region), target.variables_in(env, region)
    plan = bootstrap.planned(env, clients)
    for text in plan.lines():
        out.say(text)
    if only_plan or not (yes or _confirmed(out)):
        out.answer({**asdict(plan), "done": False}, ["nothing was done"])
        return
    with tempfile.TemporaryDirectory() as empty:  # without an app CDK synthesizes nothing, which would be for nothing
        bootstrap.prepare(
            plan,
            clients("cloudformation"),
            lambda words: cdk.cdk(
                *words,
                environment=environment,
                stage=env,
                each_line=out.say,
                folder=Path(empty),
            ),
            out.say,
            time.sleep,
        )
    following = f"next: make synth ENV={env}, then make deploy ENV={env}"
    out.answer({**asdict(plan), "done": True}, [following])


def _confirmed(out: Output) -> bool:
    if out.json or not sys.stdin.isatty():
        raise UsageError("--yes: not given, and nobody is there to be asked: add it to go on, or --plan to look")
    return ask("Do this? [y/N] ").lower() in ("y", "yes")
