"""CloudWatch metrics that the emulated services write in the namespaces of AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from local_aws.core.api import Context


@dataclass(frozen=True)
class Measure:
    """One value of one metric, now."""

    namespace: str
    name: str
    value: float
    unit: str
    dimensions: Mapping[str, str]


class Sink(Protocol):
    """Takes measures; the server connects CloudWatch."""

    def __call__(self, ctx: Context, measures: Iterable[Measure], /) -> None: ...


def _unconnected(_ctx: Context, measures: Iterable[Measure]) -> None:
    names = ", ".join(measure.name for measure in measures)
    raise RuntimeError(f"metrics {names}: metrics.connect() was not called, so they have nowhere to go")


_sink: Sink = _unconnected


def connect(sink: Sink) -> Callable[[], None]:
    """Write measures to `sink` from now on; returns the function that undoes it."""
    global _sink
    before, _sink = _sink, sink

    def disconnect() -> None:
        global _sink
        _sink = before

    return disconnect


def write(ctx: Context, *measures: Measure) -> None:
    """Write values with the present time."""
    _sink(ctx, measures)
