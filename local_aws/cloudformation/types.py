"""Which resource types the local AWS knows, how, and which were used on this state."""

from __future__ import annotations

from typing import Literal

from local_aws import seam
from local_aws.cloudformation import (
    autoscaling,
    cloudwatch,
    event_bus_policies,
    featurestore,
    model_cards,
    monitoring,
    named_queries,
    recorded,
    sagemaker,
    scheduler,
    schemas,
)
from local_aws.core import store
from local_aws.state import REGION

Kind = Literal["emulated", "recorded", "refused"]
_types = store.table("used_resource_types")
_EMULATED = (
    sagemaker,
    autoscaling,
    cloudwatch,
    event_bus_policies,
    scheduler,
    featurestore,
    model_cards,
    named_queries,
)


def install() -> None:
    """Let CloudFormation provision the types that are written here."""
    for module in (*_EMULATED, monitoring):
        module.install()


def note(type_name: str) -> None:
    """A resource of this type was provisioned."""
    _types["", "", type_name] = {}


def used() -> dict[str, Kind]:
    """The types that were provisioned on this state, with their kinds."""
    return {name: kind(name) for name in sorted(name for _, _, name in _types)}


def kind(type_name: str) -> Kind:
    """Whether a type works, is only checked and stored, or is not accepted."""
    if type_name.startswith("Custom::") or type_name in _emulated():
        return "emulated"
    return "recorded" if type_name in schemas.types(REGION) else "refused"


def known() -> dict[str, Kind]:
    """Every type that CloudFormation has a schema of, or that is emulated."""
    names = _emulated() | schemas.types(REGION).keys()
    return {name: kind(name) for name in sorted(names)}


def _emulated() -> set[str]:
    ours = {resource.type_name for module in _EMULATED for resource in module.TYPES}
    # Model Monitor's types have operations, and yet nothing of them runs.
    kept = recorded.installed() | {resource.type_name for resource in monitoring.TYPES}
    return (seam.resource_types() | ours) - kept


def offline() -> dict[str, Kind]:
    """`known`, in a process that is not the server."""
    install()
    recorded.install()
    return known()
