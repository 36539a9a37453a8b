"""`mlops history`: the ledger of a model's releases, newest first."""

import argparse

from mlops import ledger, target, words
from mlops.commands import options

DEFAULT_LIMIT = 20


def add(commands: "options.Commands") -> None:
    parser = options.command(commands, "history", run, "the decisions about releases with their reasons, newest first")
    parser.add_argument(
        "--steps", action="store_true", help="also what each decision led to (write, apply, shift), and every look"
    )
    parser.add_argument(
        "--limit", type=options.positive, default=DEFAULT_LIMIT, help=f"how many (default: {DEFAULT_LIMIT})"
    )


def run(arguments: argparse.Namespace) -> int:
    model = target.find(arguments.env, arguments.model)
    entries = ledger.newest(
        model.clients("dynamodb"), model.ledger, model.names.public, arguments.limit, steps=arguments.steps
    )
    lines = [line for entry in entries for line in words.entry(entry)]
    empty = [f"{model.title}: the ledger is empty; approve a version to begin"]
    options.answer(arguments, options.of(model, entries=entries), lines or empty)
    return 0
