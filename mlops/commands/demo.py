"""`mlops demo`: the whole loop on this machine."""

from typing import Annotated

import typer


def add(app: typer.Typer) -> None:
    app.command("demo")(run)


def run(
    keep: Annotated[bool, typer.Option("--keep", help="leave the local AWS running at the end")] = False,
) -> int:
    """The whole loop on this machine, against the local AWS."""
    from mlops.demo import run_demo  # only here: the other commands have no use for what it imports

    return run_demo(keep=keep)
