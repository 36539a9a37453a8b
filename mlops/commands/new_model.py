"""`mlops new-model`: a model's folder, tests, data and configuration, ready to be deployed and trained."""

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.cdk import ROOT
from mlops.commands import options
from mlops.errors import UsageError
from mlops.new_model import make
from mlops.new_model.render import NewModel
from mlops_constructs.naming import EnvironmentNames
from stacks.settings import load

if TYPE_CHECKING:
    from mlops.commands.options import Commands

_OWNER = re.compile(r"[^\s\"\\]+@[^\s\"\\]+\.[^\s\"\\]+")


def add(commands: "Commands") -> None:
    what = "make a model: its code, tests, data and configuration, from a CSV file"
    parser = commands.add_parser("new-model", help=what, description=f"{what[0].upper()}{what[1:]}.")
    parser.add_argument("name", metavar="NAME", help="lower case letters, digits and single underscores or hyphens")
    parser.add_argument("--data", type=Path, metavar="FILE", help="a CSV file (default: a part of data/loans)")
    parser.add_argument("--target", metavar="COLUMN", help="the column that is to be foretold; it has two values")
    parser.add_argument("--positive", metavar="VALUE", help="the one of them that nobody hopes for")
    parser.add_argument("--owner", default="", metavar="ADDRESS", help="who answers for the model")
    parser.add_argument("--project-id", default="", metavar="ID", help="the project of Studio that asks for it")
    parser.add_argument("--project-name", default="", metavar="NAME", help="its name")
    parser.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    given = [arguments.data, arguments.target, arguments.positive]
    if any(given) and not all(value is not None for value in given):
        raise UsageError("--data, --target and --positive: belong together; give all three, or none")
    if arguments.owner and not _OWNER.fullmatch(arguments.owner):
        raise UsageError(f"--owner {arguments.owner}: is no e-mail address; give one")
    if bool(arguments.project_id) != bool(arguments.project_name):
        raise UsageError("--project-id, --project-name: belong together; give both, or none")
    model = make.plan(ROOT, arguments.name, arguments.owner, arguments.data, arguments.target, arguments.positive)
    model = replace(model, project=(arguments.project_id, arguments.project_name))
    places = make.make(ROOT, model)
    commands = next_commands(model)
    data = {
        "model": model.name,
        "made": places,
        "inputs": [field.name for field in model.inferred.fields[1:]],
        "left_out": model.inferred.left_out,
        "next": commands,
    }
    options.answer(arguments, data, _lines(model, places, commands))
    return 0


def next_commands(model: NewModel) -> list[str]:
    """What a person types next, for the local AWS: it shows that the model works before AWS is asked."""
    project = load(ROOT / "config", "local").project
    public = EnvironmentNames(project, "local").model(model.name).public
    return [
        "make snapshots",
        "make synth deploy ENV=local",
        f"mlops train --model {public} --data data/{model.name}",
        f"mlops approve 1 --model {public} --wait",
    ]


def _lines(model: NewModel, places: list[str], commands: list[str]) -> list[str]:
    inferred = model.inferred
    return [
        *(f"made     {place}/" for place in places),
        f"         [models.{model.name}] in config/base.toml",
        f"learns   {inferred.fields[0].name} = {inferred.positive} ({inferred.share:.1%} of {len(model.table.rows):,} "
        f"rows) from {len(inferred.fields) - 1} columns",
        *(f"left out {name}: {why}" for name, why in inferred.left_out.items()),
        f"to say   what the columns mean: pipeline_code/{model.name}/schema.py, card.toml, data/{model.name}/SOURCE.md",
        *(f"{'next' if number == 0 else '':<9}{command}" for number, command in enumerate(commands)),
    ]
