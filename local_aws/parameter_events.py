"""Parameter Store: an event for every change of a parameter, by a client or by a stack, and who made it.

Source: Systems Manager user guide, monitoring-systems-manager-event-examples.
"""

from __future__ import annotations

from local_aws import seam
from local_aws.core import events
from local_aws.core.api import Context

_ARN = "arn:aws:ssm:{region}:{account}:parameter/{name}"


def install() -> None:
    """Send "Parameter Store Change", and name the last writer of each parameter, as AWS does."""
    seam.watch_parameters(_tell)
    seam.name_writers()


def _tell(ctx: Context, operation: str, name: str, kind: str, description: str) -> None:
    arn = _ARN.format(region=ctx.region, account=ctx.account, name=name.lstrip("/"))
    detail = {"operation": operation, "name": name, "type": kind}
    if description:
        detail["description"] = description
    events.emit(ctx, "Parameter Store Change", detail, [arn], source="aws.ssm")
