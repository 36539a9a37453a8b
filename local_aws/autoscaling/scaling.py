"""The tick that scales: scheduled actions that are due, counts out of their range, and target tracking."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from local_aws.autoscaling import activities, policies, resource, scheduled_actions, targets, tracking
from local_aws.autoscaling.resource import Capacity, Variant
from local_aws.cloudwatch import alarms
from local_aws.core import api
from local_aws.core.api import AwsError, Context

Row = dict[str, Any]
TICK_SECONDS = 1.0
log = logging.getLogger("local_aws.autoscaling")


def install() -> None:
    """Scale on a tick of the server."""
    api.on_tick(TICK_SECONDS, lambda: scale_all(datetime.now(UTC)))


def scale_all(now: datetime) -> None:
    """One look at every target of every account and region."""
    for account, region, resource_id in list(targets.targets):
        ctx = Context(account, region)
        try:
            scheduled_actions.run_due(ctx, resource_id, now)
            _scale(ctx, resource_id, now)
        except AwsError as error:
            # The endpoint is just being deleted, or its variant is gone.
            log.info("%s: not scaled: %s", resource_id, error.message)


def _scale(ctx: Context, resource_id: str, now: datetime) -> None:
    target = targets.targets.get(targets.key(ctx, resource_id))
    if target is None:
        return
    if target.get("OutOfRange"):
        if activities.keep_in_range(ctx, target):
            targets.change(ctx, resource_id, {"OutOfRange": False})
        return
    for policy in policies.of(ctx, resource_id):
        found = resource.capacity(ctx, Variant.of(resource_id))
        if found.changeable:
            _track(ctx, target, policy, found, now)


def _track(ctx: Context, target: Row, policy: Row, found: Capacity, now: datetime) -> None:
    config = policy[policies.CONFIG]
    high, low = (alarm["AlarmName"] for alarm in policy["Alarms"])
    bounds = tracking.Bounds(target["MinCapacity"], target["MaxCapacity"])
    values = _values(ctx, policy, now)
    suspended = target["SuspendedState"]
    cause = f"monitor alarm {{}} in state ALARM triggered policy {policy['PolicyName']}"
    rested = activities.due(target, "ScaledOutAt", config.get("ScaleOutCooldown", tracking.DEFAULT_COOLDOWN), now)
    basis = found.count if rested else target["ScaledOutFrom"]
    more = tracking.out_count(config["TargetValue"], bounds, basis, found.count, values)
    if more is not None and not suspended["DynamicScalingOutSuspended"]:
        if activities.scale(ctx, target, found, more, cause.format(high)):
            targets.change(ctx, target["ResourceId"], {"ScaledOutAt": now, "ScaledOutFrom": found.count})
        return
    fewer = tracking.in_count(config["TargetValue"], bounds, found.count, values)
    stopped = config.get("DisableScaleIn", False) or suspended["DynamicScalingInSuspended"]
    rested = activities.due(target, "ScaledInAt", config.get("ScaleInCooldown", tracking.DEFAULT_COOLDOWN), now)
    # The alarm has no datapoints from before the policy.
    young = not activities.due(policy, "PutTime", tracking.IN_PERIODS * tracking.PERIOD, now)
    if fewer is None or stopped or young or not rested:
        return
    if activities.scale(ctx, target, found, fewer, cause.format(low)):
        targets.change(ctx, target["ResourceId"], {"ScaledInAt": now})


def _values(ctx: Context, policy: Row, now: datetime) -> list[float]:
    """Requests an instance in each of the last minutes, newest first."""
    names = policy["Alarms"][0]["AlarmName"], policy["Alarms"][1]["AlarmName"]
    target = policy[policies.CONFIG]["TargetValue"]
    _, low = tracking.alarms(policy["ResourceId"], target, policy["PolicyARN"], names)
    return [value or 0.0 for value in alarms.datapoints(ctx, low, now.timestamp())]
