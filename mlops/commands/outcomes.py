"""`mlops outcomes`: tell what became of predictions, from a file."""

import argparse
from pathlib import Path

from mlops import outcomes, target
from mlops.commands import options


def add(commands: "options.Commands") -> None:
    parser = options.command(commands, "outcomes", run, "tell what became of predictions, from a file")
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="CSV or JSON Lines with record (the inference id) and outcome"
    )


def run(arguments: argparse.Namespace) -> int:
    known = outcomes.read(arguments.file)
    model = target.find(arguments.env, arguments.model)
    bucket = model.output(model.foundation_stack, "CaptureBucket")
    keys = outcomes.put(model.clients("s3"), bucket, model.names.folder, known, outcomes.utc_now())
    written = [f"s3://{bucket}/{key}" for key in keys]
    counted = "1 outcome" if len(known) == 1 else f"{len(known):,} outcomes"
    lines = [f"{counted} of {arguments.file} written:", *(f"  {uri}" for uri in written)]
    options.answer(arguments, options.of(model, outcomes=len(known), written=written), lines)
    return 0
