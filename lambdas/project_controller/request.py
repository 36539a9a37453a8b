"""What a project's stack asks for: a custom resource request of CloudFormation.

Shapes: "Custom resource request objects" and "Custom resource response objects" (CloudFormation user guide).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

REASON_LIMIT = 1000  # CloudFormation takes an answer of 4096 bytes

# The template says the same, so that Studio's form does: a request need not come from there.
FORMS: Mapping[str, re.Pattern[str]] = {
    "ModelName": re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*"),
    "Owner": re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"),
    "SageMakerProjectId": re.compile(r"p-[a-z0-9]{1,18}"),
    "SageMakerProjectName": re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}"),
}
"""Properties of the resource; each becomes a word of a command."""


class BadRequestError(ValueError):
    """The resource's properties cannot be taken."""


@dataclass(frozen=True)
class Request:
    """type is Create, Update or Delete; properties and old by their names in FORMS."""

    type: str
    properties: Mapping[str, str]
    old: Mapping[str, str]
    response_url: str
    stack_id: str
    request_id: str
    logical_id: str
    given_id: str

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> Request:
        """Raises KeyError if CloudFormation did not send this event."""
        return cls(
            type=event["RequestType"],
            properties=_properties(event["ResourceProperties"]),
            old=_properties(event.get("OldResourceProperties") or {}),
            response_url=event["ResponseURL"],
            stack_id=event["StackId"],
            request_id=event["RequestId"],
            logical_id=event["LogicalResourceId"],
            given_id=event.get("PhysicalResourceId", ""),
        )

    @property
    def model(self) -> str:
        """The model's name; of another resource, which has none, its own in the stack."""
        return self.properties["ModelName"] or self.logical_id

    def check(self) -> None:
        """Raises BadRequestError with the property, its value and what is allowed."""
        for name, form in FORMS.items():
            if not form.fullmatch(self.properties[name]):
                raise BadRequestError(f"{name}: {self.properties[name]!r}, expected {form.pattern}")

    def refusal(self) -> str:
        """Why an Update cannot be done, or "": the model is in the repository, where people change it."""
        changed = [name for name in FORMS if self.properties[name] != self.old[name]]
        if not changed:
            return ""
        return f"{changed[0]}: a project keeps its model; change it in the repository, or start another project"

    def as_waiting(self) -> dict[str, str]:
        """What it takes to answer it."""
        return {
            "model": self.model,
            "url": self.response_url,
            "PhysicalResourceId": self.given_id or f"new-model/{self.model}",
            "StackId": self.stack_id,
            "RequestId": self.request_id,
            "LogicalResourceId": self.logical_id,
        }


def answer(waiting: Mapping[str, str], failure: str, data: Mapping[str, str]) -> bytes:
    """The body of the response: SUCCESS with `data`, or FAILED with the reason."""
    kept = ("PhysicalResourceId", "StackId", "RequestId", "LogicalResourceId")
    return json.dumps(
        {
            "Status": "FAILED" if failure else "SUCCESS",
            "Reason": failure[:REASON_LIMIT],
            "Data": dict(data),
            **{key: waiting[key] for key in kept},
        }
    ).encode()


def _properties(given: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(given.get(name, "")) for name in FORMS}
