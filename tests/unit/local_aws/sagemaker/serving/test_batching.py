"""Batches: late by no more than asked, and nothing lost."""

from __future__ import annotations

import threading
import time

from local_aws.sagemaker.batching import Batcher


def test_items_arrive_in_order_and_within_the_time() -> None:
    sent: list[int] = []
    arrived = threading.Event()

    def send(items: list[int]) -> list[int]:
        sent.extend(items)
        if len(sent) == 3:
            arrived.set()
        return []

    batcher = Batcher("test", 0.05, 100, send)
    started = time.monotonic()
    for item in range(3):
        batcher.put(item)
    assert arrived.wait(2)
    assert sent == [0, 1, 2]
    assert time.monotonic() - started >= 0.04


def test_a_full_batch_does_not_wait() -> None:
    arrived = threading.Event()

    def send(items: list[int]) -> list[int]:
        arrived.set()
        return []

    batcher = Batcher("test", 60, 5, send)
    for item in range(5):
        batcher.put(item)
    assert arrived.wait(2)


def test_flush_sends_at_once() -> None:
    sent: list[int] = []
    batcher = Batcher("test", 60, 100, lambda items: sent.extend(items) or [])
    batcher.put(1)
    assert batcher.flush()
    assert sent == [1]


def test_what_could_not_be_sent_goes_with_the_next_batch() -> None:
    batches: list[list[int]] = []

    def send(items: list[int]) -> list[int]:
        batches.append(list(items))
        return [item for item in items if item % 2] if len(batches) == 1 else []

    batcher = Batcher("test", 60, 100, send)
    for item in range(4):
        batcher.put(item)
    assert not batcher.flush()
    batcher.put(4)
    assert batcher.flush()
    assert batches == [[0, 1, 2, 3], [1, 3, 4]]


def test_a_batch_that_raised_is_kept() -> None:
    failures = [OSError("no connection")]
    sent: list[int] = []

    def send(items: list[int]) -> list[int]:
        if failures:
            raise failures.pop()
        sent.extend(items)
        return []

    batcher = Batcher("test", 60, 100, send)
    batcher.put(1)
    assert not batcher.flush()
    assert batcher.flush()
    assert sent == [1]
