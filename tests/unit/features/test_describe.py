"""A group is read from what AWS says of it, all pages of its features."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from features.describe import described
from features.errors import FeatureError
from tests.unit.features.histories import group


class SageMaker:
    """DescribeFeatureGroup of one group, two features a page."""

    def __init__(self, code: str = "", **definition: str) -> None:
        self._code, self._definition = code, definition

    def describe_feature_group(self, **request: Any) -> dict[str, Any]:
        if self._code:
            raise ClientError({"Error": {"Code": self._code, "Message": "told"}}, "DescribeFeatureGroup")
        start = int(request.get("NextToken", 0))
        definitions = [
            {"FeatureName": name, "FeatureType": kind, **self._definition} for name, kind in group().types.items()
        ]
        return {
            "FeatureGroupName": request["FeatureGroupName"],
            "RecordIdentifierFeatureName": "bank",
            "EventTimeFeatureName": "known_from",
            "FeatureDefinitions": definitions[start : start + 2],
            "NextToken": str(start + 2) if start + 2 < len(definitions) else "",
        }


def test_the_group_has_all_features() -> None:
    assert described(SageMaker(), group().physical, "bank_history") == group()
    assert described(SageMaker(), group().physical).name == group().physical


def test_a_group_that_is_not_there_is_told_and_other_refusals_are_passed_on() -> None:
    with pytest.raises(FeatureError, match="feature group x: does not exist; deploy"):
        described(SageMaker("ResourceNotFound"), "x")
    with pytest.raises(ClientError, match="AccessDenied"):
        described(SageMaker("AccessDeniedException"), "x")


def test_a_group_of_collections_is_refused() -> None:
    with pytest.raises(FeatureError, match="bank is a collection"):
        described(SageMaker(CollectionType="List"), "x")
