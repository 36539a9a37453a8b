"""`mlops reproduce`: make a version's model again from its manifest, and say whether it is the same."""

import argparse
import math
from collections.abc import Iterator

from mlops import reproduce, target
from mlops.commands import options
from mlops.reproduce import DIFFERENT, EQUAL, MISSING, WITHIN, Result
from mlops.reproduce_archives import Comparison
from mlops.target import Target

SHOWN = 10
"""Members that are named; the others are counted."""

_CODES = {EQUAL: 0, WITHIN: 0, DIFFERENT: 1, MISSING: 2}


def add(commands: "options.Commands") -> None:
    parser = options.command(
        commands, "reproduce", run, "make a version's model again, and compare it bit for bit (0 equal, 1 different, "
        "2 something is missing)"
    )  # fmt: skip
    parser.add_argument("version", type=options.positive, metavar="VERSION")
    parser.add_argument(
        "--tolerance",
        type=_tolerance,
        metavar="X",
        help="where bits differ: the training's metrics may be off by so much (default: bits must not differ)",
    )


def run(arguments: argparse.Namespace) -> int:
    model = target.find(arguments.env, arguments.model)
    found = reproduce.reproduce(
        model,
        arguments.version,
        tolerance=arguments.tolerance,
        say=lambda step, text: options.say(arguments, f"{step:<16} {text}"),
    )
    data = {name: value for name, value in vars(found).items() if name not in ("version", "outcome")}
    options.answer(
        arguments, options.of(model, version=found.version, outcome=found.outcome, **data), words(found, model)
    )
    return _CODES[found.outcome]


def words(found: Result, model: Target) -> Iterator[str]:
    """The result in lines for a person."""
    title = f"version {found.version} of {model.title}"
    if found.outcome == MISSING:
        yield f"{title} cannot be made again:"
        yield from (f"  {each}" for each in found.missing)
        return
    assert found.comparison
    count = found.comparison.same
    if found.outcome == EQUAL:
        yield f"{title} was made again: all {count} files of its archive are the same, bit for bit"
        return
    verdict = "differs in bits, and is within the tolerance" if found.outcome == WITHIN else "is a different one"
    yield f"{title} was made again, and {verdict}: {count} files are the same"
    yield from _differences(found.comparison)
    for metric in found.metrics:
        again = "not told" if metric.again is None else f"{metric.again:g}"
        yield f"  {metric.name}: {metric.before:g} then, {again} now"
    if found.outcome == WITHIN:
        yield f"  tolerance: {found.tolerance:g}"


def _differences(comparison: Comparison) -> Iterator[str]:
    for why, names in (
        ("differs", comparison.differing),
        ("is not made any more", comparison.only_before),
        ("was not there before", comparison.only_again),
    ):
        yield from (f"  {name} {why}" for name in names[:SHOWN])
        if len(names) > SHOWN:
            yield f"  and {len(names) - SHOWN} more"


def _tolerance(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 0 or more")
    return value
