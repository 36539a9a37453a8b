"""`mlops outcomes`: tell what became of predictions, from a file."""

from pathlib import Path
from typing import Annotated

import typer

from mlops import outcomes, target
from mlops.commands.options import LOCAL, Env, Json, Model
from mlops.commands.output import Output, of


def add(app: typer.Typer) -> None:
    app.command("outcomes")(run)


def run(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV or JSON Lines with record (the inference id) and outcome")
    ],
    env: Env = LOCAL,
    model: Model = None,
    json: Json = False,
) -> None:
    """Tell what became of predictions, from a file."""
    known = outcomes.read(file)
    about = target.find(env, model)
    bucket = about.output(about.foundation_stack, "CaptureBucket")
    keys = outcomes.put(about.clients("s3"), bucket, about.names.folder, known, outcomes.utc_now())
    written = [f"s3://{bucket}/{key}" for key in keys]
    counted = "1 outcome" if len(known) == 1 else f"{len(known):,} outcomes"
    lines = [f"{counted} of {file} written:", *(f"  {uri}" for uri in written)]
    Output(json).answer(of(about, outcomes=len(known), written=written), lines)
