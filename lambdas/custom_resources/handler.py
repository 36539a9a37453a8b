"""Custom resources of the project's stacks: what CloudFormation itself can neither do nor check.

Lambda entry point `handler.handler`. ResourceProperties: Kind, Name and what DETAILS lists for the kind.

- bucket, model-package-group: emptied at Delete, so that CloudFormation can delete them; Create and Update only
  check the properties.
- instance-type, feature-group: stand for an endpoint's instance type and for a feature group; an Update that
  SageMaker would refuse fails here, with the way to do it.
- default-security-group: closed at Create and Update; nothing at Delete, since it goes with its VPC.

It always answers, since CloudFormation waits an hour for an answer that does not come.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any, Protocol

import feature_group
import instance_type
from gateway import close, empty, is_rolled_back, send
from request import DEFAULT_SECURITY_GROUP, FEATURE_GROUP, INSTANCE_TYPE, Request
from shared.custom_resource import BadRequestError

TIME_TO_ANSWER_MS = 60_000
"""More than one more batch and the three tries to answer can take with all their retries."""

log = logging.getLogger("custom_resources")
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
        if request.kind in (INSTANCE_TYPE, FEATURE_GROUP):
            return _refusal(request) if request.type == "Update" else ""
        if request.kind == DEFAULT_SECURITY_GROUP:
            return _close(request) if request.type != "Delete" else ""
        return _empty(request, context) if request.type == "Delete" else ""
    except BadRequestError as error:
        # CloudFormation deletes what it could not create: then there is nothing to empty.
        return "" if request.type == "Delete" else str(error)
    except Exception as error:
        # Whatever it is, CloudFormation must hear of it now rather than after its hour of waiting.
        return f"{request.kind} {request.name}: {error}"


def _refusal(request: Request) -> str:
    if request.kind == INSTANCE_TYPE:
        return instance_type.refusal(request.given_id, request.wanted_id)
    setting, wanted = request.details
    reason = feature_group.refusal(setting, request.name, request.old[1], wanted)
    # What a rollback asks for was there before: refusing it would only leave the stack between two states.
    return "" if reason and is_rolled_back(request.stack_id) else reason


def _close(request: Request) -> str:
    close(request.name)
    return ""


def _empty(request: Request, context: Context) -> str:
    for deleted in empty(request.kind, request.name):
        if context.get_remaining_time_in_millis() < TIME_TO_ANSWER_MS:
            return (
                f"{request.kind} {request.name}: time is up after {deleted} deletions, "
                "more is left: delete the stack again to go on"
            )
    return ""
