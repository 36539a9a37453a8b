"""Who did it: persons behind AWS identities, as far as an ARN tells."""

import re
from collections.abc import Mapping
from typing import Any

APPROVED_BY = "approved_by"
"""Metadata of a version: the identity that approved it by the command line."""

_NOT_IN_METADATA = re.compile(r"[^\w\s.:/=+@-]")
_LONGEST_VALUE = 256  # API reference: CustomerMetadataValue


def caller(sts: Any) -> str:
    """The ARN of whoever runs this command."""
    return str(sts.get_caller_identity()["Arn"])


def as_metadata(arn: str) -> str:
    """An ARN in the characters that a version's metadata may have."""
    return _NOT_IN_METADATA.sub("_", arn)[:_LONGEST_VALUE]


def name(arn: str) -> str:
    """What a person is called: the user's name, or the session's, which single sign-on makes the person's own."""
    return arn.rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def same(one: str, other: str) -> bool:
    """Whether two identities are one person: the same name counts, though the roles differ.

    Single sign-on gives a person one role for approving and another for releasing, with the same session name.
    """
    return as_metadata(name(one)) == as_metadata(name(other))


def approvers(package: Mapping[str, Any]) -> list[str]:
    """Identities known to have approved a version (DescribeModelPackage's answer), the surest first.

    The metadata is written by `mlops approve`. An approval in SageMaker Studio leaves only who changed the
    version last, which is the approver as long as nothing else changed it.
    """
    by_command = package.get("CustomerMetadataProperties", {}).get(APPROVED_BY, "")
    last = package.get("LastModifiedBy", {})
    by_page = last.get("UserProfileName") or last.get("IamIdentity", {}).get("Arn", "")
    return [identity for identity in dict.fromkeys((by_command, by_page)) if identity]
