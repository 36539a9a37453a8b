"""What SageMaker does in the name of a job's or a model's role before a container starts.

Source: developer guide, sagemaker-roles (permissions of execution roles for jobs and for CreateModel).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from local_aws import permissions
from local_aws.core.api import Context
from local_aws.seam import Needed

_IMAGE = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<name>[^:@]+)")
_PULL = ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
_VOLUME = ("VolumeKmsKeyId",)
_OUTPUT = ("KmsKeyId",)


def check(ctx: Context, role: str | None, request: dict[str, Any]) -> None:
    """Whether the role may pull the images that a request names, and use its keys.

    Errors: AwsError AccessDeniedException."""
    if role:
        needs = [
            *(
                need
                for image in sorted(set(_values(request, ("ImageUri", "TrainingImage", "Image"))))
                for need in _pull(image)
            ),
            *_keys(ctx, request, _VOLUME, ("CreateGrant", "DescribeKey")),
            *_keys(ctx, request, _OUTPUT, ("Encrypt", "GenerateDataKey")),
        ]
        permissions.require(role, ctx, needs)


def _pull(image: str) -> Iterator[Needed]:
    if found := _IMAGE.match(image):
        arn = f"arn:aws:ecr:{found['region']}:{found['account']}:repository/{found['name']}"
        yield from ((f"ecr:{each}", arn, {}) for each in _PULL)
        yield "ecr:GetAuthorizationToken", "*", {}


def _keys(ctx: Context, request: Any, members: tuple[str, ...], actions: tuple[str, ...]) -> Iterator[Needed]:
    for key in sorted(set(_values(request, members))):
        arn = key if key.startswith("arn:") else f"arn:aws:kms:{ctx.region}:{ctx.account}:key/{key}"
        yield from ((f"kms:{each}", arn, {}) for each in actions)


def _values(request: Any, members: tuple[str, ...]) -> Iterator[str]:
    """The texts under these names, wherever they stand."""
    if isinstance(request, dict):
        for name, value in request.items():
            if name in members and isinstance(value, str) and value:
                yield value
            else:
                yield from _values(value, members)
    elif isinstance(request, list):
        for each in request:
            yield from _values(each, members)
