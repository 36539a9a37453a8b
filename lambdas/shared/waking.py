"""What an event is to a controller: a wake, nothing of its business, or no event at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from shared.events import Ignored, MalformedEvent
from shared.logs import say


class Waking(Protocol):
    """An event that wakes. why: in words."""

    @property
    def why(self) -> str: ...


W = TypeVar("W", bound="Waking")

Answer = dict[str, str]
"""What a function returns, for whoever invokes it by hand."""


def understood(parse: Callable[[], W | Ignored], bury: Callable[[str], object]) -> W | Answer:
    """The wake that `parse` reads, or the answer where there is nothing to do.

    bury: gets the reason for which an event is none that AWS sends, and lays it where a person finds it.
    """
    try:
        wake = parse()
    except MalformedEvent as error:
        say("malformed", reason=str(error))
        bury(str(error))
        return {"action": "Malformed", "reason": str(error)}
    if isinstance(wake, Ignored):
        say("ignored", reason=wake.why)
        return {"action": "Ignored", "reason": wake.why}
    say("woken", reason=wake.why)
    return wake
