"""`mlops new-model`: a model's folder, tests, data and configuration, ready to be deployed and trained."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from mlops.cdk import ROOT
from mlops.commands.options import LOCAL, Json
from mlops.commands.output import Output
from mlops.errors import UsageError
from mlops.new_model import like as examples
from mlops.new_model import make
from mlops.new_model.columns import LEAST_OF_EACH, LEAST_ROWS
from mlops.new_model.render import NewModel
from mlops.new_model.table import MOST_BYTES
from mlops_constructs.naming import EnvironmentNames, ModelNames
from stacks.settings import load
from stacks.settings.loader import environments

_WHY = {
    "make snapshots": "the new stacks, for review: make test compares with them",
    "mlops invoke": "asks the model that serves",
}
"""Of the commands that a person types next, what those are for that do not say it themselves."""
_OWNER = re.compile(r"[^\s\"\\]+@[^\s\"\\]+\.[^\s\"\\]+")


def add(app: typer.Typer) -> None:
    app.command("new-model")(run)


def run(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="lower case letters, digits and single underscores or hyphens")
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"a CSV file: {LEAST_ROWS} rows or more, {LEAST_OF_EACH} of each outcome, at most "
            f"{MOST_BYTES // 10**6} MB (default: a part of data/loans)",
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="the column that is to be foretold; it has two values")
    ] = None,
    positive: Annotated[str | None, typer.Option(metavar="VALUE", help="the one of them that nobody hopes for")] = None,
    like: Annotated[
        str | None, typer.Option(metavar="EXAMPLE", help="copy an example of examples/ instead", show_default=False)
    ] = None,
    owner: Annotated[str, typer.Option(metavar="ADDRESS", help="who answers for the model", show_default=False)] = "",
    project_id: Annotated[
        str, typer.Option(metavar="ID", help="the project of Studio that asks for it", show_default=False)
    ] = "",
    project_name: Annotated[str, typer.Option(metavar="NAME", help="its name", show_default=False)] = "",
    json: Json = False,
) -> None:
    """Make a model: its code, tests, data and configuration, from a CSV file."""
    given = [data, target, positive]
    if like is not None and any([*given, project_id]):
        raise UsageError("--like: brings its own data; leave --data, --target, --positive and --project-id out")
    if any(given) and not all(value is not None for value in given):
        raise UsageError("--data, --target and --positive: belong together; give all three, or none")
    if owner and not _OWNER.fullmatch(owner):
        raise UsageError(f"--owner {owner}: is no e-mail address; give one")
    if bool(project_id) != bool(project_name):
        raise UsageError("--project-id, --project-name: belong together; give both, or none")
    if like is not None:
        copy = examples.plan(ROOT, name, like, owner)
        places, commands = make.make(ROOT, copy), next_commands(copy.name)
        told = [
            *_made(copy.name, places),
            *_joined(copy.name, places),
            f"to do    what docs/examples.md says of {like} first",
            *_next(commands),
        ]
        Output(json).answer({"model": copy.name, "made": places, "next": commands}, told)
        return
    model = make.plan(ROOT, name, owner, data, target or "", positive or "")
    model = replace(model, project=(project_id, project_name))
    places = make.make(ROOT, model)
    commands = next_commands(model.name)
    made = {
        "model": model.name,
        "made": places,
        "inputs": [field.name for field in model.inferred.fields[1:]],
        "left_out": model.inferred.left_out,
        "next": commands,
    }
    Output(json).answer(made, _lines(model, places, commands))


def next_commands(folder: str) -> list[str]:
    """What a person types next, for the local AWS: it shows that the model works before AWS is asked."""
    public = _names(folder).public
    return [
        "make snapshots",
        f"make synth deploy ENV={LOCAL}",
        f"mlops train --model {public} --data data/{folder}",
        f"mlops approve 1 --model {public} --wait",
        f"mlops invoke --model {public}",
    ]


def _names(folder: str) -> ModelNames:
    """On the local AWS."""
    project = load(ROOT / "config", LOCAL).project
    return EnvironmentNames(project, LOCAL).model(folder)


def _made(folder: str, places: list[str]) -> list[str]:
    return [*(f"made     {place}/" for place in places), f"         [models.{folder}] in config/base.toml"]


def _joined(folder: str, places: list[str]) -> list[str]:
    """Where the model is from now on, how to keep it out of an environment, and how to take it away again."""
    stacks = f"{_names(folder).base}-*"
    return [
        f"joined   every environment: {', '.join(environments(ROOT / 'config'))}",
        f"keep out of one of them: [models.{folder}] with enabled = false in config/<env>.toml",
        f"undo     npx cdk destroy '{stacks}' -c env={LOCAL}, if it was deployed (docs/new-model.md)",
        f"         then delete {', '.join(places)}",
        f"         and all [models.{folder}…] of config/base.toml; make snapshots",
    ]


def _next(commands: list[str]) -> list[str]:
    whys = [next((why for word, why in _WHY.items() if each.startswith(word)), "") for each in commands]
    lines = [f"{each}  # {why}" if why else each for each, why in zip(commands, whys, strict=True)]
    return [f"{'next' if number == 0 else '':<9}{line}" for number, line in enumerate(lines)]


def _lines(model: NewModel, places: list[str], commands: list[str]) -> list[str]:
    inferred = model.inferred
    return [
        *_made(model.name, places),
        *_joined(model.name, places),
        f"learns   {inferred.fields[0].name} = {inferred.positive} ({inferred.share:.1%} of {len(model.table.rows):,} "
        f"rows) from {len(inferred.fields) - 1} columns",
        *(f"left out {name}: {why}" for name, why in inferred.left_out.items()),
        f"to say   what the columns mean: pipeline_code/{model.name}/schema.py, card.toml, data/{model.name}/SOURCE.md",
        *_next(commands),
    ]
