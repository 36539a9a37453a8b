"""What the command line prints: one console, plain when its output is not a terminal."""

import time
from collections.abc import Iterable

from rich.console import Console
from rich.highlighter import RegexHighlighter
from rich.markup import escape

console = Console(highlight=False, soft_wrap=True)

GOOD, WARN, BAD = "green", "yellow", "red"
"""Colours of what is well, of what waits or is not known yet, and of what wants somebody."""


class _Meaning(RegexHighlighter):
    """States as AWS and the commands write them; names and prose that only contain such a word stay plain."""

    highlights = (
        r"\b(?P<green>InService|Succeeded|Completed|Approved|ENABLED|(?:CREATE|UPDATE)_COMPLETE|within limits)\b",
        r"^ *(?P<green>ok|all is well)\b",
        r"\b(?P<yellow>PendingManualApproval|Executing|InProgress|Updating|Creating|[A-Z]+_IN_PROGRESS)\b",
        r"\b(?P<yellow>undecided so far|not judged yet|not measured yet|price unknown|DISABLED|waits for approval)\b",
        r"^ *(?P<yellow>waiting)\b",
        r"\b(?P<red>Failed|Rejected|Stopped|[A-Z_]*ROLLBACK_[A-Z_]+|[A-Z]+_FAILED|breached(?= \())(?!\w)",
        r"(?P<red>[1-9]\d* of \d+ in ALARM|in ALARM: .*)",
        r"^ *(?P<red>GAP|FAILED|DISAGREES)\b",
        r"\b(?P<red>CONFIRMED)\b",
        r"(?P<cyan>\bmlops [a-z-]+(?: (?:\d+|VERSION|run|status|report))?(?: --[a-z-]+(?: (?!--)[\w./-]+)?)*)",
    )


meant = _Meaning()
"""From a line of text to the same with its states coloured by their meaning, and commands to copy made out."""


class Clock:
    """Seconds since it was made: every line of a run carries them."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self) -> float:
        return time.monotonic() - self._start


def heading(clock: Clock, text: str) -> None:
    """A new phase begins."""
    console.print(f"\n[bold cyan]{clock():6.1f}s  {escape(text)}[/]")


def line(clock: Clock, text: str, *, source: str = "", style: str = "") -> None:
    """One line of progress; `source` is who says it (a step, a stack, an event)."""
    who = f"[dim]{escape(source):<20}[/] " if source else ""
    body = escape(text)
    console.print(f"{clock():6.1f}s  {who}" + (f"[{style}]{body}[/]" if style else body))


def table(title: str, rows: Iterable[tuple[str, str]]) -> None:
    """A short two-column table. Values are never folded: names and addresses are there to be copied."""
    console.print(f"\n[bold green]{escape(title)}[/]")
    for name, value in rows:
        console.print(f"  {escape(name):<24}{escape(value)}")
