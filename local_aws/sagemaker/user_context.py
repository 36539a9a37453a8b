"""CreatedBy and LastModifiedBy: who made a request, by the credentials that signed it."""

from __future__ import annotations

from typing import Any

from local_aws import seam
from local_aws.core.api import request_headers


def current() -> dict[str, Any]:
    """A UserContext; empty where no request is under way, as in a pipeline's step."""
    headers = request_headers.get()
    if "authorization" not in headers:
        return {}
    arn, principal = seam.caller(headers)
    return {"IamIdentity": {"Arn": arn, "PrincipalId": principal}}
