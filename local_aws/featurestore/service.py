"""Requests of the Feature Store runtime, which are rest-json and signed as SageMaker's."""

from __future__ import annotations

from typing import Any

from local_aws import seam
from local_aws.core import rest
from local_aws.core.api import FEATURESTORE_RUNTIME

# The paths of its operations in botocore's model; no operation of SageMaker has a path.
_PATHS = ("/FeatureGroup/", "/BatchGetRecord", "/BatchWriteRecord")


def install() -> None:
    """Answer the runtime's paths; SageMaker's other requests go on as before."""
    others = seam.service_handler("sagemaker")

    async def answer(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> seam.Response:
        if path.startswith(_PATHS):
            status, told, content = await rest.answer(
                seam.current(), FEATURESTORE_RUNTIME, method, path, query, body, brief=True
            )
            # ministack rewrites a "Content-Type" of JSON to the control plane's protocol; in lower case it lets it be.
            return status, {name.lower(): value for name, value in told.items()}, content
        return await others(method, path, headers, body, query)

    seam.replace_service_handler("sagemaker", answer)
