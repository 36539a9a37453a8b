"""`mlops history`: the ledger of a model, newest first: its releases, and with --all retrainings and reviews."""

import argparse

from mlops import ledger, monitoring, reviews, target, words
from mlops.commands import options
from mlops.ledger import Entry
from mlops.target import Target

DEFAULT_LIMIT = 20


def add(commands: "options.Commands") -> None:
    parser = options.command(commands, "history", run, "the decisions about releases with their reasons, newest first")
    parser.add_argument(
        "--steps", action="store_true", help="also what each decision led to (write, apply, shift), and every look"
    )
    parser.add_argument("--all", action="store_true", help="also retrainings, and reviews of what serves")
    parser.add_argument(
        "--limit", type=options.positive, default=DEFAULT_LIMIT, help=f"how many (default: {DEFAULT_LIMIT})"
    )


def run(arguments: argparse.Namespace) -> int:
    model = target.find(arguments.env, arguments.model)
    entries = ledger.newest(
        model.clients("dynamodb"), model.ledger, model.names.public, arguments.limit, steps=arguments.steps
    )
    if arguments.all:
        entries = sorted([*entries, *_others(model, arguments.limit)], key=lambda entry: entry.at, reverse=True)
        entries = entries[: arguments.limit]
    lines = [line for entry in entries for line in words.entry(entry)]
    empty = [f"{model.title}: the ledger is empty; approve a version to begin"]
    options.answer(arguments, options.of(model, entries=entries), lines or empty)
    return 0


def _others(model: Target, limit: int) -> list[Entry]:
    """Retrainings and reviews: partitions of their own in the same table."""
    reviewed = ledger.newest(model.clients("dynamodb"), model.ledger, reviews.partition(model.names.public), limit)
    return [*monitoring.retrainings(model, limit), *reviewed]
