"""SageMaker ML Lineage: artifacts, actions, contexts, their associations, queries, and what AWS records by itself."""

from __future__ import annotations


def install() -> None:
    """Declare the operations, and record what jobs, model packages and endpoints leave."""
    from local_aws.core import events
    from local_aws.lineage import associations, entities, groups, query, recording  # noqa: F401

    events.listen(recording.record)
