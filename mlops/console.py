"""What the command line prints: one console, plain when its output is not a terminal."""

import time
from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape

console = Console(highlight=False, soft_wrap=True)


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
