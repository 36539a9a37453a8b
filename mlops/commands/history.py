"""`mlops history`: the ledger of each model, newest first: its releases, and with --all retrainings and reviews."""

from typing import Annotated

import typer

from mlops import ledger, monitoring, reviews, tables, target, words
from mlops.commands.options import LOCAL, Env, Json, Models, positive
from mlops.commands.output import Output, of
from mlops.console import console
from mlops.ledger import Entry
from mlops.target import Target

DEFAULT_LIMIT = 20


def add(app: typer.Typer) -> None:
    app.command("history")(run)


def run(
    limit: Annotated[int, typer.Option(parser=positive, metavar="N", help="how many of each model")] = DEFAULT_LIMIT,
    steps: Annotated[
        bool, typer.Option("--steps", help="also what each decision led to (write, apply, shift), and every look")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="also retrainings, and reviews of what serves")] = False,
    env: Env = LOCAL,
    model: Models = None,
    json: Json = False,
) -> None:
    """The decisions about releases with their reasons, newest first."""
    targets, output = target.find_all(env, model), Output(json)
    read = [(about, _read(about, limit, steps=steps, everything=everything)) for about in targets]
    if json and len(read) > 1:
        models = {about.names.public: {"entries": entries} for about, entries in read}
        output.answer({"environment": env, "models": models}, ())
        return
    for number, (about, entries) in enumerate(read):
        if len(read) > 1:
            console.print(("\n" if number else "") + f"[bold]{about.title}[/]")
        _tell(output, about, entries)


def _read(about: Target, limit: int, *, steps: bool, everything: bool) -> list[Entry]:
    entries = ledger.newest(about.clients("dynamodb"), about.ledger, about.names.public, limit, steps=steps)
    if everything:
        entries = sorted([*entries, *_others(about, limit)], key=lambda entry: entry.at, reverse=True)[:limit]
    return entries


def _tell(output: Output, about: Target, entries: list[Entry]) -> None:
    lines = [line for entry in entries for line in words.entry(entry)]
    empty = [f"{about.title}: the ledger is empty; approve a version to begin"]
    drawn = (lambda: tables.history(entries)) if entries else None
    output.answer(of(about, entries=entries), lines or empty, drawn)


def _others(model: Target, limit: int) -> list[Entry]:
    """Retrainings and reviews: partitions of their own in the same table."""
    reviewed = ledger.newest(model.clients("dynamodb"), model.ledger, reviews.partition(model.names.public), limit)
    return [*monitoring.retrainings(model, limit), *reviewed]
