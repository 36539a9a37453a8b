"""A CloudFormation custom resource request: what it asks for, and what the answer must carry.

Shapes: "Custom resource request objects" and "Custom resource response objects" (CloudFormation user guide).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KINDS = ("bucket", "model-package-group")
REASON_LIMIT = 1000  # CloudFormation takes an answer of 4096 bytes


class BadRequestError(ValueError):
    """The resource's properties in the template are wrong."""


@dataclass(frozen=True)
class Request:
    """type is Create, Update or Delete; kind and name say what to empty."""

    type: str
    kind: str
    name: str
    response_url: str
    stack_id: str
    request_id: str
    logical_id: str
    given_id: str

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> Request:
        """Raises KeyError if CloudFormation did not send this event."""
        properties = event["ResourceProperties"]
        return cls(
            type=event["RequestType"],
            kind=str(properties.get("Kind", "")),
            name=str(properties.get("Name", "")),
            response_url=event["ResponseURL"],
            stack_id=event["StackId"],
            request_id=event["RequestId"],
            logical_id=event["LogicalResourceId"],
            given_id=event.get("PhysicalResourceId", ""),
        )

    def check(self) -> None:
        """Raises BadRequestError with the property, its value and what is allowed."""
        if self.kind not in KINDS:
            raise BadRequestError(f"ResourceProperties.Kind: {self.kind!r}, expected one of {', '.join(KINDS)}")
        if not self.name:
            raise BadRequestError(f"ResourceProperties.Name: '', expected the name of the {self.kind}")

    @property
    def physical_id(self) -> str:
        """The same for the same thing, so that an update does not replace it; a deletion keeps what it got.

        Another name is another thing: CloudFormation then deletes, and so empties, the old one.
        """
        return self.given_id if self.type == "Delete" and self.given_id else f"{self.kind}/{self.name}"

    def answer(self, failure: str = "") -> bytes:
        """The body of the response: SUCCESS, or FAILED with the reason."""
        return json.dumps(
            {
                "Status": "FAILED" if failure else "SUCCESS",
                "Reason": failure[:REASON_LIMIT],
                "PhysicalResourceId": self.physical_id,
                "StackId": self.stack_id,
                "RequestId": self.request_id,
                "LogicalResourceId": self.logical_id,
            }
        ).encode()
