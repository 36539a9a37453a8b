"""What the demo says of a training, and what it says at its end: what matters to somebody who sees it first."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rich.markup import escape

from local_aws.env import START
from mlops import target
from mlops.console import Clock, console, line
from mlops.ledger import ENDED, Entry

COMMAND = ".venv/bin/mlops"
"""`mlops` as it is found from the checkout in any shell: each printed command works by itself."""
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
LIVE = f"to see the loop live in a browser, in a second shell in this folder: {COMMAND} console --open"

_PROMOTE = "promote"
"""The stage in which a version is no champion yet: its deployment may fail."""
_ALARMED = re.compile(r"alarm\(s\) .+ went into ALARM")
_EVENTS = re.compile(r"^([\d,]+) events in ([\d,]+) outcomes, ([\d.,]+) expected from")


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


def decision(entry: Entry, before: str) -> str:
    """A decision of the controller in words; the statistics behind it are in `mlops history`.

    before: the stage in which the version was until then, "" if in none.
    """
    who, promoted = f"version {entry.version}", entry.stage == _PROMOTE
    if entry.kind == "begin":
        begins = f" {'is to be champion' if promoted else f'begins as {entry.stage}'}"
        moves = f": {before} to {'champion' if promoted else entry.stage}" if before else begins
        return f"{who}{moves}: {_because(entry, before)}"
    if entry.kind in ENDED:
        where = "on its way to champion" if promoted else f"as {entry.stage}"
        return f"{who} ends {where}, {ENDED[entry.kind]}: {_because(entry, entry.stage)}"
    if entry.kind == "done":
        return f"{who} serves: {entry.reason}"
    return f"{who}, {entry.kind}: {entry.reason}"


def _because(entry: Entry, compared_in: str) -> str:
    """The verdict of the stage that it was compared in, the alarm that took it back, or the reason as it stands."""
    verdict = entry.verdict
    if not verdict or verdict["decision"] not in ("better", "worse"):
        alarmed = _ALARMED.search(entry.reason)
        return alarmed.group() if alarmed else entry.reason
    low, high = (f"{100 * verdict[end]:+.1f}" for end in ("low", "high"))
    samples = "applications that both answered" if compared_in == "shadow" else "outcomes"
    return (
        f"{verdict['decision']} than the champion, success rate {100 * verdict['estimate']:+.1f} points "
        f"({low} to {high}) after {verdict['samples']:,} {samples}"
    )


def outcomes(cohort: str, months: int, finding: str) -> str:
    """What the monitor of outcomes found of the loans of a month: its events are charge-offs."""
    said = _EVENTS.sub(rf"\1 of \2 charged off within {months} months of approval, \3 expected from", finding)
    return f"loans of {cohort}: {said}"


def period(first: str, last: str) -> str:
    """ "2003" for a whole year of months, "2007-12 to 2008-11" for others."""
    if first[:4] == last[:4] and (first[5:], last[5:]) == ("01", "12"):
        return first[:4]
    return first if first == last else f"{first} to {last}"


def duration(seconds: float) -> str:
    """ "8 min 18 s", or "42 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def try_next(model: str, version: int, other: str, waiting: int) -> tuple[tuple[str, str], ...]:
    """Commands to copy, as they stand, with what each is for.

    model: the bank's, of which `version` was promoted; other: the second one, whose version `waiting` awaits approval.
    """

    def about(name: str, word: str, *arguments: object) -> str:
        return target.command(word, *arguments, environment=target.LOCAL, model=name)

    return tuple(
        (f"{COMMAND}{command.removeprefix('mlops')}", what)
        for command, what in (
            ("mlops console --open", "a page that shows the loop live"),
            ("mlops status", "versions, shares, monitors, alarms, and what waits for whom"),
            (
                about(other, "approve", waiting, "--wait"),
                f"version {waiting} of {other} waits for approval: then it serves",
            ),
            (about(model, "history"), "each decision of the controller with its reason"),
            (about(model, "monitor report", "--save", "monitors.html"), "what the monitors saw last"),
            (about(model, "lineage", version, "--predictions"), f"what version {version} decided, by day"),
        )
    )


def end(
    folder: str,
    seconds: Mapping[str, float],
    facts: Sequence[tuple[str, str]],
    following: Sequence[tuple[str, str]],
    *,
    runs: bool,
) -> None:
    """The end of a run that went well: what it came to, what to open, what to try next.

    folder: where the pages lie, as a person types it. following: what to try. runs: the local AWS is left running.
    """
    slowest = sorted(seconds, key=lambda name: -seconds[name])[:3]
    took = ", ".join(f"{name} {duration(seconds[name])}" for name in slowest)
    console.print(f"\n[bold green]The loop is closed[/], in {duration(sum(seconds.values()))}")
    _pairs([*facts, ("longest", took)], 18)
    console.print("\n[bold]Open[/]")
    _pairs([(f"{folder}/{name}", what) for name, what in OPEN], 28)
    console.print("\n[bold]Try next[/]" + ("" if runs else ", on the state that this run has left"))
    again = [] if runs else [(START, "the local AWS again")]
    _pairs([*again, *following, (STOP, "when you are done; its state stays")], 76)


def _pairs(rows: Iterable[tuple[str, str]], wide: int) -> None:
    for name, value in rows:
        console.print(f"  {escape(name):<{wide}}[dim]{escape(value)}[/]")
