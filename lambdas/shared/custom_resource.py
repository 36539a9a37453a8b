"""A custom resource request of CloudFormation, and the body of the answer to it. Pure.

Shapes: "Custom resource request objects" and "Custom resource response objects" (CloudFormation user guide).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

REASON_LIMIT = 1000  # CloudFormation takes an answer of 4096 bytes

_WHOSE = ("PhysicalResourceId", "StackId", "RequestId", "LogicalResourceId")


class BadRequestError(ValueError):
    """The resource's properties cannot be taken."""


@dataclass(frozen=True)
class CustomResourceRequest:
    """type is Create, Update or Delete; given_id is the physical id, "" while there is none."""

    type: str
    response_url: str
    stack_id: str
    request_id: str
    logical_id: str
    given_id: str

    def whose(self, physical_id: str) -> dict[str, str]:
        """What an answer must carry to be this request's."""
        return dict(zip(_WHOSE, (physical_id, self.stack_id, self.request_id, self.logical_id), strict=True))


def members(event: Mapping[str, Any]) -> dict[str, str]:
    """The fields of CustomResourceRequest by name; raises KeyError if CloudFormation did not send this event."""
    return {
        "type": event["RequestType"],
        "response_url": event["ResponseURL"],
        "stack_id": event["StackId"],
        "request_id": event["RequestId"],
        "logical_id": event["LogicalResourceId"],
        "given_id": event.get("PhysicalResourceId", ""),
    }


def answer(whose: Mapping[str, str], failure: str, data: Mapping[str, str] | None = None) -> bytes:
    """SUCCESS, or FAILED with the reason. whose: with what `CustomResourceRequest.whose` gives, and maybe more."""
    body: dict[str, Any] = {"Status": "FAILED" if failure else "SUCCESS", "Reason": failure[:REASON_LIMIT]}
    if data is not None:
        body["Data"] = dict(data)
    return json.dumps({**body, **{name: whose[name] for name in _WHOSE}}).encode()
