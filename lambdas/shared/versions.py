"""Model package ARNs: which version they name, and which group."""

from __future__ import annotations

import re

_ARN = re.compile(r"arn:[^:\s]+:sagemaker:[^:\s]*:\d*:model-package/[^/\s]+/(\d+)")


def version_of(package: str) -> int:
    """The version number at the end of a model package ARN; 0 for "none" and for anything else."""
    match = _ARN.fullmatch(package)
    return int(match[1]) if match else 0


def group_of(group: str) -> str:
    """The name of a model package group, which is known by its ARN where it is in another account."""
    return group.rpartition("/")[2]
