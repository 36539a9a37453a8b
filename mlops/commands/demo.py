"""`mlops demo`: the whole loop on this machine."""

from typing import Annotated

import typer

from mlops.commands.options import Json
from mlops.console import console


def add(app: typer.Typer) -> None:
    app.command("demo")(run)


def run(
    keep: Annotated[bool, typer.Option("--keep", help="leave the local AWS running at the end")] = False,
    json: Json = False,
) -> int:
    """The whole loop on this machine, against the local AWS."""
    from mlops.demo import SUMMARY, run_demo  # only here: the other commands have no use for what it imports

    if not json:
        return run_demo(keep=keep)
    # It takes minutes: who waits for the answer still sees how it goes.
    console.stderr = True
    code = run_demo(keep=keep)
    if SUMMARY.exists():
        print(SUMMARY.read_text())
    return code
