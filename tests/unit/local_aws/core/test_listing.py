from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local_aws.core.errors import ValidationException
from local_aws.core.listing import page

START = datetime(2026, 1, 1, tzinfo=UTC)
ITEMS = [
    {"Name": name, "CreationTime": START + timedelta(hours=hour), "Status": status}
    for hour, (name, status) in enumerate([("beta", "Failed"), ("alpha", "Completed"), ("Gamma", "Completed")])
]


def listed(params: dict[str, Any], items: list[dict[str, Any]] = ITEMS) -> dict[str, Any]:
    return page(
        items,
        params,
        key="Items",
        sort={"Name": lambda item: item["Name"], "CreationTime": lambda item: item["CreationTime"]},
        default_sort="CreationTime",
        default_order="Descending",
        filters={"StatusEquals": lambda item, status: item["Status"] == status},
    )


def names(params: dict[str, Any]) -> list[str]:
    return [item["Name"] for item in listed(params)["Items"]]


def test_the_default_order_holds_where_the_request_names_none() -> None:
    assert names({}) == ["Gamma", "alpha", "beta"]


def test_a_request_chooses_key_and_order() -> None:
    assert names({"SortBy": "CreationTime", "SortOrder": "Ascending"}) == ["beta", "alpha", "Gamma"]
    assert names({"SortBy": "Name", "SortOrder": "Ascending"}) == ["Gamma", "alpha", "beta"]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"NameContains": "A"}, ["Gamma", "alpha", "beta"]),
        ({"NameContains": "amm"}, ["Gamma"]),
        ({"StatusEquals": "Completed"}, ["Gamma", "alpha"]),
        ({"CreationTimeAfter": START}, ["Gamma", "alpha"]),
        ({"CreationTimeBefore": START + timedelta(hours=1)}, ["beta"]),
        ({"CreationTimeAfter": START, "StatusEquals": "Failed"}, []),
    ],
)
def test_filters_all_have_to_hold(params: dict[str, Any], expected: list[str]) -> None:
    assert names(params) == expected


def test_pages_hold_every_item_once_even_if_one_is_made_in_between() -> None:
    items = list(ITEMS)
    first = listed({"MaxResults": 2}, items)
    items.append({"Name": "late", "CreationTime": START + timedelta(hours=9), "Status": "Completed"})
    second = listed({"MaxResults": 2, "NextToken": first["NextToken"]}, items)
    assert [item["Name"] for item in first["Items"] + second["Items"]] == ["Gamma", "alpha", "beta"]
    assert "NextToken" not in second


def test_the_last_full_page_has_no_token() -> None:
    assert "NextToken" not in listed({"MaxResults": 3})


@pytest.mark.parametrize("change", [{"NameContains": "x"}, {"SortOrder": "Ascending"}])
def test_a_token_is_refused_with_other_parameters(change: dict[str, Any]) -> None:
    token = listed({"MaxResults": 1})["NextToken"]
    with pytest.raises(ValidationException, match="request with other parameters"):
        listed({"MaxResults": 1, "NextToken": token, **change})


@pytest.mark.parametrize("token", ["nonsense", "bm9uc2Vuc2U=", "é"])
def test_a_token_that_was_never_given_is_refused(token: str) -> None:
    with pytest.raises(ValidationException, match="not given by this operation"):
        listed({"NextToken": token})


def test_a_sort_key_that_is_not_emulated_is_refused_by_name() -> None:
    with pytest.raises(ValidationException, match="SortBy: 'Status' is not supported"):
        listed({"SortBy": "Status"})


def test_items_without_the_sorted_member_come_first_when_ascending() -> None:
    items = [{"Name": "started", "CreationTime": START}, {"Name": "waiting"}]
    result = page(
        items,
        {},
        key="Items",
        sort={"CreationTime": lambda item: item.get("CreationTime")},
        default_sort="CreationTime",
        default_order="Ascending",
    )
    assert [item["Name"] for item in result["Items"]] == ["waiting", "started"]
