"""Custom resource that empties a bucket or a model package group before CloudFormation deletes it.

Lambda entry point `handler.handler`. ResourceProperties: Kind ("bucket" or "model-package-group") and Name.
Create and Update only check these; Delete empties. It always answers, since CloudFormation waits an hour for
one that does not come.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any, Protocol

from gateway import empty, send
from request import BadRequestError, Request

TIME_TO_ANSWER_MS = 60_000
"""More than one more batch and the three tries to answer can take with all their retries."""

log = logging.getLogger("empty_on_delete")
log.setLevel(logging.INFO)


class Context(Protocol):
    """The part of Lambda's context object that is used."""

    def get_remaining_time_in_millis(self) -> int:
        """Until Lambda ends the function."""


def handler(event: Mapping[str, Any], context: Context) -> None:
    """Do what is asked and answer; raises only if the answer cannot be delivered (Lambda then retries)."""
    request = Request.read(event)
    failure = _do(request, context)
    log.info(json.dumps({"request": request.type, "kind": request.kind, "name": request.name, "failure": failure}))
    send(request.response_url, request.answer(failure))


def _do(request: Request, context: Context) -> str:
    """Why it failed, or ""."""
    try:
        request.check()
        if request.type == "Delete":
            for deleted in empty(request.kind, request.name):
                if context.get_remaining_time_in_millis() < TIME_TO_ANSWER_MS:
                    return (
                        f"{request.kind} {request.name}: time is up after {deleted} deletions, "
                        "more is left: delete the stack again to go on"
                    )
    except BadRequestError as error:
        # CloudFormation deletes what it could not create: then there is nothing to empty.
        return "" if request.type == "Delete" else str(error)
    except Exception as error:
        # Whatever it is, CloudFormation must hear of it now rather than after its hour of waiting.
        return f"{request.kind} {request.name}: {error}"
    return ""
