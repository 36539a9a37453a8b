from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from local_aws import seam
from local_aws.cloudwatch import alarms
from local_aws.core.api import Context

from .conftest import Call, metric_alarm

ALARM: dict[str, Any] = {
    "AlarmName": "errors",
    "AlarmArn": "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:errors",
    "Namespace": "AWS/SageMaker",
    "MetricName": "Invocation5XXErrors",
    "Dimensions": [{"Name": "EndpointName", "Value": "loans"}],
    "Statistic": "Sum",
    "Period": 10,
    "EvaluationPeriods": 3,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "StateValue": "OK",
}


def state(values: list[float | None], **changes: Any) -> str:
    verdict = alarms.judge({**ALARM, **changes}, values)
    return verdict.state if verdict else "unchanged"


def test_all_periods_have_to_breach_without_datapoints_to_alarm() -> None:
    assert state([1.0, 1.0, 1.0]) == "ALARM"
    assert state([1.0, 0.0, 1.0]) == "OK"


def test_datapoints_to_alarm_are_enough() -> None:
    assert state([1.0, 0.0, 1.0], DatapointsToAlarm=2) == "ALARM"
    assert state([0.0, 0.0, 1.0], DatapointsToAlarm=2) == "OK"


@pytest.mark.parametrize(
    ("treatment", "without_data", "some_data"),
    [
        ("missing", "INSUFFICIENT_DATA", "OK"),
        ("notBreaching", "OK", "OK"),
        ("breaching", "ALARM", "ALARM"),
        ("ignore", "unchanged", "unchanged"),
    ],
)
def test_missing_data_counts_as_it_is_treated(treatment: str, without_data: str, some_data: str) -> None:
    assert state([None, None, None], TreatMissingData=treatment) == without_data
    assert state([2.0, None, None], TreatMissingData=treatment) == some_data


def test_missing_data_is_missing_where_the_alarm_says_nothing() -> None:
    assert state([None, None, None]) == "INSUFFICIENT_DATA"


@pytest.mark.parametrize(
    ("operator", "below", "equal", "above"),
    [
        ("GreaterThanThreshold", "OK", "OK", "ALARM"),
        ("GreaterThanOrEqualToThreshold", "OK", "ALARM", "ALARM"),
        ("LessThanThreshold", "ALARM", "OK", "OK"),
        ("LessThanOrEqualToThreshold", "ALARM", "ALARM", "OK"),
    ],
)
def test_every_comparison(operator: str, below: str, equal: str, above: str) -> None:
    states = [state([value], ComparisonOperator=operator, EvaluationPeriods=1) for value in (0.0, 1.0, 2.0)]
    assert states == [below, equal, above]


def test_the_reason_names_datapoints_and_threshold() -> None:
    verdict = alarms.judge(ALARM, [3.0, 2.0, 1.5])
    assert verdict is not None
    assert verdict.reason == (
        "Threshold Crossed: 3 out of the last 3 datapoints [3, 2, 1.5] was greater than or equal to the threshold (1)."
    )


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[dict[str, Any]]]:
    """Points by the value of the dimension EndpointName."""
    points: dict[str, list[dict[str, Any]]] = {}

    def metric_points(_ctx: Context, _namespace: str, _name: str, dimensions: dict[str, str]) -> Any:
        return points.get(dimensions["EndpointName"], [])

    monkeypatch.setattr(seam, "metric_points", metric_points)
    return points


def test_a_period_ends_now_and_the_newest_comes_first(ctx: Context, metrics: dict[str, list[dict[str, Any]]]) -> None:
    now = time.time()
    metrics["loans"] = [
        {"Timestamp": now - age, "Value": float(value), "Unit": "Count"}
        for age, value in [(1, 1), (2, 2), (11, 4), (40, 8), (-5, 16)]
    ]
    metrics["others"] = [{"Timestamp": now, "Value": 100.0, "Unit": "Count"}]
    assert alarms.datapoints(ctx, ALARM, now) == [3.0, 4.0, None]


def test_only_points_of_the_alarms_unit_count(ctx: Context, metrics: dict[str, list[dict[str, Any]]]) -> None:
    now = time.time()
    metrics["loans"] = [
        {"Timestamp": now, "Value": 1.0, "Unit": "Count"},
        {"Timestamp": now, "Value": 5.0, "Unit": "Seconds"},
    ]
    assert alarms.datapoints(ctx, {**ALARM, "Unit": "Count"}, now)[0] == 1.0


def test_percentiles_are_statistics_too(ctx: Context, metrics: dict[str, list[dict[str, Any]]]) -> None:
    now = time.time()
    metrics["loans"] = [{"Timestamp": now, "Value": float(value), "Unit": "None"} for value in range(1, 102)]
    alarm = {**ALARM, "Statistic": None, "ExtendedStatistic": "p90"}
    assert alarms.datapoints(ctx, alarm, now)[0] == pytest.approx(91.0)


def test_only_an_evaluation_that_began_later_has_seen_what_metrics_say_now(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Callable[[], bool]] = []
    monkeypatch.setattr(alarms.seam, "alarms", lambda: asked.append(alarms.evaluated_anew()) or [])
    before = alarms.evaluated_anew()
    alarms.evaluate_all()
    assert before()
    (during,) = asked
    assert not during()
    alarms.evaluate_all()
    assert during()


def test_a_change_is_told_to_the_bus_once(call: Call, put: Callable[..., None], emitted: list[dict[str, Any]]) -> None:
    dimensions = [{"Name": "EndpointName", "Value": "loans"}]
    call("PutMetricAlarm", **metric_alarm("errors", Dimensions=dimensions))
    put("errors", 7.0, EndpointName="loans")
    alarms.evaluate_all()
    alarms.evaluate_all()
    (event,) = emitted
    assert event["source"] == "aws.cloudwatch"
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["detail"]["state"]["value"] == "ALARM"
    before = event["detail"]["previousState"]
    assert (before["value"], before["reason"]) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")
    assert event["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"]["dimensions"] == {
        "EndpointName": "loans"
    }
