"""A feature group as AWS describes it, for code that knows no more than its physical name."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from features.errors import FeatureError
from features.group import FeatureGroup


def described(sagemaker: Any, physical: str, name: str = "") -> FeatureGroup:
    """The group behind a physical name or an ARN, with all features that it has now.

    name: what the configuration calls it (default: the physical name). Raises FeatureError if there is none, or it has
    what this code does not read (lists, vectors); what boto3 raises else is passed on.
    """
    definitions = []
    request = {"FeatureGroupName": physical}
    while True:
        try:
            answer = sagemaker.describe_feature_group(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFound":
                raise
            raise FeatureError(f"feature group {physical}: does not exist; deploy the features stack") from None
        definitions += answer["FeatureDefinitions"]
        # The model calls it required; the last page has none, or an empty one.
        if not answer.get("NextToken"):
            break
        request["NextToken"] = answer["NextToken"]
    if lists := [each["FeatureName"] for each in definitions if each.get("CollectionType")]:
        raise FeatureError(f"feature group {physical}: {lists[0]} is a collection; only single values are read")
    types = {each["FeatureName"]: each["FeatureType"] for each in definitions}
    identifier, event_time = answer["RecordIdentifierFeatureName"], answer["EventTimeFeatureName"]
    event_time_type = types.pop(event_time)
    types.pop(identifier)
    actual = answer["FeatureGroupName"]
    return FeatureGroup(name or actual, actual, identifier, event_time, event_time_type, types)
