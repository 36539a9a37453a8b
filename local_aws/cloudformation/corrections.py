"""What ministack's own resource types get wrong for templates that AWS accepts."""

from __future__ import annotations

from local_aws import seam
from local_aws.core.api import Context
from local_aws.seam import Physical, Properties


def install() -> None:
    """Apply the corrections."""
    seam.wrap_created("AWS::Lambda::Function", _with_reserved_concurrency)
    seam.wrap_created("AWS::Lambda::Function", _with_network)
    seam.wrap_created("AWS::S3::Bucket", _with_object_lock)


def _with_reserved_concurrency(_ctx: Context, props: Properties, physical: Physical) -> Physical:
    """ministack takes ReservedConcurrentExecutions from the API only, and drops it from templates."""
    reserved = props.get("ReservedConcurrentExecutions")
    seam.reserve_concurrency(physical[0], None if reserved is None else int(reserved))
    return physical


def _with_network(_ctx: Context, props: Properties, physical: Physical) -> Physical:
    """ministack takes VpcConfig from the API only, and drops it from templates."""
    config = props.get("VpcConfig") or {}
    seam.connect_function(physical[0], config.get("SubnetIds", []), config.get("SecurityGroupIds", []))
    return physical


def _with_object_lock(ctx: Context, props: Properties, physical: Physical) -> Physical:
    """ministack takes Object Lock from the API only, and drops ObjectLockEnabled and its configuration from templates.

    Once on, it stays on, as on AWS: a template without it leaves a bucket as it is.
    """
    configuration = props.get("ObjectLockConfiguration") or {}
    if configuration or str(props.get("ObjectLockEnabled")).lower() == "true":
        given = (configuration.get("Rule") or {}).get("DefaultRetention")
        seam.lock_objects(ctx, physical[0], given and _retention(given))
    return physical


def _retention(given: Properties) -> Properties:
    """A default retention with its length as a number; exactly one of Days and Years, as S3 asks."""
    lengths: Properties = {unit: int(given[unit]) for unit in ("Days", "Years") if unit in given}
    if len(lengths) != 1 or given.get("Mode") not in ("GOVERNANCE", "COMPLIANCE"):
        raise ValueError(
            f"DefaultRetention {given}: give a Mode (GOVERNANCE or COMPLIANCE) and either Days or Years, not both"
        )
    return {"Mode": given["Mode"], **lengths}
