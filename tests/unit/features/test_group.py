"""A group writes its values as AWS takes them, reads them back as they were, and names what it does not take."""

from __future__ import annotations

import json
import math
import random
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from features.errors import FeatureError
from features.group import FeatureGroup, read_groups
from tests.unit.features.histories import group

AT = "2020-03-01T12:00:00Z"
VALUES = {"bank": "a", "known_from": AT, "approvals": 3, "share": 0.25, "note": "good"}


def test_a_record_is_what_put_record_takes() -> None:
    assert group().record({**VALUES, "known_from": datetime(2020, 3, 1, 12, tzinfo=UTC), "note": None}) == [
        {"FeatureName": "bank", "ValueAsString": "a"},
        {"FeatureName": "known_from", "ValueAsString": AT},
        {"FeatureName": "approvals", "ValueAsString": "3"},
        {"FeatureName": "share", "ValueAsString": "0.25"},
    ]


@pytest.mark.parametrize("event_time_type", ["String", "Fractional"])
def test_values_come_back_as_they_were(event_time_type: str) -> None:
    made = group(event_time_type)
    for seed in range(200):
        draw = random.Random(seed)
        values: dict[str, Any] = {
            "bank": draw.choice(["a", "ä", "1", " "]),
            "known_from": AT if event_time_type == "String" else draw.uniform(-1e9, 4e9),
            "approvals": draw.choice([None, 0, -5, 2**63 - 1, draw.randint(-(2**60), 2**60)]),
            "share": draw.choice([None, 0.0, 1e-300, draw.random(), draw.uniform(-1e300, 1e300)]),
            "note": draw.choice([None, "", "x\ny", '"']),
        }
        assert made.values(made.record(values)) == values


def test_numbers_of_numpy_are_numbers() -> None:
    made = group()
    record = made.record({**VALUES, "approvals": np.int64(3), "share": np.float32(0.25)})
    assert made.values(record) == VALUES


def test_a_whole_number_may_stand_for_a_fractional_one() -> None:
    assert group().text_of("share", 3) == "3.0"


def test_a_feature_that_someone_added_later_is_not_read() -> None:
    record = [*group().record(VALUES), {"FeatureName": "colour", "ValueAsString": "red"}]
    assert group().values(record) == VALUES


@pytest.mark.parametrize(
    ("feature", "value", "told"),
    [
        ("approvals", 1.5, "approvals 1.5: not a whole number of 64 bits"),
        ("approvals", 2**63, "not a whole number of 64 bits"),
        ("approvals", True, "approvals True: not a number"),
        ("approvals", "3", "approvals '3': not a number"),
        ("share", math.nan, "share nan: not a finite number; give one, or None for a missing value"),
        ("share", math.inf, "not a finite number"),
        ("note", 3, "note 3: not a text"),
        ("bank", "", "bank '': the record's identifier is empty"),
        ("known_from", 3, "known_from 3: not a time; write it like"),
        ("known_from", "2020-03-01T12:00:00", "not ISO 8601 in UTC"),
    ],
)
def test_what_the_group_does_not_take_is_named(feature: str, value: Any, told: str) -> None:
    with pytest.raises(FeatureError, match=told):
        group().record({**VALUES, feature: value})


@pytest.mark.parametrize("value", [math.nan, 1e300, True, None])
def test_seconds_that_are_no_time_are_refused(value: Any) -> None:
    with pytest.raises(FeatureError):
        group("Fractional").record({**VALUES, "known_from": value})


@pytest.mark.parametrize(
    ("feature", "text"),
    [
        *(("approvals", text) for text in ("1.0", "1_0", "", str(2**63))),
        *(("share", text) for text in ("nan", "1_0", "", "1e999")),
        ("known_from", "2020"),
    ],
)
def test_a_text_that_is_no_value_is_named(feature: str, text: str) -> None:
    with pytest.raises(FeatureError, match=repr(text)):
        group().value_of(feature, text)


def test_groups_travel_as_json() -> None:
    made = group()
    text = json.dumps({made.name: made.document()})
    assert read_groups(text) == {"bank_history": made}
    assert read_groups("{}") == {}


@pytest.mark.parametrize("text", ["", "null", "[1]", '{"a": 1}', '{"a": {}}', '{"a": {"name": "a", "features": 1}}'])
def test_what_are_no_groups_is_refused(text: str) -> None:
    with pytest.raises(FeatureError, match="feature group"):
        read_groups(text)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"features": {"a": "Text"}}, "feature a is 'Text'; use Integral, Fractional, String"),
        ({"features": {"Bank": "String"}}, "holds a name twice"),
        ({"features": {'a"b': "String"}}, "name 'a\"b'"),
        ({"event_time_type": "Integral"}, "event_time_type 'Integral'; use String or Fractional"),
        ({"event_time": "bank"}, "holds a name twice"),
    ],
)
def test_a_group_that_cannot_be_is_refused(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(FeatureError, match=told):
        FeatureGroup.read({**group().document(), **changed})
