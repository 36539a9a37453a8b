"""Items of many threads, sent in batches by one: capture records, metric values and log lines leave this way,
so that a request never waits for S3, CloudWatch or the logs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
log = logging.getLogger(__name__)


class Batcher(Generic[Item]):
    """Collects items and hands them to `send` at most `seconds` after the first one, earlier when `limit` is
    reached.

    `put` only appends. `send` returns the items that could not be sent; they go with the next batch, as
    the whole batch does when it raises. So an item is lost only when the process is killed."""

    def __init__(self, name: str, seconds: float, limit: int, send: Callable[[list[Item]], list[Item]]) -> None:
        self._name = name
        self._seconds = seconds
        self._limit = limit
        self._send = send
        self._items: list[Item] = []
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, item: Item) -> None:
        with self._changed:
            self._items.append(item)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            elif len(self._items) in (1, self._limit):
                self._changed.notify()

    def flush(self) -> bool:
        """Send what is waiting and what is on its way; False when a part could not be sent and was put
        back."""
        with self._sending:
            with self._changed:
                items, self._items = self._items, []
            if not items:
                return True
            try:
                left = self._send(items)
            except Exception:
                log.exception("%s: a batch of %d could not be sent and is kept", self._name, len(items))
                left = items
            with self._changed:
                self._items[:0] = left
            return not left

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items)
                self._changed.wait_for(lambda: len(self._items) >= self._limit, timeout=self._seconds)
            if not self.flush():
                time.sleep(self._seconds)
