"""The verdict as metadata of the model package: what the next environment reads before it takes a version. Pure.

Values are limited to 256 letters, digits, spaces and _ . : / = + - @ (API reference: UpdateModelPackage,
CustomerMetadataProperties); what else a reason has becomes a space.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

PASSED = "passed"
APPROVED_BY = "approved-by"
VALUE_LIMIT = 256

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9 _.:/=+\-@]+")


@dataclass(frozen=True)
class Package:
    """What is known of a model package before the tests write onto it."""

    approval: str
    modified_by: str
    """Who changed it last, as far as SageMaker says; "" otherwise."""
    metadata: Mapping[str, str] = field(default_factory=dict)


def properties(key: str, reason: str, package: Package, now: datetime) -> dict[str, str]:
    """The entries to write: verdict, its time, and who approved the version while that can still be told.

    reason: why the tests failed, "" if they passed. key: the name of the verdict's entry. The last change is the
    approval only as long as these tests have written nothing.
    """
    entries = {
        key: value(f"failed: {reason}") if reason else PASSED,
        f"{key}-at": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    unknown = APPROVED_BY not in package.metadata and key not in package.metadata
    if unknown and package.approval == "Approved" and package.modified_by:
        entries[APPROVED_BY] = value(package.modified_by)
    return entries


def value(text: str) -> str:
    """The text in the characters and the length that AWS takes."""
    return " ".join(_NOT_ALLOWED.sub(" ", text).split())[:VALUE_LIMIT].rstrip()
