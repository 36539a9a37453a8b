"""Lineage without a server: entities are made through the operations that clients call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from local_aws.core import api, tags  # noqa: F401 - it declares operations
from local_aws.core.api import Context
from local_aws.lineage import associations, entities, groups, query  # noqa: F401 - they declare operations

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def call(ctx: Context) -> Call:
    return lambda name, **params: api.call(ctx, name, params)


@pytest.fixture
def artifact(call: Call) -> Callable[..., str]:
    """Make an artifact of a source; its ARN."""

    def make(uri: str, kind: str = "DataSet", **more: Any) -> str:
        return str(call("CreateArtifact", Source={"SourceUri": uri}, ArtifactType=kind, **more)["ArtifactArn"])

    return make


@pytest.fixture
def join(call: Call) -> Callable[..., Any]:
    """Associate two entities."""
    return lambda source, destination, kind="ContributedTo": call(
        "AddAssociation", SourceArn=source, DestinationArn=destination, AssociationType=kind
    )
