"""What ministack's own resource types get wrong for templates that AWS accepts."""

from __future__ import annotations

from local_aws import seam
from local_aws.core.api import Context
from local_aws.seam import Physical, Properties


def install() -> None:
    """Apply the corrections."""
    seam.wrap_created("AWS::Lambda::Function", _with_reserved_concurrency)


def _with_reserved_concurrency(_ctx: Context, props: Properties, physical: Physical) -> Physical:
    """ministack takes ReservedConcurrentExecutions from the API only, and drops it from templates."""
    reserved = props.get("ReservedConcurrentExecutions")
    seam.reserve_concurrency(physical[0], None if reserved is None else int(reserved))
    return physical
