"""S3: what templates ask of a bucket and ministack's own provisioner leaves out."""

from __future__ import annotations

from typing import Any

from local_aws.core.api import Context
from local_aws.seam.hosting import acting_in


def lock_objects(ctx: Context, bucket: str, retention: dict[str, Any] | None) -> None:
    """Turn Object Lock on for a bucket, with a default retention (Mode, and Days or Years) or none."""
    from ministack.services import s3

    with acting_in(ctx):
        s3._bucket_versioning[bucket] = "Enabled"  # Object Lock works in versioned buckets only, and turns it on
        s3._bucket_object_lock[bucket] = {"enabled": True, "default_retention": retention}
