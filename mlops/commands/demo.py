"""`mlops demo`: the whole loop on this machine."""

import argparse

from mlops.commands import options


def add(commands: "options.Commands") -> None:
    parser = commands.add_parser("demo", help="the whole loop on this machine, against the local AWS")
    parser.add_argument("--keep", action="store_true", help="leave the local AWS running at the end")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from mlops.demo import run_demo  # only here: the other commands have no use for what it imports

    return run_demo(keep=arguments.keep)
