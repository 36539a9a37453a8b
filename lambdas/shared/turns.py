"""One run at a time, and none for nothing: whoever comes while another runs has it look once more."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shared.lock import Hold, Lock
from shared.logs import say

MAX_ROUNDS = 5
"""Looks for those who came meanwhile. A stream of them never ends; the next one looks by itself."""

_T = TypeVar("_T")


class Busy:
    """Another run has the lock, and looks once more before it leaves it."""


def in_turn(lock: Lock, run: Callable[[Hold], _T], first: Callable[[Hold], None] = lambda _hold: None) -> _T | Busy:
    """Returns what the last `run` returned; `first` is called once before.

    What is raised may be mended by a retry; the lock is free then.
    """
    hold = lock.acquire()
    if hold is None:
        say("busy")
        return Busy()
    try:
        first(hold)
        for _ in range(MAX_ROUNDS):
            result = run(hold)
            if hold.release():
                return result
        hold.drop()
    except Exception:
        _abandon(hold)
        raise
    return result


def _abandon(hold: Hold) -> None:
    """As the run failed: what stands in the way of that only delays the next one until the lease ends."""
    try:
        hold.abandon()
    except Exception as error:
        say("the lock stays until its lease ends", error=str(error))
