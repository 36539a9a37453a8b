"""Endpoint configurations: CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs,
DeleteEndpointConfig.

Real-time variants on instances are emulated. Serverless, asynchronous, explaining and pooled variants are
refused by name, so that nobody believes they ran. Source: API reference, CreateEndpointConfig and
ProductionVariant.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from local_aws.core import store, tags
from local_aws.core.api import Context, ValidationException, operation
from local_aws.core.listing import page
from local_aws.sagemaker import models

Record = dict[str, Any]
configs = store.table("endpoint_configs")

NOT_EMULATED = ("AsyncInferenceConfig", "ExplainerConfig")
VARIANT_NOT_EMULATED = ("ServerlessConfig", "InstancePools", "AcceleratorType", "CoreDumpConfig")


def arn(ctx: Context, name: str) -> str:
    return ctx.arn(f"endpoint-config/{name.lower()}")


def find(ctx: Context, name: str) -> Record:
    """The configuration's record.

    Errors: ValidationException when there is none."""
    record = configs.get(models.key(ctx, name))
    if record is None:
        raise ValidationException(f'Could not find endpoint configuration "{arn(ctx, name)}".')
    return record


def variants(record: Record) -> list[Record]:
    """Production and shadow variants."""
    return [*record["ProductionVariants"], *record.get("ShadowProductionVariants", [])]


@operation("CreateEndpointConfig")
def create_endpoint_config(ctx: Context, params: Record) -> Record:
    name = params["EndpointConfigName"]
    _check(ctx, params)
    record = {key: value for key, value in params.items() if key != "Tags"}
    for member in ("ProductionVariants", "ShadowProductionVariants"):
        if member in params:
            record[member] = [{"InitialVariantWeight": 1.0, **variant} for variant in params[member]]
    with store.lock:
        if models.key(ctx, name) in configs:
            raise ValidationException(f'Cannot create already existing endpoint configuration "{arn(ctx, name)}".')
        record.update(EndpointConfigArn=arn(ctx, name), CreationTime=store.now())
        configs[models.key(ctx, name)] = record
        tags.set(arn(ctx, name), params.get("Tags", []))
    return {"EndpointConfigArn": arn(ctx, name)}


@operation("DescribeEndpointConfig")
def describe_endpoint_config(ctx: Context, params: Record) -> Record:
    return find(ctx, params["EndpointConfigName"])


@operation("ListEndpointConfigs")
def list_endpoint_configs(ctx: Context, params: Record) -> Record:
    return page(
        configs.rows(ctx.account, ctx.region),
        params,
        key="EndpointConfigs",
        sort={"Name": lambda c: c["EndpointConfigName"], "CreationTime": lambda c: c["CreationTime"]},
        default_sort="CreationTime",
        default_order="Descending",
    )


@operation("DeleteEndpointConfig")
def delete_endpoint_config(ctx: Context, params: Record) -> Record:
    """AWS deletes a configuration that is in use, too; the endpoint serves on."""
    record = find(ctx, params["EndpointConfigName"])
    del configs[models.key(ctx, params["EndpointConfigName"])]
    tags.remove(record["EndpointConfigArn"])
    return {}


def _check(ctx: Context, params: Record) -> None:
    for member in NOT_EMULATED:
        if member in params:
            raise ValidationException(f"{member} is not emulated locally: endpoints are real-time.")
    destination = params.get("DataCaptureConfig", {}).get("DestinationS3Uri", "s3://")
    if not destination.startswith("s3://"):
        raise ValidationException(f"DataCaptureConfig.DestinationS3Uri: {destination} must start with s3://.")
    shadows = params.get("ShadowProductionVariants", [])
    if shadows and (len(shadows), len(params["ProductionVariants"])) != (1, 1):
        raise ValidationException(
            "With ShadowProductionVariants an endpoint configuration has exactly one production variant and "
            f"one shadow variant; it has {len(params['ProductionVariants'])} and {len(shadows)}."
        )
    given = variants(params)
    for variant, count in Counter(variant["VariantName"] for variant in given).items():
        if count > 1:
            raise ValidationException(f"Variant names must be unique: {variant} is given {count} times.")
    for variant in given:
        _check_variant(ctx, variant)


def _check_variant(ctx: Context, variant: Record) -> None:
    name = variant["VariantName"]
    for member in VARIANT_NOT_EMULATED:
        if member in variant:
            raise ValidationException(f"Variant {name}: {member} is not emulated locally; use InstanceType.")
    for member in ("ModelName", "InstanceType", "InitialInstanceCount"):
        if member not in variant:
            raise ValidationException(f"Variant {name}: {member} is required for a real-time variant.")
    models.find(ctx, variant["ModelName"])
