"""AWS/SQS ApproximateNumberOfMessagesVisible, which alarms on dead-letter queues watch.

AWS writes it each minute for queues in use. Here a change is written at once, and the number each minute, for a quarter
of an hour after the last change or as long as there are messages. Source: SQS developer guide, available metrics.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from local_aws import seam
from local_aws.core import api, metrics
from local_aws.core.api import Context
from local_aws.core.metrics import Measure

_TICK_SECONDS = 1.0
_AGAIN_SECONDS = 60.0
_QUIET_SECONDS = 900.0


@dataclass
class _Seen:
    number: int
    changed: float
    written: float


_seen: dict[tuple[Context, str], _Seen] = {}


def install() -> None:
    """Look at the queues on a tick."""
    api.on_tick(_TICK_SECONDS, lambda: write(time.monotonic()))


def write(now: float) -> None:
    """Write what is due; `now` in seconds of any clock."""
    found = seam.visible_messages()
    for queue in _seen.keys() - found.keys():
        del _seen[queue]
    for (ctx, name), number in found.items():
        seen = _seen.get((ctx, name))
        if seen is None or seen.number != number:
            seen = _Seen(number, now, now)
        elif now - seen.written < _AGAIN_SECONDS or (not number and now - seen.changed > _QUIET_SECONDS):
            continue
        else:
            seen.written = now
        _seen[ctx, name] = seen
        measure = Measure("AWS/SQS", "ApproximateNumberOfMessagesVisible", float(number), "Count", {"QueueName": name})
        metrics.write(ctx, measure)
