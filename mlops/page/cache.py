"""Answers that several requests share for a moment, so that open tabs do not multiply the reads of AWS."""

import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Make = Callable[[], Any]


@dataclass(frozen=True)
class Answer:
    """A document as it is sent, and the tag by which a browser says that it has it already."""

    body: bytes
    tag: str


@dataclass
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    answer: Answer | None = None
    until: float = 0.0


class Cache:
    """Keeps each answer for `seconds`; while one thread makes an answer, others that want it wait for that one."""

    def __init__(self, seconds: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def get(self, key: str, make: Make) -> Answer:
        """The answer of `key`; `make` gives its document where it is too old, and may raise."""
        with self._lock:
            kept = self._kept.setdefault(key, _Kept())
        with kept.lock:
            if kept.answer is None or self._clock() >= kept.until:
                kept.answer = answer(make())
                kept.until = self._clock() + self._seconds
            return kept.answer

    def forget(self) -> None:
        """Something was changed: everything is read anew."""
        with self._lock:
            self._kept.clear()


def answer(document: Any) -> Answer:
    """A document as JSON, with a tag that changes when it does."""
    body = json.dumps(document, default=_plain, separators=(",", ":"), allow_nan=False).encode()
    return Answer(body, f'"{hashlib.sha256(body).hexdigest()[:24]}"')


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} has no JSON form")
