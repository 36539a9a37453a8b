"""Changes of capacity, and DescribeScalingActivities, which tells of them.

Source: API reference, ScalingActivity; the wording is that of the user guide's examples.
"""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta
from typing import Any

from local_aws.autoscaling import resource
from local_aws.autoscaling.resource import DIMENSION, NAMESPACE, Capacity, Variant
from local_aws.core import store
from local_aws.core.api import APPLICATION_AUTOSCALING, AwsError, Context, operation
from local_aws.core.listing import page

Row = dict[str, Any]
KEPT = timedelta(weeks=6)
activities = store.table("scaling_activities")
log = logging.getLogger("local_aws.autoscaling")


@operation("DescribeScalingActivities", APPLICATION_AUTOSCALING)
def describe_scaling_activities(ctx: Context, params: Row) -> Row:
    resource.check(params)
    return page(
        activities.rows(ctx.account, ctx.region),
        params,
        key="ScalingActivities",
        sort={"StartTime": lambda row: row["StartTime"]},
        default_sort="StartTime",
        default_order="Descending",
        filters={"ResourceId": lambda row, resource_id: row["ResourceId"] == resource_id},
        max_results=50,
        created="StartTime",
    )


def record(ctx: Context, resource_id: str, what: str, cause: str, failure: str = "") -> None:
    """Note an activity, `what` as in "Setting ..."; those of six weeks ago are forgotten, as on AWS."""
    now = store.now()
    done = f"{what.replace('Setting', 'Successfully set', 1)}. Change successfully fulfilled by {NAMESPACE}."
    activity_id = str(uuid.uuid4())
    row: Row = {
        "ActivityId": activity_id,
        "ServiceNamespace": NAMESPACE,
        "ResourceId": resource_id,
        "ScalableDimension": DIMENSION,
        "Description": f"{what}.",
        "Cause": cause,
        "StartTime": now,
        "EndTime": now,
        "StatusCode": "Failed" if failure else "Successful",
        "StatusMessage": failure or done,
    }
    with store.lock:
        activities[ctx.account, ctx.region, activity_id] = row
        for key, old in list(activities.items()):
            if old["StartTime"] >= now - KEPT:
                break
            del activities[key]
    log.info("%s: %s (%s)%s", resource_id, what, cause, f": {failure}" if failure else "")


def keep_in_range(ctx: Context, target: Row) -> bool:
    """Bring a variant's count between the target's bounds; False while the endpoint cannot be changed."""
    variant = Variant.of(target["ResourceId"])
    found = resource.capacity(ctx, variant)
    if not found.changeable:
        return False
    lowest, highest = target["MinCapacity"], target["MaxCapacity"]
    if found.count < lowest:
        return scale(ctx, target, found, lowest, f"minimum capacity was set to {lowest}")
    if found.count > highest:
        return scale(ctx, target, found, highest, f"maximum capacity was set to {highest}")
    return True


def scale(ctx: Context, target: Row, found: Capacity, count: int, cause: str) -> bool:
    """Change a variant's count; False if another change of the endpoint came first."""
    what = f"Setting desired instance count to {count}"
    try:
        resource.set_capacity(ctx, Variant.of(target["ResourceId"]), count)
    except AwsError as error:
        if "in-progress" in error.message:
            return False
        record(ctx, target["ResourceId"], what, cause, f"Failed to set it from {found.count}: {error.message}")
        return True
    record(ctx, target["ResourceId"], what, cause)
    return True


def due(target: Row, member: str, cooldown: float, now: datetime) -> bool:
    """Whether a cooldown since the time in `member` is over."""
    at = target.get(member)
    return at is None or (now - at).total_seconds() >= cooldown
