"""Sends a load of requests from a number of threads, until all are answered or the time is up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from checks import Answer


def run(send: Callable[[int], Answer], requests: int, concurrency: int, in_time: Callable[[], bool]) -> list[Answer]:
    """Answers in the order in which they came; fewer than `requests` if the time was up.

    send: sends request number n (from 0); in_time: whether another request may start. Raises what `send` raises;
    no further request starts then.
    """
    numbers, answers = iter(range(requests)), []
    lock, stop = threading.Lock(), threading.Event()

    def work() -> None:
        while not stop.is_set() and in_time():
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            try:
                answer = send(number)
            except BaseException:
                stop.set()
                raise
            with lock:
                answers.append(answer)

    with ThreadPoolExecutor(max_workers=concurrency) as threads:
        for worker in [threads.submit(work) for _ in range(concurrency)]:
            worker.result()
    return answers
