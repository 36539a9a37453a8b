"""One run of the tests: read, ask the endpoint, judge, tell, note. What a crash cuts off, a retry does again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import checks
import evidence
import load
import messages
import samples
from gateway import Gateway
from request import Request

TIME_TO_REPORT = 90.0
"""Seconds: the last requests may take a minute each, then the verdict is written and told."""


def test(gateway: Gateway, request: Request, time_left: Callable[[], float]) -> dict[str, str]:
    """The verdict, "passed" or "failed: ...", and whether it is new.

    "superseded": another version serves by now, which says nothing about this one; nothing is written then.
    time_left: seconds until Lambda ends the function.
    """
    key = gateway.settings.evidence_key
    package = gateway.package(request.package)
    if key in package.metadata and not request.again:
        return {"verdict": package.metadata[key], "tested": "before"}
    wrong = _wrong(gateway, request, lambda: time_left() > TIME_TO_REPORT)
    if wrong and wrong.other_version and gateway.champion() != request.package:
        return {"verdict": "superseded", "tested": "no", "reason": wrong.reason}
    reason = wrong.reason if wrong else ""
    if reason:
        # Told before it is noted: a retry after a crash between the two tells twice rather than never.
        message = messages.failed(reason, request, gateway.settings)
        gateway.publish(message.subject, message.by_protocol())
    entries = evidence.properties(key, reason, package, datetime.now(UTC))
    gateway.note(request.package, entries)
    return {"verdict": entries[key], "tested": "now", "reason": reason}


def _wrong(gateway: Gateway, request: Request, in_time: Callable[[], bool]) -> checks.Wrong | None:
    """The first thing that is wrong: smoke test of every sample, one at a time, then the load test."""
    given, limits = samples.read(gateway.samples()), gateway.settings.limits
    count = len(given.requests)
    for number, sample in enumerate(given.requests, 1):
        if not in_time():
            return checks.Wrong(f"time was up before sample {number} of {count}")
        answer = gateway.invoke(sample.body, f"test-{request.version}-smoke-{number}")
        if wrong := checks.of_answer(answer, sample, given.schema, request.version):
            return checks.Wrong(f"sample {number} of {count}: {wrong.reason}", wrong.other_version)

    def send(number: int) -> checks.Answer:
        return gateway.invoke(given.requests[number % count].body, f"test-{request.version}-load-{number + 1}")

    return checks.of_load(load.run(send, limits.requests, limits.concurrency, in_time), limits)
