"""`mlops reproduce`: make a version's model again from its manifest, and say whether it is the same."""

import math
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from mlops import reproduce, target
from mlops.commands.options import LOCAL, Env, Json, Model, Version
from mlops.commands.output import Output, of
from mlops.reproduce import DIFFERENT, EQUAL, MISSING, WITHIN, Result
from mlops.reproduce_archives import Comparison
from mlops.target import Target

SHOWN = 10
"""Members that are named; the others are counted."""

_CODES = {EQUAL: 0, WITHIN: 0, DIFFERENT: 1, MISSING: 2}


def add(app: typer.Typer) -> None:
    app.command("reproduce")(run)


def _tolerance(text: Any) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise typer.BadParameter(f"{text!r} is not a number of 0 or more")
    return value


def run(
    version: Version,
    tolerance: Annotated[
        float | None,
        typer.Option(
            parser=_tolerance,
            metavar="X",
            help="where bits differ: the training's metrics may be off by so much (default: bits must not differ)",
        ),
    ] = None,
    env: Env = LOCAL,
    model: Model = None,
    json: Json = False,
) -> int:
    """Make a version's model again, and compare it bit for bit.

    Exit codes: 0 equal, 1 different, 2 something is missing.
    """
    about, out = target.find(env, model), Output(json)
    with out.busy(f"making version {version} again"):
        found = reproduce.reproduce(
            about, version, tolerance=tolerance, say=lambda step, text: out.say(f"{step:<16} {text}")
        )
    data = {name: value for name, value in vars(found).items() if name not in ("version", "outcome")}
    out.answer(of(about, version=found.version, outcome=found.outcome, **data), words(found, about))
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
