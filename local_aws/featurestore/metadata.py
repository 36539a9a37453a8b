"""Descriptions and parameters of features: DescribeFeatureMetadata, UpdateFeatureMetadata."""

from __future__ import annotations

from typing import Any

from local_aws.core import store
from local_aws.core.api import Context, ResourceNotFound, ValidationException, operation
from local_aws.featurestore.group import change, find

Row = dict[str, Any]

_MOST_PARAMETERS = 25


@operation("DescribeFeatureMetadata")
def describe_feature_metadata(ctx: Context, params: Row) -> Row:
    group = find(ctx, params["FeatureGroupName"])
    definition = _definition(group, params["FeatureName"])
    told = group["_Metadata"].get(definition["FeatureName"], {})
    return {
        "FeatureGroupArn": group["FeatureGroupArn"],
        "FeatureGroupName": group["FeatureGroupName"],
        "FeatureName": definition["FeatureName"],
        "FeatureType": definition["FeatureType"],
        "CreationTime": group["CreationTime"],
        "LastModifiedTime": told.get("LastModifiedTime", group["CreationTime"]),
        "Description": told.get("Description"),
        "Parameters": [{"Key": key, "Value": value} for key, value in told.get("Parameters", {}).items()],
    }


@operation("UpdateFeatureMetadata")
def update_feature_metadata(ctx: Context, params: Row) -> Row:
    with store.lock:
        group = find(ctx, params["FeatureGroupName"])
        name = _definition(group, params["FeatureName"])["FeatureName"]
        told = group["_Metadata"].get(name, {})
        removed = params.get("ParameterRemovals", [])
        parameters = {key: value for key, value in told.get("Parameters", {}).items() if key not in removed}
        parameters |= {each["Key"]: each["Value"] for each in params.get("ParameterAdditions", [])}
        if len(parameters) > _MOST_PARAMETERS:
            raise ValidationException(
                f"Validation Error: Feature '{name}' can have at most {_MOST_PARAMETERS} parameters; "
                f"found {len(parameters)}."
            )
        description = params.get("Description", told.get("Description"))
        changed = {"Description": description, "Parameters": parameters, "LastModifiedTime": store.now()}
        change(ctx, group["FeatureGroupName"], _Metadata={**group["_Metadata"], name: changed})
    return {}


def _definition(group: Row, name: str) -> Row:
    for definition in group["FeatureDefinitions"]:
        if definition["FeatureName"] == name:
            return dict(definition)
    raise ResourceNotFound(
        f"Resource Not Found: Amazon SageMaker can't find a Feature with name {name} "
        f"in FeatureGroup {group['FeatureGroupName']}"
    )
