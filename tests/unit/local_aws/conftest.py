"""A fresh state and an event sink for tests that need no server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_aws.core import events, metrics, store
from local_aws.core.api import Context
from local_aws.core.metrics import Measure


@pytest.fixture
def ctx() -> Context:
    return Context("111122223333", "eu-west-1")


@pytest.fixture(autouse=True)
def _fresh_tables() -> Iterator[None]:
    for table in store.tables().values():
        table.clear()
    yield
    for table in store.tables().values():
        table.clear()


@pytest.fixture(autouse=True)
def measured() -> Iterator[list[Measure]]:
    """The metrics that the test's code wrote."""
    seen: list[Measure] = []
    disconnect = metrics.connect(lambda _ctx, measures: seen.extend(measures))
    yield seen
    disconnect()


@pytest.fixture
def emitted() -> Iterator[list[dict[str, Any]]]:
    """The events that the test's code emitted, in EventBridge's member names."""
    seen: list[dict[str, Any]] = []

    def sink(ctx: Context, source: str, detail_type: str, detail: dict[str, Any], resources: list[str]) -> None:
        seen.append({"source": source, "detail-type": detail_type, "detail": detail, "resources": resources})

    disconnect = events.connect(sink)
    yield seen
    disconnect()
