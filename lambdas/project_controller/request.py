"""What a project's stack asks for: a custom resource request of CloudFormation.

Shapes: "Custom resource request objects" and "Custom resource response objects" (CloudFormation user guide).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.custom_resource import BadRequestError, CustomResourceRequest, members

# The template says the same, so that Studio's form does: a request need not come from there.
FORMS: Mapping[str, re.Pattern[str]] = {
    "ModelName": re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*"),
    "Owner": re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"),
    "SageMakerProjectId": re.compile(r"p-[a-z0-9]{1,18}"),
    "SageMakerProjectName": re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}"),
}
"""Properties of the resource; each becomes a word of a command."""


@dataclass(frozen=True)
class Request(CustomResourceRequest):
    """properties and old by their names in FORMS."""

    properties: Mapping[str, str]
    old: Mapping[str, str]

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> Request:
        """Raises KeyError if CloudFormation did not send this event."""
        return cls(
            **members(event),
            properties=_properties(event["ResourceProperties"]),
            old=_properties(event.get("OldResourceProperties") or {}),
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
            **self.whose(self.given_id or f"new-model/{self.model}"),
        }


def _properties(given: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(given.get(name, "")) for name in FORMS}
