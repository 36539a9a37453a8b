"""Batch scoring: has the model that serves score a file, or all files below a prefix, by a transform job.

Lambda entry point `handler.handler`, woken by a schedule, by `mlops batch` with {"input": "s3://...", "output":
"s3://..."} (output may be left out), and by EventBridge when a job has failed.
"""

from __future__ import annotations

import json
from typing import Protocol

import messages
from gateway import gateway, settings
from job import RefusedError
from request import Ended, Request, Scheduled, parse
from scoring import start
from shared.messages import Message


class Context(Protocol):
    """The part of Lambda's context object that is used."""

    aws_request_id: str
    """The same when Lambda retries an event."""


def handler(event: object, context: Context) -> dict[str, str]:
    """Returns job, output and, where nothing was started, the reason; raises what a retry may mend."""
    request = parse(event, context.aws_request_id)
    answer = _tell(request) if isinstance(request, Ended) else _start(request)
    print(json.dumps({"message": type(request).__name__, **answer}))
    return answer


def _start(request: Request) -> dict[str, str]:
    try:
        return start(gateway(), request)
    except RefusedError as error:
        if isinstance(request, Scheduled):  # nobody waits for the answer
            _publish(messages.not_started(str(error), settings()))
        return {"job": "", "output": "", "reason": str(error)}


def _tell(ended: Ended) -> dict[str, str]:
    _publish(messages.ended(ended, settings()))
    return {"job": ended.job, "output": "", "reason": f"{ended.status}: {ended.reason}"}


def _publish(message: Message) -> None:
    gateway().publish(message.subject, message.by_protocol())
