"""Ctrl-C, and what else asks a run to end: SIGTERM of a CI job, SIGHUP of a terminal that was closed."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let every request to end raise KeyboardInterrupt; one that is ignored, as under `nohup`, stays ignored."""
    handled = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, signal.default_int_handler) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def put_off(*, forget: bool = False) -> Iterator[None]:
    """Finish the block first, and raise KeyboardInterrupt after it; not even then with `forget`.

    For what must not stay half done: a server that starts belongs to nobody until it answers.
    """
    came: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    handled = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, remember) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came and not forget:
        raise KeyboardInterrupt
