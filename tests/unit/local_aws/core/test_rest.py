from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from local_aws.core import api, rest
from local_aws.core.api import SCHEDULER, AwsError, Context
from local_aws.core.errors import SerializationException, ValidationException


def read(method: str, path: str, query: dict[str, Any] | None = None, body: bytes = b"") -> tuple[str, dict[str, Any]]:
    return rest.read(SCHEDULER, method, path, query or {}, body)


def test_the_path_and_the_body_make_the_parameters() -> None:
    assert read("PUT", "/schedules/watch", body=b'{"State": "DISABLED"}') == (
        "UpdateSchedule",
        {"Name": "watch", "State": "DISABLED"},
    )


def test_names_of_the_query_string_are_those_of_the_model() -> None:
    operation, params = read("GET", "/schedules", {"ScheduleGroup": ["models"], "MaxResults": ["5"]})
    assert (operation, params) == ("ListSchedules", {"GroupName": "models", "MaxResults": 5})


@pytest.mark.parametrize(
    "arn", ["arn:aws:scheduler:eu-west-1:1:schedule-group/a", "arn%3Aaws%3Ascheduler%3Ax%3A1%3Ay%2Fa"]
)
def test_an_arn_in_a_path_may_be_quoted_or_not(arn: str) -> None:
    operation, params = read("DELETE", f"/tags/{arn}", {"TagKeys": ["a", "b"]})
    assert operation == "UntagResource"
    assert params["ResourceArn"].endswith("/a")
    assert params["TagKeys"] == ["a", "b"]


def test_what_is_not_there_or_no_json_is_refused() -> None:
    with pytest.raises(AwsError, match="has no PATCH /schedules/watch"):
        read("PATCH", "/schedules/watch")
    with pytest.raises(SerializationException):
        read("PUT", "/schedules/watch", body=b"{")
    with pytest.raises(ValidationException, match="is no number"):
        read("GET", "/schedules", {"MaxResults": ["many"]})


def test_errors_have_their_status_and_name(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_ctx: Context, _params: dict[str, Any]) -> dict[str, Any]:
        raise KeyError("Name")

    monkeypatch.setitem(api.services[SCHEDULER], "GetSchedule", broken)
    status, headers, body = asyncio.run(rest.answer(ctx, SCHEDULER, "GET", "/schedules/watch", {}, b""))
    assert (status, headers["x-amzn-ErrorType"]) == (500, "InternalServerException")
    assert json.loads(body)["Message"] == "GetSchedule: KeyError: 'Name'"
    status, headers, _ = asyncio.run(rest.answer(ctx, SCHEDULER, "GET", "/nothing", {}, b""))
    assert (status, headers["x-amzn-ErrorType"]) == (404, "UnknownOperationException")
