"""What the demo says of a training, and what it says at its end: what matters to somebody who sees it first."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rich.markup import escape

from mlops.console import Clock, console, line

COMMAND = ".venv/bin/python -m mlops"
START = ".venv/bin/python -m local_aws start --detach"
STOP = ".venv/bin/python -m local_aws stop"

_NOISE = re.compile(r"started$|Invoking script |\[\d+\]\s|rows: |succeeded in 0\.\d s$|stopped by itself")
_MOST = 160
"""Characters of a line: longer ones are cut."""

OPEN = (
    ("report.html", "the story in pictures, for people who know no AWS"),
    ("lineage.html", "from the data to each decision"),
    ("audit.html", "each release and what is on record about it"),
    ("card.html", "version 1's model card; card.pdf to pass on"),
    ("summary.json", "all of it as data"),
)
NEXT = (
    ("console --open", "a page that shows the loop live"),
    ("status", "the page of this bank: versions, shares, monitors, alarms, what waits for whom"),
    ("history", "each decision of the controller with its reason"),
    ("monitor report --save monitors.html", "what the monitors saw last"),
    ("lineage 2 --predictions", "what version 2 came from, and what it decided"),
)


def is_news(text: str) -> bool:
    """Whether a line of a step's log tells a newcomer something: results, not how it was called."""
    return not _NOISE.match(text)


def shortened(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[: _MOST - 1].rstrip()}…"


def steps(clock: Clock) -> Callable[[str, str], None]:
    """A `say(step, text)` for a pipeline's follower that leaves the noise out."""

    def say(step: str, text: str) -> None:
        if is_news(text):
            line(clock, shortened(text), source=step)

    return say


def look(verdict: Mapping[str, Any]) -> str:
    """A look that decided nothing, in words: how far the comparison has come."""
    low, high = (f"{100 * verdict[end]:+.1f}" for end in ("low", "high"))
    share = f", {100 * verdict['progress']:.0f} % of the evidence planned" if "progress" in verdict else ""
    return (
        f"{verdict['samples']} outcomes: {100 * verdict['estimate']:+.1f} points ({low} to {high}){share}: not yet sure"
    )


def duration(seconds: float) -> str:
    """ "8 min 18 s", or "42 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def end(folder: str, seconds: Mapping[str, float], facts: Sequence[tuple[str, str]], *, runs: bool) -> None:
    """The end of a run that went well: what it came to, what to open, what to try next.

    folder: where the pages lie, as a person types it. runs: the local AWS is left running.
    """
    slowest = sorted(seconds, key=lambda name: -seconds[name])[:3]
    took = ", ".join(f"{name} {duration(seconds[name])}" for name in slowest)
    console.print(f"\n[bold green]The loop is closed[/], in {duration(sum(seconds.values()))}")
    _pairs([*facts, ("longest", took)], 18)
    console.print("\n[bold]Open[/]")
    _pairs([(f"{folder}/{name}", what) for name, what in OPEN], 28)
    console.print("\n[bold]Try next[/]" + ("" if runs else ", on the state that this run has left"))
    again = [] if runs else [(START, "the local AWS again")]
    commands = [(f"{COMMAND} {name}", what) for name, what in NEXT]
    _pairs([*again, *commands, (STOP, "when you are done; its state stays")], 66)


def _pairs(rows: Iterable[tuple[str, str]], wide: int) -> None:
    for name, value in rows:
        console.print(f"  {escape(name):<{wide}}[dim]{escape(value)}[/]")
