"""What is wrong with an answer, and with how a load of requests was answered. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from response_schema import Schema, problem
from samples import Sample


@dataclass(frozen=True)
class Answer:
    """status: 200, the model's own status, or 0 if nothing came back; error: why it is not 200."""

    status: int
    body: bytes
    seconds: float
    error: str = ""


@dataclass(frozen=True)
class Limits:
    """Settings of config/, [model_defaults.release.test]."""

    requests: int
    concurrency: int
    max_error_percent: float
    max_p95_ms: int


@dataclass(frozen=True)
class Wrong:
    """A failed test. other_version: the version that answered instead, if nothing else was wrong."""

    reason: str
    other_version: str = ""


def of_answer(answer: Answer, sample: Sample, schema: Schema, version: str) -> Wrong | None:
    """The smoke test of one sample: status 200, the schema, a prediction for each instance, the version."""
    if answer.status != 200:
        return Wrong(f"{answer.status or 'no answer'}: {answer.error}")
    try:
        document = json.loads(answer.body, parse_constant=_refuse)
    except ValueError as error:
        return Wrong(f"the response is not JSON: {error}")
    if wrong := problem(document, schema):
        return Wrong(wrong)
    predictions = document.get("predictions") if isinstance(document, dict) else None
    if not isinstance(predictions, list) or len(predictions) != sample.instances:
        found = len(predictions) if isinstance(predictions, list) else "no list of"
        return Wrong(f"{found} predictions for {sample.instances} instances")
    others = [found for found in map(_version, predictions) if found != version]
    if others:
        return Wrong(f"model_version is {others[0] or 'missing'} instead of {version}", others[0])
    return None


def of_load(answers: Sequence[Answer], limits: Limits) -> Wrong | None:
    """The load test: share of requests that failed, then the 95th percentile of the time of all others."""
    if len(answers) < limits.requests:
        return Wrong(f"time was up after {len(answers)} of {limits.requests} requests")
    failed = [answer for answer in answers if answer.status != 200]
    share = 100 * len(failed) / len(answers)
    if share > limits.max_error_percent:
        first = f"{failed[0].status or 'no answer'}: {failed[0].error}"
        return Wrong(
            f"{share:.3g} percent of {len(answers)} requests failed, the limit is {limits.max_error_percent:g}; "
            f"the first with {first}"
        )
    slow = p95_ms(answers)
    if slow > limits.max_p95_ms:
        return Wrong(f"p95 latency is {slow:.0f} ms, the limit is {limits.max_p95_ms} ms")
    return None


def p95_ms(answers: Sequence[Answer]) -> float:
    """The smallest time, in milliseconds, that 95 % of the successful requests did not exceed; 0 without any."""
    times = sorted(answer.seconds for answer in answers if answer.status == 200)
    return 1000 * times[math.ceil(0.95 * len(times)) - 1] if times else 0.0


def _version(prediction: Any) -> str:
    return str(prediction.get("model_version", "")) if isinstance(prediction, dict) else ""


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")
