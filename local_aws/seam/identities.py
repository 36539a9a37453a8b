"""Who signed a request, and who may become whom."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from local_aws.seam.hosting import Response, replace_service_handler, service_handler


def caller(headers: Mapping[str, str]) -> tuple[str, str]:
    """ARN and principal ID of the credentials of a request, as GetCallerIdentity tells them; their secret is not
    looked at, and a bare account number is that account's root user."""
    from ministack.services import sts

    found = sts._caller_identity(dict(headers))
    return str(found["userArn"]), str(found["userId"])


def guard_assume_role(refusal: Callable[[str, dict[str, str]], str | None]) -> None:
    """Ask `refusal(ARN of the caller, members of the request)` before each AssumeRole; a text of it is AccessDenied."""
    from ministack.services import sts

    handle = service_handler("sts")

    async def handler(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Response:
        asked = _assume_role(headers, body, query)
        if asked is None or (reason := refusal(caller(headers)[0], asked)) is None:
            return await handle(method, path, headers, body, query)
        if "amz-json" in headers.get("content-type", ""):
            return (
                403,
                {"Content-Type": "application/x-amz-json-1.1"},
                json.dumps({"__type": "AccessDenied", "message": reason}).encode(),
            )
        answer: Response = sts._error(403, "AccessDenied", reason, ns="sts")
        return answer

    replace_service_handler("sts", handler)


def _assume_role(headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]) -> dict[str, str] | None:
    """The members of an AssumeRole request in its Query or JSON form; None for another action."""
    if headers.get("x-amz-target", "").endswith(".AssumeRole"):
        return {name: value for name, value in json.loads(body or b"{}").items() if isinstance(value, str)}
    given = {**query, **parse_qs(body.decode("utf-8", "replace"))}
    members = {name: str(value[0] if isinstance(value, list) else value) for name, value in given.items()}
    return members if members.get("Action") == "AssumeRole" else None
