"""Sorting, filtering and paging of the List* operations."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from local_aws.core.errors import ValidationException

Item = dict[str, Any]
Order = Literal["Ascending", "Descending"]

_PAGING = ("NextToken", "MaxResults")


def page(
    items: Iterable[Item],
    params: Mapping[str, Any],
    *,
    key: str,
    sort: Mapping[str, Callable[[Item], Any]],
    default_sort: str,
    default_order: Order,
    filters: Mapping[str, Callable[[Item, Any], bool]] | None = None,
    max_results: int = 10,
    created: str = "CreationTime",
) -> dict[str, Any]:
    """One page of a List* operation: {key: items, "NextToken": …}.

    `sort` maps each value of SortBy to a function of an item; `default_sort` and `default_order`
    hold where the request says nothing (the API reference gives them for each operation).
    NameContains works on sort["Name"], CreationTimeAfter/Before and LastModifiedTimeAfter/Before
    on the items' members; `filters` maps every other filtering parameter to a predicate of
    (item, value). `max_results` is the page size where the request names none; `created` is the
    member that breaks ties. Raises ValidationException for a token of another request.
    """
    by = params.get("SortBy", default_sort)
    descending = params.get("SortOrder", default_order) == "Descending"
    if by not in sort:
        raise ValidationException(f"SortBy: '{by}' is not supported; use one of {sorted(sort)}")

    def position(item: Item) -> list[Any]:
        return [_plain(sort[by](item)), _plain(item.get(created))]

    predicates = {**_common(sort), **(filters or {})}
    chosen = [
        item
        for item in items
        if all(test(item, params[name]) for name, test in predicates.items() if params.get(name) is not None)
    ]
    chosen.sort(key=position, reverse=descending)
    digest = _digest(params)
    if token := params.get("NextToken"):
        last = _decode(token, digest)
        chosen = [i for i in chosen if (position(i) < last if descending else position(i) > last)]
    size = int(params.get("MaxResults") or max_results)
    result: dict[str, Any] = {key: chosen[:size]}
    if len(chosen) > size:
        result["NextToken"] = _encode(digest, position(chosen[size - 1]))
    return result


def _common(sort: Mapping[str, Callable[[Item], Any]]) -> dict[str, Callable[[Item, Any], bool]]:
    tests: dict[str, Callable[[Item, Any], bool]] = {}
    if "Name" in sort:
        # "A string in the name": SageMaker's search in names does not mind case.
        tests["NameContains"] = lambda item, text: text.lower() in str(sort["Name"](item)).lower()
    for name in ("CreationTime", "LastModifiedTime"):
        tests[f"{name}After"] = lambda item, time, name=name: name in item and item[name] > time  # type: ignore[misc]
        tests[f"{name}Before"] = lambda item, time, name=name: name in item and item[name] < time  # type: ignore[misc]
    return tests


def _plain(value: Any) -> list[Any]:
    """A value that sorts beside any other of its kind, and beside None, and survives JSON."""
    if value is None:
        return [0]
    return [1, value.timestamp() if isinstance(value, datetime) else value]


def _digest(params: Mapping[str, Any]) -> str:
    rest = {name: str(value) for name, value in params.items() if name not in _PAGING}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()[:16]


def _encode(digest: str, position: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([digest, position]).encode()).decode()


def _decode(token: str, digest: str) -> list[Any]:
    try:
        made_for, position = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError) as error:
        raise ValidationException("Invalid NextToken: it was not given by this operation.") from error
    if made_for != digest:
        raise ValidationException("Invalid NextToken: it was given for a request with other parameters.")
    return list(position)
