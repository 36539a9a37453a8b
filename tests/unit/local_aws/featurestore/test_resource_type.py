"""AWS::SageMaker::FeatureGroup: what a stack makes of it, and what it cannot change."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.cloudformation import featurestore
from local_aws.core import tags
from local_aws.core.api import Context
from tests.unit.local_aws.featurestore.conftest import FEATURES, Aws, Call, definitions, parameters

[TYPE] = featurestore.TYPES
NAME = "bank-history"
DAYS = {"Unit": "Days", "Value": "2"}  # templates may give numbers as text


def name(_limit: int) -> str:
    raise AssertionError("the template names the group")


def properties(**changes: Any) -> dict[str, Any]:
    return parameters(**changes)


@pytest.fixture
def made(ctx: Context, aws: Aws) -> dict[str, Any]:
    given = properties(Tags=[{"Key": "team", "Value": "risk"}])
    TYPE.create(ctx, name, given)
    return given


def test_ref_is_the_name_and_getatt_what_the_schema_says(ctx: Context, aws: Aws, call: Call) -> None:
    online = {"EnableOnlineStore": "true", "TtlDuration": DAYS}
    ref, attributes = TYPE.create(ctx, name, properties(OnlineStoreConfig=online, Tags=[{"Key": "a", "Value": "1"}]))
    told = call("DescribeFeatureGroup", FeatureGroupName=NAME)
    assert ref == NAME
    assert attributes["FeatureGroupStatus"] == "Created"
    assert attributes["CreationTime"] == told["CreationTime"].isoformat()
    assert told["OnlineStoreConfig"] == {"EnableOnlineStore": True, "TtlDuration": {"Unit": "Days", "Value": 2}}
    assert tags.get(told["FeatureGroupArn"]) == [{"Key": "a", "Value": "1"}]


def test_a_group_that_cannot_be_made_fails_with_its_reason_and_is_gone(ctx: Context, aws: Aws, call: Call) -> None:
    elsewhere = {"S3StorageConfig": {"S3Uri": "s3://elsewhere/x"}}
    with pytest.raises(ValueError, match="could not be created in the OfflineStore"):
        TYPE.create(ctx, name, properties(OfflineStoreConfig=elsewhere))
    assert call("ListFeatureGroups")["FeatureGroupSummaries"] == []


def test_an_update_adds_features_and_changes_the_time_to_live(ctx: Context, made: dict[str, Any], call: Call) -> None:
    online = {"EnableOnlineStore": True, "TtlDuration": DAYS}
    new = {
        **made,
        "FeatureDefinitions": [*definitions({"age": "Integral"}), *reversed(made["FeatureDefinitions"])],
        "OnlineStoreConfig": online,
        "ThroughputConfig": {"ThroughputMode": "OnDemand"},
    }
    assert TYPE.update(ctx, NAME, made, new)[0] == NAME
    told = call("DescribeFeatureGroup", FeatureGroupName=NAME)
    assert told["FeatureDefinitions"] == [*made["FeatureDefinitions"], *definitions({"age": "Integral"})]
    assert told["OnlineStoreConfig"]["TtlDuration"] == {"Unit": "Days", "Value": 2}
    TYPE.update(ctx, NAME, new, {**new, "OnlineStoreConfig": made["OnlineStoreConfig"]})
    assert "TtlDuration" not in call("DescribeFeatureGroup", FeatureGroupName=NAME)["OnlineStoreConfig"]


@pytest.mark.parametrize(
    "types",
    [
        {name: kind for name, kind in FEATURES.items() if name != "share"},
        {**FEATURES, "share": "String"},
    ],
)
def test_a_feature_is_neither_removed_nor_changed(
    types: dict[str, str], ctx: Context, made: dict[str, Any], call: Call
) -> None:
    with pytest.raises(ValueError, match=r"features can be added, not removed or changed; .*: share"):
        TYPE.update(ctx, NAME, made, {**made, "FeatureDefinitions": definitions(types)})
    assert call("DescribeFeatureGroup", FeatureGroupName=NAME)["FeatureDefinitions"] == definitions(FEATURES)


def test_what_replaces_a_group_is_what_the_schema_says(ctx: Context, made: dict[str, Any]) -> None:
    replacing = ("FeatureGroupName", "RecordIdentifierFeatureName", "EventTimeFeatureName", "OfflineStoreConfig")
    assert set(TYPE.create_only) == {*replacing, "RoleArn", "Description", "Tags"}  # type: ignore[call-overload]
    for changed in ({"EnableOnlineStore": False}, {"EnableOnlineStore": True, "StorageType": "InMemory"}):
        with pytest.raises(ValueError, match="cannot update a stack when a custom-named resource requires replacing"):
            TYPE.update(ctx, NAME, made, {**made, "OnlineStoreConfig": changed})


def test_an_update_that_failed_fails_the_stack(ctx: Context, made: dict[str, Any], aws: Aws) -> None:
    aws.refuses.add("UpdateTable")
    more = [*made["FeatureDefinitions"], *definitions({"age": "Integral"})]
    with pytest.raises(ValueError, match="EntityNotFoundException"):
        TYPE.update(ctx, NAME, made, {**made, "FeatureDefinitions": more})


def test_deleting_is_done_once(ctx: Context, made: dict[str, Any], call: Call) -> None:
    for _ in range(2):
        TYPE.delete(ctx, NAME, made)
    assert call("ListFeatureGroups")["FeatureGroupSummaries"] == []
