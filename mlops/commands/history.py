"""`mlops history`: the ledger of a model, newest first: its releases, and with --all retrainings and reviews."""

from typing import Annotated

import typer

from mlops import ledger, monitoring, reviews, tables, target, words
from mlops.commands.options import LOCAL, Env, Json, Model, positive
from mlops.commands.output import Output, of
from mlops.ledger import Entry
from mlops.target import Target

DEFAULT_LIMIT = 20


def add(app: typer.Typer) -> None:
    app.command("history")(run)


def run(
    limit: Annotated[int, typer.Option(parser=positive, metavar="N", help="how many")] = DEFAULT_LIMIT,
    steps: Annotated[
        bool, typer.Option("--steps", help="also what each decision led to (write, apply, shift), and every look")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="also retrainings, and reviews of what serves")] = False,
    env: Env = LOCAL,
    model: Model = None,
    json: Json = False,
) -> None:
    """The decisions about releases with their reasons, newest first."""
    about = target.find(env, model)
    entries = ledger.newest(about.clients("dynamodb"), about.ledger, about.names.public, limit, steps=steps)
    if everything:
        entries = sorted([*entries, *_others(about, limit)], key=lambda entry: entry.at, reverse=True)[:limit]
    lines = [line for entry in entries for line in words.entry(entry)]
    empty = [f"{about.title}: the ledger is empty; approve a version to begin"]
    drawn = (lambda: tables.history(entries)) if entries else None
    Output(json).answer(of(about, entries=entries), lines or empty, drawn)


def _others(model: Target, limit: int) -> list[Entry]:
    """Retrainings and reviews: partitions of their own in the same table."""
    reviewed = ledger.newest(model.clients("dynamodb"), model.ledger, reviews.partition(model.names.public), limit)
    return [*monitoring.retrainings(model, limit), *reviewed]
