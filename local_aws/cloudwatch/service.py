"""Which CloudWatch requests we answer: JSON 1.0 ones of our operations; the others are ministack's.

botocore, and with it the AWS CLI and boto3, speaks JSON with CloudWatch.
"""

from __future__ import annotations

from typing import Any

from local_aws import seam
from local_aws.core import api, protocol
from local_aws.core.api import CLOUDWATCH


def install() -> None:
    """Answer our operations instead of ministack."""
    others = seam.service_handler("monitoring")

    async def answer(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> seam.Response:
        if headers.get("x-amz-target", "").partition(".")[2] in api.services[CLOUDWATCH]:
            return await protocol.answer_json(seam.current(), CLOUDWATCH, headers, body)
        return await others(method, path, headers, body, query)

    seam.replace_service_handler("monitoring", answer)
