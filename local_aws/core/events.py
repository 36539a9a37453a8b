"""EventBridge events of the emulated services."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from local_aws.core.api import Context

log = logging.getLogger(__name__)


class Sink(Protocol):
    """Takes one event; the server connects EventBridge's default bus."""

    def __call__(
        self, ctx: Context, source: str, detail_type: str, detail: dict[str, Any], resources: list[str], /
    ) -> None: ...


def _unconnected(_ctx: Context, _source: str, detail_type: str, _detail: dict[str, Any], _resources: list[str]) -> None:
    raise RuntimeError(f"event {detail_type!r}: events.connect() was not called, so it has nowhere to go")


_sink: Sink = _unconnected
_listeners: list[Sink] = []


def connect(sink: Sink) -> Callable[[], None]:
    """Send events to `sink` from now on; returns the function that undoes it."""
    global _sink
    before, _sink = _sink, sink

    def disconnect() -> None:
        global _sink
        _sink = before

    return disconnect


def listen(listener: Sink) -> Callable[[], None]:
    """Call `listener` with each event before the bus has it; returns the function that undoes it.

    So what it records is there for whoever the event wakes. What it raises is logged: it cannot fail the sender.
    """
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def emit(
    ctx: Context,
    detail_type: str,
    detail: dict[str, Any],
    resources: list[str],
    source: str = "aws.sagemaker",
) -> None:
    """Put an event of an AWS service on the default bus of `ctx`; `detail` holds plain JSON values only."""
    for listener in _listeners:
        try:
            listener(ctx, source, detail_type, detail, resources)
        except Exception:
            log.exception("listener of the event %s", detail_type)
    _sink(ctx, source, detail_type, detail, resources)
