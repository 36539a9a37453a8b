"""SageMaker Feature Store: groups, the online store, and the offline store in S3 with its Glue tables."""

from __future__ import annotations


def install() -> None:
    """Declare the operations, and route the runtime's requests, which share SageMaker's signing name."""
    from local_aws.core import api
    from local_aws.featurestore import groups, metadata, offline, runtime, service  # noqa: F401

    service.install()
    offline.install()
    api.on_start(groups.finish_creations)
