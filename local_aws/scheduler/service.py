"""Scheduler's requests, which are rest-json: all of them are ours."""

from __future__ import annotations

from typing import Any

from local_aws import seam
from local_aws.core import rest
from local_aws.core.api import SCHEDULER


def install() -> None:
    """Answer instead of ministack, whose schedules have neither retries nor universal targets."""

    async def answer(
        method: str, path: str, _headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> seam.Response:
        return await rest.answer(seam.current(), SCHEDULER, method, path, query, body)

    seam.replace_service_handler("scheduler", answer)
