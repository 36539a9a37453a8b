"""Who signed a request."""

from __future__ import annotations

from collections.abc import Mapping


def caller(headers: Mapping[str, str]) -> tuple[str, str]:
    """ARN and principal ID of the credentials of a request, as GetCallerIdentity tells them; their secret is not
    looked at, and a bare account number is that account's root user."""
    from ministack.services import sts

    found = sts._caller_identity(dict(headers))
    return str(found["userArn"]), str(found["userId"])
