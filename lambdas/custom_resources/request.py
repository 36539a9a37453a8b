"""A CloudFormation custom resource request: what it asks for, and what the answer must carry.

Shapes: "Custom resource request objects" and "Custom resource response objects" (CloudFormation user guide).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.custom_resource import BadRequestError, CustomResourceRequest, answer, members

BUCKET = "bucket"
PACKAGE_GROUP = "model-package-group"
INSTANCE_TYPE = "instance-type"
FEATURE_GROUP = "feature-group"
DEFAULT_SECURITY_GROUP = "default-security-group"
DETAILS: Mapping[str, tuple[str, ...]] = {
    BUCKET: (),
    PACKAGE_GROUP: (),
    INSTANCE_TYPE: ("InstanceType", "Autoscaling"),
    FEATURE_GROUP: ("Setting", "Definition"),
    DEFAULT_SECURITY_GROUP: (),
}
"""The kinds of resources, and the properties that each has beside Kind and Name."""

TOLD_APART = frozenset({INSTANCE_TYPE})
"""Kinds whose properties are part of the physical id."""


@dataclass(frozen=True)
class Request(CustomResourceRequest):
    """details: by DETAILS of the kind; old: what they were before an Update, all "" otherwise."""

    kind: str
    name: str
    details: tuple[str, ...]
    old: tuple[str, ...]

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> Request:
        """Raises KeyError if CloudFormation did not send this event."""
        properties = event["ResourceProperties"]
        kind = str(properties.get("Kind", ""))
        return cls(
            **members(event),
            kind=kind,
            name=str(properties.get("Name", "")),
            details=_details(kind, properties),
            old=_details(kind, event.get("OldResourceProperties") or {}),
        )

    def check(self) -> None:
        """Raises BadRequestError with the property, its value and what is allowed."""
        if self.kind not in DETAILS:
            raise BadRequestError(f"ResourceProperties.Kind: {self.kind!r}, expected one of {', '.join(DETAILS)}")
        if not self.name:
            raise BadRequestError(f"ResourceProperties.Name: '', expected the name of the {self.kind}")
        for detail, value in zip(DETAILS[self.kind], self.details, strict=True):
            if not value:
                raise BadRequestError(f"ResourceProperties.{detail}: '', expected a value for {self.name}")

    @property
    def wanted_id(self) -> str:
        """The physical id of what the properties describe: the same for the same thing.

        Another id is another thing: CloudFormation then sends a deletion of the old one.
        """
        return "/".join([self.kind, self.name, *(self.details if self.kind in TOLD_APART else ())])

    def answer(self, failure: str = "") -> bytes:
        """The body of the response: SUCCESS, or FAILED with the reason.

        A deletion keeps the physical id that it got, and so does what failed: it is still what it was.
        """
        stays = failure or self.type == "Delete"
        return answer(self.whose((stays and self.given_id) or self.wanted_id), failure)


def _details(kind: str, properties: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(properties.get(detail, "")) for detail in DETAILS.get(kind, ()))
