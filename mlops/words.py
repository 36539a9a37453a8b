"""Times, versions and verdicts as a person reads them. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mlops.ledger import Entry

_DECISIONS = {
    "better": "better",
    "worse": "worse",
    "no_difference": "no difference found",
    "continue": "undecided so far",
    "mismatch": "held back: the traffic is not split as planned",
}
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def moment(at: datetime) -> str:
    """A point in time, in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def ago(at: datetime, now: datetime) -> str:
    """How long ago something was, in its largest unit."""
    seconds = max(0, int((now - at).total_seconds()))
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def verdict(figures: Mapping[str, Any]) -> str:
    """A verdict on one line: "better: +1.3 points (0.2 to 2.4); 6,120 of 24,594 outcomes (25 %), look 12"."""
    decision = str(figures["decision"])
    counted = f"{figures['samples']:,}"
    if figures["samples"] <= (figures.get("horizon") or 0):
        counted += f" of {figures['horizon']:,}"
    interval = f"{100 * figures['low']:+.1f} to {100 * figures['high']:+.1f}"
    return (
        f"{_DECISIONS.get(decision, decision)}: {100 * figures['estimate']:+.1f} points ({interval}); "
        f"{counted} outcomes ({100 * figures['progress']:.0f} % of the information), look {figures['looks']}"
    )


def entry(of: Entry) -> list[str]:
    """A ledger entry: one line, and one more for a verdict that is not the reason itself."""
    who = f"version {of.version}" if of.version else "-"
    reason, *more = because(of)
    begin = f"{moment(of.at)}  {of.happened:<12} {who:<12} {of.stage:<11}"
    return [f"{begin} {reason}".rstrip(), *(f"{'':21}{line}" for line in more)]


def because(of: Entry) -> list[str]:
    """Why an entry came to be: one line, and one more for a verdict that is not the reason itself."""
    if not of.verdict:
        return [of.reason]
    explanation = str(of.verdict.get("explanation", ""))
    if explanation and explanation in of.reason:
        return [of.reason.replace(explanation, verdict(of.verdict))]
    return [of.reason, verdict(of.verdict)]
