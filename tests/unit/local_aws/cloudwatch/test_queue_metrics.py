from __future__ import annotations

import pytest

from local_aws import seam
from local_aws.cloudwatch import queue_metrics
from local_aws.core.api import Context
from local_aws.core.metrics import Measure


@pytest.fixture
def queues(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> dict[tuple[Context, str], int]:
    found = {(ctx, "dead"): 0}
    monkeypatch.setattr(seam, "visible_messages", lambda: dict(found))
    monkeypatch.setattr(queue_metrics, "_seen", {})
    return found


def test_a_change_is_written_at_once_and_the_number_each_minute(
    ctx: Context, queues: dict[tuple[Context, str], int], measured: list[Measure]
) -> None:
    queue_metrics.write(0)
    queue_metrics.write(30)
    queues[ctx, "dead"] = 2
    queue_metrics.write(31)
    queue_metrics.write(32)
    queue_metrics.write(92)
    assert [measure.value for measure in measured] == [0.0, 2.0, 2.0]
    assert measured[0].dimensions == {"QueueName": "dead"}
    assert measured[0].name == "ApproximateNumberOfMessagesVisible"


def test_an_empty_queue_falls_silent_and_a_full_one_does_not(
    ctx: Context, queues: dict[tuple[Context, str], int], measured: list[Measure]
) -> None:
    for now in range(0, 7200, 60):
        queue_metrics.write(now)
    assert len(measured) == 16
    queues[ctx, "dead"] = 1
    for now in range(7200, 14400, 60):
        queue_metrics.write(now)
    assert len(measured) == 16 + 120
