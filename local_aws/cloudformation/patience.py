"""ExecuteChangeSet and DeleteStack answer once the operation has ended, if that is soon.

AWS answers at once. Here most stacks take less than a second, and the CDK command line, which asks right after the
answer and then every five seconds, would wait five for each.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from urllib.parse import parse_qs

from local_aws import seam

SECONDS = 4.0
"""How long an answer waits at most: less than any client does."""
_ACTIONS = ("ExecuteChangeSet", "DeleteStack")
_POLL_SECONDS = 0.02


def install() -> None:
    """Let CloudFormation's handler wait."""
    answer = seam.service_handler("cloudformation")

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        response = await answer(method, path, headers, body, query)
        asked = requested(headers, body)
        if asked.get("Action") in _ACTIONS and response[0] == 200:
            await _settled(asked.get("StackName", ""))
        return response

    seam.replace_service_handler("cloudformation", handle)


def requested(headers: dict[str, str], body: bytes) -> dict[str, str]:
    """Action and parameters of a request, as the Query protocol or as JSON; nothing for what is neither."""
    target = headers.get("x-amz-target", "")
    if target:
        try:
            members = json.loads(body or b"{}")
        except ValueError:
            return {}
        texts = {name: value for name, value in members.items() if isinstance(value, str)}
        return {"Action": target.rsplit(".", 1)[-1], **texts}
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


async def _settled(stack: str) -> None:
    """Until no operation runs on the stack, given by name or id, or the time is over."""
    deadline = time.monotonic() + SECONDS
    await asyncio.sleep(_POLL_SECONDS)  # a deletion begins after its answer
    while seam.stack_in_progress(stack) and time.monotonic() < deadline:
        await asyncio.sleep(_POLL_SECONDS)
