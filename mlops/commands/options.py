"""What the commands have in common: options, and how they answer."""

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from mlops import words
from mlops.console import console
from mlops.follow import Follower
from mlops.target import Target

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

Run = Callable[[argparse.Namespace], int]
DAY_SECONDS = 86400


def command(
    commands: "Commands", name: str, run: Run, summary: str, *, models: str = "default: the only one"
) -> argparse.ArgumentParser:
    """A command about a model in an environment, with the options that all of these have."""
    parser = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
    parser.add_argument("--env", default="local", help="an environment of config/ (default: local)")
    parser.add_argument("--model", help=f"a model of the environment ({models})")
    parser.add_argument("--json", action="store_true", help="answer as one JSON object")
    parser.set_defaults(run=run)
    return parser


def waits(parser: argparse.ArgumentParser) -> None:
    """Options of a command whose effect may be waited for."""
    parser.add_argument("--wait", action="store_true", help="follow it until it has happened")
    parser.add_argument(
        "--timeout",
        type=positive,
        default=DAY_SECONDS,
        metavar="SECONDS",
        help="with --wait: give up after so long, with exit code 3 (default: a day)",
    )


def positive(text: str) -> int:
    """A whole number above 0: a version, a count, seconds."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def follower(arguments: argparse.Namespace, target: Target) -> Follower | None:
    """With --wait, one that tells each entry of the ledger from now on."""
    if not arguments.wait:
        return None
    return Follower(target, lambda entry: say(arguments, "\n".join(words.entry(entry))))


def ask(question: str) -> str:
    """What a person types; the end of the input (Ctrl-D) is no answer."""
    try:
        return input(question).strip()
    except EOFError:
        print()
        return ""


def answer(arguments: argparse.Namespace, data: Mapping[str, Any], lines: Iterable[str]) -> None:
    """Print the answer: `data` with --json, else `lines`."""
    if arguments.json:
        print(json.dumps(data, default=_plain, indent=2))
        return
    for line in lines:
        console.print(escape(line))


def say(arguments: argparse.Namespace, text: str) -> None:
    """A line on the way to the answer; JSON has room for the answer only."""
    if not arguments.json:
        console.print(escape(text))


def of(target: Target, **data: Any) -> dict[str, Any]:
    """An answer's data: what it is about first."""
    return {"environment": target.environment, "model": target.names.public, **data}


def _plain(value: object) -> object:
    """What json has no form for: a moment, a dataclass."""
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{value!r} has no JSON form")
