"""GetMetricData and dashboards."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local_aws.core.api import AwsError, ValidationException

from .conftest import Call, stat

MINUTE = datetime.now(UTC).replace(second=0, microsecond=0)


def ages(minutes: float) -> float:
    """How old a moment in the minute is that began so many minutes before `MINUTE`."""
    return (datetime.now(UTC) - MINUTE).total_seconds() + minutes * 60 - 1


def results(call: Call, *queries: dict[str, Any], **more: Any) -> dict[str, list[float]]:
    given = {"StartTime": MINUTE - timedelta(minutes=3), "EndTime": MINUTE, **more}
    answer = call("GetMetricData", MetricDataQueries=list(queries), **given)
    return {result["Label"]: result["Values"] for result in answer["MetricDataResults"]}


@pytest.fixture
def filled(put: Callable[..., None]) -> None:
    for name, minutes, value in [("a", 3, 1.0), ("a", 1, 2.0), ("a", 1, 3.0), ("b", 2, 10.0)]:
        put(name, value, age=ages(minutes))


def test_newest_first_unless_asked_otherwise(call: Call, filled: None) -> None:
    query = {"Id": "m1", "MetricStat": stat("a")}
    assert results(call, query) == {"a": [5.0, 1.0]}
    assert results(call, query, ScanBy="TimestampAscending") == {"a": [1.0, 5.0]}


def test_expressions_and_hidden_metrics(call: Call, filled: None) -> None:
    hidden = [{"Id": name, "MetricStat": stat(name), "ReturnData": False} for name in ("a", "b")]
    found = results(
        call, *hidden, {"Id": "e1", "Expression": "SUM(METRICS())"}, {"Id": "e2", "Expression": "METRICS()"}
    )
    assert found["e1"] == [5.0, 10.0, 1.0]
    answer = call(
        "GetMetricData",
        MetricDataQueries=[*hidden, {"Id": "e2", "Expression": "METRICS()", "Label": "each"}],
        StartTime=MINUTE - timedelta(minutes=3),
        EndTime=MINUTE,
    )
    assert [result["Values"] for result in answer["MetricDataResults"]] == [[5.0, 1.0], [10.0]]


@pytest.mark.parametrize(
    ("query", "more", "why"),
    [
        ({"Id": "m1", "MetricStat": stat("a")}, {"EndTime": MINUTE - timedelta(days=9)}, "must be less than"),
        ({"Id": "m1", "MetricStat": stat("a")}, {"StartTime": MINUTE - timedelta(days=90)}, "are more than the 100800"),
        ({"Id": "e1", "Expression": "SEARCH('x', 'Sum', 60)"}, {}, "the function SEARCH is not emulated locally"),
        ({"Id": "m1"}, {}, "exactly one of MetricStat and Expression"),
    ],
)
def test_a_wrong_question_is_refused(call: Call, query: dict[str, Any], more: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationException, match=why):
        results(call, query, **more)


METRIC = {"type": "metric", "width": 12, "height": 6, "properties": {"region": "eu-west-1"}}


def board(*widgets: Any) -> str:
    return json.dumps({"widgets": list(widgets)})


def metric_widget(*metrics: Any) -> dict[str, Any]:
    return {**METRIC, "properties": {"region": "eu-west-1", "metrics": list(metrics)}}


@pytest.mark.parametrize(
    "body",
    [
        board(),
        board({"type": "text", "properties": {"markdown": "# loans"}}),
        board(metric_widget(["AWS/SageMaker", "Invocations", "EndpointName", "e", {"stat": "Sum"}])),
        board(metric_widget([{"expression": "SEARCH('x', 'Sum', 60)", "id": "e1"}])),
        board({"type": "alarm", "properties": {"alarms": ["arn:aws:cloudwatch:eu-west-1:1:alarm:a"]}}),
        board({**METRIC, "properties": {"region": "eu-west-1", "annotations": {"alarms": ["a"]}}}),
    ],
)
def test_a_dashboard_is_kept_as_it_was_given(call: Call, stored: Any, body: str) -> None:
    assert call("PutDashboard", DashboardName="loans", DashboardBody=body) == {"DashboardValidationMessages": []}
    (kept,) = stored._dashboards._data.values()
    assert (kept["DashboardBody"], kept["Size"]) == (body, len(body))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("widgets", "must be a valid JSON object"),
        ("{}", "required property 'widgets'"),
        (board({"type": "picture", "properties": {}}), "/widgets/0/type: should be one of metric, text"),
        (board({"type": "text", "properties": {}}), "'markdown'"),
        (board({"type": "text"}), "/widgets/0: should have required property 'properties'"),
        (board({**METRIC, "properties": {"metrics": [["a", "b"]]}}), "'region'"),
        (board(METRIC), "required property 'metrics'"),
        (
            board({**metric_widget(["a", "b"]), "width": 25}),
            "/widgets/0/width: should be a number from 1 to 24; it is 25",
        ),
        (board(metric_widget("AWS/SageMaker")), "/widgets/0/properties/metrics/0: should be a list of texts"),
        (board(metric_widget(["a", "b", "EndpointName"])), "metrics/0"),
    ],
)
def test_a_body_that_cannot_be_shown_is_refused(call: Call, stored: Any, body: str, why: str) -> None:
    with pytest.raises(AwsError, match=why) as refused:
        call("PutDashboard", DashboardName="loans", DashboardBody=body)
    assert refused.value.code == "InvalidParameterInput"
    assert not stored._dashboards._data
