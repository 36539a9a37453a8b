"""Endpoints: CreateEndpoint, DescribeEndpoint, ListEndpoints, UpdateEndpoint,
UpdateEndpointWeightsAndCapacities, DeleteEndpoint.

An operation checks and notes what is wanted; `deployment` then does it on a thread of its own. Source: API
reference of the operations; the texts of errors are SageMaker's where they are known.
"""

from __future__ import annotations

import copy
from typing import Any

from local_aws.autoscaling import targets as scalable
from local_aws.core import store, tags
from local_aws.core.api import Context, ValidationException, operation
from local_aws.core.listing import page
from local_aws.sagemaker import deployment, endpoint_state, guardrails, models
from local_aws.sagemaker.endpoint_state import Record, arn, endpoints, find

IN_PROGRESS = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")


@operation("CreateEndpoint")
def create_endpoint(ctx: Context, params: Record) -> Record:
    name = params["EndpointName"]
    target = endpoint_state.target_of(ctx, params["EndpointConfigName"])
    config = params.get("DeploymentConfig", {})
    guardrails.check(config, [variant["Count"] for variant in target["Variants"]])
    now = store.now()
    with store.lock:
        if models.key(ctx, name) in endpoints:
            raise ValidationException(f'Cannot create already existing endpoint "{arn(ctx, name)}".')
        record: Record = {
            "EndpointName": name,
            "EndpointArn": arn(ctx, name),
            "EndpointConfigName": target["Config"],
            "CreationTime": now,
            "LastModifiedTime": now,
            "Target": target,
        }
        if config:
            record["LastDeploymentConfig"] = copy.deepcopy(config)
        endpoints[models.key(ctx, name)] = record
        tags.set(arn(ctx, name), params.get("Tags", []))
        endpoint_state.mark(record, "Creating")
    endpoint_state.announce(ctx, record)
    deployment.start(deployment.create, ctx, name)
    return {"EndpointArn": record["EndpointArn"]}


@operation("DescribeEndpoint")
def describe_endpoint(ctx: Context, params: Record) -> Record:
    return endpoint_state.describe(find(ctx, params["EndpointName"]))


@operation("ListEndpoints")
def list_endpoints(ctx: Context, params: Record) -> Record:
    return page(
        [dict(row) for row in endpoints.rows(ctx.account, ctx.region)],
        params,
        key="Endpoints",
        sort={
            "Name": lambda e: e["EndpointName"],
            "CreationTime": lambda e: e["CreationTime"],
            "Status": lambda e: e["EndpointStatus"],
        },
        default_sort="CreationTime",
        default_order="Descending",
        filters={"StatusEquals": lambda e, status: e["EndpointStatus"] == status},
    )


@operation("UpdateEndpoint")
def update_endpoint(ctx: Context, params: Record) -> Record:
    with store.lock:
        record = _changeable(ctx, params["EndpointName"])
        target = endpoint_state.target_of(ctx, params["EndpointConfigName"])
        _refuse_to_lose_scaled(ctx, record, target)
        if params.get("RetainAllVariantProperties"):
            excluded = {p["VariantPropertyType"] for p in params.get("ExcludeRetainedVariantProperties", [])}
            _retain(target["Variants"], record["Serving"]["Variants"], excluded)
        retained = record.get("LastDeploymentConfig", {}) if params.get("RetainDeploymentConfig") else {}
        config = copy.deepcopy(params.get("DeploymentConfig") or retained)
        guardrails.check(config, [variant["Count"] for variant in target["Variants"]])
        record["Target"] = {**target, "DeploymentConfig": config}
        record.pop("LastDeploymentConfig", None)
        if config:
            record["LastDeploymentConfig"] = config
        endpoint_state.mark(record, "Updating")
    endpoint_state.announce(ctx, record)
    deployment.start(deployment.update, ctx, record["EndpointName"])
    return {"EndpointArn": record["EndpointArn"]}


@operation("UpdateEndpointWeightsAndCapacities")
def update_endpoint_weights_and_capacities(ctx: Context, params: Record) -> Record:
    with store.lock:
        record = _changeable(ctx, params["EndpointName"])
        variants = {variant["VariantName"]: variant for variant in record["Serving"]["Variants"]}
        wanted = params["DesiredWeightsAndCapacities"]
        for change in wanted:
            if change["VariantName"] not in variants:
                raise ValidationException(
                    f'Could not find variant {change["VariantName"]} of endpoint "{record["EndpointArn"]}": '
                    f"it has {', '.join(sorted(variants))}."
                )
            if "ServerlessUpdateConfig" in change:
                raise ValidationException("ServerlessUpdateConfig needs a serverless variant.")
        for change in wanted:
            variant = variants[change["VariantName"]]
            variant["DesiredWeight"] = change.get("DesiredWeight", variant["Weight"])
            variant["DesiredCount"] = change.get("DesiredInstanceCount", variant["Count"])
        endpoint_state.mark(record, "Updating")
    endpoint_state.announce(ctx, record)
    deployment.start(deployment.scale, ctx, record["EndpointName"])
    return {"EndpointArn": record["EndpointArn"]}


@operation("DeleteEndpoint")
def delete_endpoint(ctx: Context, params: Record) -> Record:
    with store.lock:
        record = find(ctx, params["EndpointName"])
        _not_in_progress(record)
        endpoint_state.mark(record, "Deleting")
    scalable.forget(ctx, record["EndpointName"])
    endpoint_state.announce(ctx, record)
    deployment.start(deployment.delete, ctx, record["EndpointName"])
    return {}


def _changeable(ctx: Context, name: str) -> Record:
    record = find(ctx, name)
    _not_in_progress(record)
    if record["EndpointStatus"] == "Failed":
        # API reference, DescribeEndpoint: "DeleteEndpoint is the only operation that can be performed" on it.
        raise ValidationException(f'Cannot update failed endpoint "{record["EndpointArn"]}": it can only be deleted.')
    return record


def _not_in_progress(record: Record) -> None:
    if record["EndpointStatus"] in IN_PROGRESS:
        raise ValidationException(f'Cannot update in-progress endpoint "{record["EndpointArn"]}".')


def _refuse_to_lose_scaled(ctx: Context, record: Record, target: Record) -> None:
    """A variant that Application Auto Scaling watches stays, with its instance type; its model may change
    (developer guide, endpoint-scaling-update)."""
    kept = {(variant["VariantName"], variant["InstanceType"]) for variant in target["Variants"]}
    lost = [
        variant["VariantName"]
        for variant in record["Serving"]["Variants"]
        if variant["VariantName"] in scalable.variants(ctx, record["EndpointName"])
        and (variant["VariantName"], variant["InstanceType"]) not in kept
    ]
    if lost:
        raise ValidationException(
            f'The variant(s) "[{", ".join(lost)}]" must be deregistered as scalable targets with AutoScaling '
            "before they can be removed or have their instance type updated."
        )


def _retain(variants: list[Record], serving: list[Record], excluded: set[str]) -> None:
    """RetainAllVariantProperties: variants that stay keep the weight and the instance count they have now."""
    current: dict[str, Any] = {variant["VariantName"]: variant for variant in serving}
    for variant in variants:
        now = current.get(variant["VariantName"])
        for member, kind in (("Weight", "DesiredWeight"), ("Count", "DesiredInstanceCount")):
            if now and kind not in excluded:
                variant[member] = now[member]
