"""Scaling policies: PutScalingPolicy, DescribeScalingPolicies, DeleteScalingPolicy.

Target tracking on the requests an instance gets is emulated; step and predictive scaling and other metrics are
refused by name. Source: API reference of the operations.
"""

from __future__ import annotations

import uuid
from typing import Any

from local_aws import clients
from local_aws.autoscaling import resource, targets, tracking
from local_aws.autoscaling.resource import ObjectNotFound
from local_aws.core import store
from local_aws.core.api import APPLICATION_AUTOSCALING, Context, ValidationException, operation

Row = dict[str, Any]
CONFIG = "TargetTrackingScalingPolicyConfiguration"
policies = store.table("scaling_policies")


def of(ctx: Context, resource_id: str) -> list[Row]:
    """The policies of a target."""
    return [row for row in policies.rows(ctx.account, ctx.region) if row["ResourceId"] == resource_id]


@operation("PutScalingPolicy", APPLICATION_AUTOSCALING)
def put_scaling_policy(ctx: Context, params: Row) -> Row:
    """Make or change a policy, with the two alarms that AWS makes for it."""
    targets.find(ctx, params)
    resource_id, name = params["ResourceId"], params["PolicyName"]
    before = policies.get(_key(ctx, resource_id, name))
    config = params.get(CONFIG) or (before or {}).get(CONFIG)
    _check(params.get("PolicyType") or (before or {}).get("PolicyType"), config)
    if any(other["PolicyName"] != name for other in of(ctx, resource_id)):
        raise ValidationException("Only one TargetTrackingScaling policy for a given metric specification is allowed.")
    assert config is not None
    row = before or _new(ctx, params)
    names = row["Alarms"][0]["AlarmName"], row["Alarms"][1]["AlarmName"]
    cloudwatch = clients.client("cloudwatch", ctx)
    for alarm in tracking.alarms(resource_id, config["TargetValue"], row["PolicyARN"], names):
        cloudwatch.put_metric_alarm(**alarm)
    policies[_key(ctx, resource_id, name)] = {**row, CONFIG: config, "PutTime": store.now()}
    return {"PolicyARN": row["PolicyARN"], "Alarms": row["Alarms"]}


@operation("DescribeScalingPolicies", APPLICATION_AUTOSCALING)
def describe_scaling_policies(ctx: Context, params: Row) -> Row:
    resource.check(params)
    filters: targets.Filters = {
        "ResourceId": lambda row, resource_id: row["ResourceId"] == resource_id,
        "PolicyNames": lambda row, names: not names or row["PolicyName"] in names,
    }
    return targets.described_page(policies.rows(ctx.account, ctx.region), params, "ScalingPolicies", filters)


@operation("DeleteScalingPolicy", APPLICATION_AUTOSCALING)
def delete_scaling_policy(ctx: Context, params: Row) -> Row:
    resource.check(params)
    row = policies.get(_key(ctx, params["ResourceId"], params["PolicyName"]))
    if row is None:
        raise ObjectNotFound(
            f"No scaling policy found for {targets.described(params)}, policy name: {params['PolicyName']}"
        )
    _delete(ctx, row)
    return {}


def _delete(ctx: Context, row: Row) -> None:
    policies.pop(_key(ctx, row["ResourceId"], row["PolicyName"]), None)
    clients.client("cloudwatch", ctx).delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in row["Alarms"]])


def _forget(ctx: Context, resource_id: str) -> None:
    for row in of(ctx, resource_id):
        _delete(ctx, row)


targets.also_forget(_forget)


def _key(ctx: Context, resource_id: str, name: str) -> store.Key:
    return ctx.account, ctx.region, f"{resource_id}|{name}"


def _new(ctx: Context, params: Row) -> Row:
    resource_id, unique = params["ResourceId"], uuid.uuid4()
    place = f"arn:aws:autoscaling:{ctx.region}:{ctx.account}:scalingPolicy:{unique}"
    names = [f"TargetTracking-{resource_id}-Alarm{level}-{uuid.uuid4()}" for level in ("High", "Low")]
    return {
        "PolicyARN": f"{place}:resource/sagemaker/{resource_id}:policyName/{params['PolicyName']}",
        "PolicyName": params["PolicyName"],
        "ServiceNamespace": params["ServiceNamespace"],
        "ResourceId": resource_id,
        "ScalableDimension": params["ScalableDimension"],
        "PolicyType": "TargetTrackingScaling",
        "Alarms": [
            {"AlarmName": name, "AlarmARN": f"arn:aws:cloudwatch:{ctx.region}:{ctx.account}:alarm:{name}"}
            for name in names
        ],
        "CreationTime": store.now(),
    }


def _check(kind: str | None, config: Row | None) -> None:
    if kind != "TargetTrackingScaling":
        raise ValidationException(f"PolicyType {kind or 'StepScaling'} is not emulated locally: TargetTrackingScaling")
    if not config:
        raise ValidationException(f"{CONFIG} must be given for a policy of type {kind}.")
    if "CustomizedMetricSpecification" in config:
        raise ValidationException(f"CustomizedMetricSpecification is not emulated locally: {tracking.METRIC}")
    metric = config.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType")
    if metric != tracking.METRIC:
        raise ValidationException(f"PredefinedMetricType {metric} is not emulated locally: {tracking.METRIC}")
    if config["TargetValue"] <= 0:
        raise ValidationException(f"TargetValue must be greater than 0; it is {config['TargetValue']:g}.")
    for name in ("ScaleInCooldown", "ScaleOutCooldown"):
        if config.get(name, 0) < 0:
            raise ValidationException(f"{name} must not be negative; it is {config[name]}.")
