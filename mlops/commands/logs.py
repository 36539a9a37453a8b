"""`mlops logs`: the steps of a pipeline run with their states, times and log lines, followed live with --follow."""

from typing import Annotated

import typer

from mlops import logs, target
from mlops.commands.options import LOCAL, Env, Json, Models, positive
from mlops.commands.output import Output, of
from mlops.console import console
from mlops.errors import CommandError
from mlops.logs import Logs
from mlops.situation import document
from mlops.target import Target


def add(app: typer.Typer) -> None:
    app.command("logs")(run)


def run(
    execution: Annotated[
        str | None, typer.Argument(metavar="[EXECUTION]", help="its ARN or the last part of it (default: the newest)")
    ] = None,
    step: Annotated[str | None, typer.Option(metavar="NAME", help="only this step, and all that it wrote")] = None,
    pipeline: Annotated[
        str | None, typer.Option(metavar="NAME", help="training or monitoring (default: what ran last)")
    ] = None,
    lines: Annotated[
        int | None,
        typer.Option(parser=positive, metavar="N", show_default=str(logs.LINES), help="newest lines of each step"),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="tell what comes until it ends; exit code 1 if it fails")] = (
        False
    ),
    env: Env = LOCAL,
    model: Models = None,
    json: Json = False,
) -> None:
    """The steps of a pipeline run with their states, times and log lines."""
    targets, output = target.find_all(env, model), Output(json)
    found, arn = logs.find(targets, execution, pipeline)
    if len(targets) > 1:
        others = ", ".join(each.command("logs") for each in targets if each is not found)
        output.say(f"{found.title}; also: {others}")
    if follow:
        _follow(found, arn, step, output)
        return
    read = logs.read(found, arn, step, lines or (None if step else logs.LINES))
    if json:
        output.answer(_data(found, read), ())
        return
    for text in logs.shown(read, step):
        console.print(text)


def _follow(found: Target, arn: str, step: str | None, output: Output) -> None:
    ended = logs.follow(found, arn, lambda name, text: output.say(f"{name:<18} {text}"), step)
    if output.json:
        output.answer(_data(found, Logs(ended, {}, {})), ())
    else:
        console.print(logs.headline(ended))
    if ended.status != "Succeeded":
        raise CommandError(f"pipeline {ended.pipeline}: {ended.status}: {ended.reason or 'no reason given'}")


def _data(found: Target, read: Logs) -> dict[str, object]:
    return of(found, run={"name": read.run.name, **document(read.run)}, lines=read.lines)
