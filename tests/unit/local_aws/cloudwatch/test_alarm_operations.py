"""Alarms as requests make, change, describe and set them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from local_aws.cloudwatch import actions, alarms
from local_aws.core.api import AwsError, ValidationException

from .conftest import Call, Reached, metric_alarm, stat

TOPIC = "arn:aws:sns:eu-west-1:111122223333:pages"
FUNCTION = "arn:aws:lambda:eu-west-1:111122223333:function:retrain"
BOTH = ["MetricAlarm", "CompositeAlarm"]
Put = Callable[..., None]


def states(call: Call) -> dict[str, str]:
    found = call("DescribeAlarms", AlarmTypes=BOTH)
    return {alarm["AlarmName"]: alarm["StateValue"] for alarm in found["MetricAlarms"] + found["CompositeAlarms"]}


def math_alarm(*queries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    alarm = metric_alarm("math", Metrics=list(queries), **changes)
    for name in ("Namespace", "MetricName", "Statistic", "Period"):
        del alarm[name]
    return alarm


def test_an_alarm_on_one_metric_follows_it(call: Call, put: Put) -> None:
    call("PutMetricAlarm", **metric_alarm("drift"))
    assert states(call) == {"drift": "INSUFFICIENT_DATA"}
    alarms.evaluate_all()
    assert states(call) == {"drift": "OK"}
    put("drift", 1.0)
    alarms.evaluate_all()
    assert states(call) == {"drift": "ALARM"}


def test_an_alarm_on_a_single_metric_stat_does_the_same(call: Call, put: Put) -> None:
    call("PutMetricAlarm", **math_alarm({"Id": "m1", "MetricStat": stat("drift", Endpoint="e")}))
    put("drift", 1.0, Endpoint="other")
    alarms.evaluate_all()
    assert states(call) == {"math": "OK"}
    put("drift", 1.0, Endpoint="e")
    alarms.evaluate_all()
    assert states(call) == {"math": "ALARM"}


def test_an_expression_is_watched_and_its_metrics_are_not(call: Call, put: Put) -> None:
    expression = {"Id": "idle", "Expression": "IF(FILL(running, 0) > 0 AND FILL(requests, 0) < 1, 1, 0)"}
    parts = [{"Id": name, "MetricStat": stat(name), "ReturnData": False} for name in ("running", "requests")]
    call("PutMetricAlarm", **math_alarm(expression, *parts))
    alarms.evaluate_all()
    assert states(call) == {"math": "OK"}
    put("running", 1.0)
    alarms.evaluate_all()
    assert states(call) == {"math": "ALARM"}
    put("requests", 3.0)
    alarms.evaluate_all()
    assert states(call) == {"math": "OK"}
    (alarm,) = call("DescribeAlarms")["MetricAlarms"]
    assert alarm["Metrics"][0] == expression
    assert "MetricName" not in alarm


M1 = {"Id": "m1", "MetricStat": stat("a")}
HIDDEN = {**M1, "ReturnData": False}


@pytest.mark.parametrize(
    ("queries", "why"),
    [
        ([M1, {"Id": "m2", "MetricStat": stat("b")}], "Exactly one element of the metrics list should return data"),
        ([{"Id": "e1", "Expression": "SEARCH('x', 'Sum', 60)"}], "SEARCH is not supported on Metric Alarms"),
        ([{"Id": "e1", "Expression": "ANOMALY_DETECTION_BAND(m1)"}, HIDDEN], "ANOMALY_DETECTION_BAND is not emulated"),
        ([{"Id": "e1", "Expression": "SELECT AVG(x) FROM y"}], "Metrics Insights"),
        ([{"Id": "e1", "Expression": "m1 +"}, HIDDEN], "Error in expression 'e1': the expression ends too early"),
        ([{"Id": "e1", "Expression": "m2"}, HIDDEN], "'m2' is no id"),
        ([{"Id": "E1", "MetricStat": stat("a")}], "expected pattern"),
        ([M1, HIDDEN], "not unique: m1"),
        ([{"Id": "e1", "Expression": "1"}], "at least one metric"),
        ([{"Id": "m1", "MetricStat": stat("a", 45)}], "multiple of 60; it is 45"),
        ([{"Id": "a", "Expression": "b"}, {"Id": "b", "Expression": "a", "ReturnData": False}, HIDDEN], "Circular"),
        (
            [
                {"Id": "e1", "Expression": "m1 + m2"},
                HIDDEN,
                {"Id": "m2", "MetricStat": stat("b", 300), "ReturnData": False},
            ],
            r"periods \[60, 300\]",
        ),
    ],
)
def test_queries_that_cannot_be_watched_are_refused(call: Call, queries: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(ValidationException, match=why):
        call("PutMetricAlarm", **math_alarm(*queries))
    assert states(call) == {}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"DatapointsToAlarm": 2}, "DatapointsToAlarm .2. must be less than or equal"),
        ({"TreatMissingData": "ignored"}, "Option ignored for parameter TreatMissingData"),
        ({"ExtendedStatistic": "p95"}, "Exactly one of Statistic and ExtendedStatistic"),
        ({"Period": 86_400, "EvaluationPeriods": 8}, "more than a week"),
        ({"Period": 1_800, "EvaluationPeriods": 49}, "more than a day"),
        ({"ComparisonOperator": "LessThanLowerThreshold", "ThresholdMetricId": "ad1"}, "not emulated locally"),
        ({"AlarmActions": ["pages"]}, "Invalid arn syntax: pages"),
        ({"Metrics": [M1]}, "MetricName and Metrics cannot both"),
        ({"EvaluationPeriods": 0}, "greater than or equal to 1"),
    ],
)
def test_a_wrong_alarm_is_refused(call: Call, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationException, match=why):
        call("PutMetricAlarm", **metric_alarm("drift", **changes))


def test_a_week_of_days_is_allowed(call: Call) -> None:
    call("PutMetricAlarm", **metric_alarm("drift", Period=86_400, EvaluationPeriods=7))


def test_an_update_keeps_the_state(call: Call, put: Put) -> None:
    put("drift", 1.0)
    call("PutMetricAlarm", **metric_alarm("drift"))
    alarms.evaluate_all()
    call("PutMetricAlarm", **metric_alarm("drift", Threshold=0.5))
    (alarm,) = call("DescribeAlarms")["MetricAlarms"]
    assert (alarm["StateValue"], alarm["Threshold"]) == ("ALARM", 0.5)


def test_actions_are_those_of_the_new_state(call: Call, put: Put, reached: Reached, emitted: list[Any]) -> None:
    call("PutMetricAlarm", **metric_alarm("drift", AlarmActions=[TOPIC, FUNCTION], AlarmDescription="inputs moved"))
    alarms.evaluate_all()
    put("drift", 2.0)
    alarms.evaluate_all()
    assert reached.states() == [("drift", "OK", "ALARM")]
    ((function, event),) = reached.functions
    assert (function, event["alarmData"]["alarmName"]) == ("retrain", "drift")
    assert event["alarmData"]["previousState"]["value"] == "OK"
    assert event["alarmData"]["configuration"]["description"] == "inputs moved"
    trigger = reached.topics[0][1]["Trigger"]
    assert (trigger["MetricName"], trigger["Statistic"], trigger["StatisticType"]) == ("drift", "MAXIMUM", "Statistic")
    told = [event["detail"] for event in emitted]
    assert [detail["state"]["value"] for detail in told] == ["OK", "ALARM"]
    assert told[1]["previousState"] == told[0]["state"]
    assert told[1] == event["alarmData"]


def test_disabled_actions_are_not_done_and_the_change_is_told(
    call: Call, put: Put, reached: Reached, emitted: list[Any]
) -> None:
    call("PutMetricAlarm", **metric_alarm("drift", AlarmActions=[TOPIC], ActionsEnabled=False))
    put("drift", 2.0)
    alarms.evaluate_all()
    assert (reached.states(), len(emitted)) == ([], 1)


def test_an_action_that_fails_is_in_the_history(call: Call, put: Put, reached: Reached, stored: Any) -> None:
    gone, other = f"{TOPIC}:gone", "arn:aws:ssm:eu-west-1:111122223333:opsitem:1"
    call("PutMetricAlarm", **metric_alarm("drift", AlarmActions=[gone, other, TOPIC]))
    put("drift", 2.0)
    alarms.evaluate_all()
    assert len(reached.states()) == 1
    (entries,) = stored._alarm_history._data.values()
    summaries = [item["HistorySummary"] for item in entries if item["HistoryItemType"] == "Action"]
    assert summaries == [
        f"Failed to execute action {gone}",
        f"Failed to execute action {other}",
        f"Successfully executed action {TOPIC}",
    ]


def test_a_state_that_is_set_acts_and_lasts_until_the_next_look(call: Call, reached: Reached) -> None:
    call("PutMetricAlarm", **metric_alarm("drift", AlarmActions=[TOPIC]))
    call("SetAlarmState", AlarmName="drift", StateValue="ALARM", StateReason="a rehearsal", StateReasonData="{}")
    assert states(call) == {"drift": "ALARM"}
    assert reached.states() == [("drift", "INSUFFICIENT_DATA", "ALARM")]
    assert reached.topics[0][1]["NewStateReason"] == "a rehearsal"
    alarms.evaluate_all()
    assert states(call) == {"drift": "OK"}


def test_setting_a_state_wrongly_is_refused(call: Call) -> None:
    call("PutMetricAlarm", **metric_alarm("drift"))
    given = {"StateValue": "ALARM", "StateReason": "why"}
    with pytest.raises(AwsError, match="Alarm none not found"):
        call("SetAlarmState", AlarmName="none", **given)
    with pytest.raises(AwsError, match="InvalidFormat"):
        call("SetAlarmState", AlarmName="drift", StateReasonData="{", **given)
    with pytest.raises(ValidationException, match="enum value set"):
        call("SetAlarmState", AlarmName="drift", StateValue="FINE", StateReason="why")


def test_descriptions_are_filtered_and_paged(call: Call) -> None:
    for name in ("c", "a", "b"):
        call("PutMetricAlarm", **metric_alarm(name, AlarmActions=[TOPIC] if name == "b" else []))
    call("PutCompositeAlarm", AlarmName="any", AlarmRule="ALARM(a) OR ALARM(b)")
    first = call("DescribeAlarms", MaxRecords=2)
    rest = call("DescribeAlarms", MaxRecords=2, NextToken=first["NextToken"])
    names = [[alarm["AlarmName"] for alarm in page["MetricAlarms"]] for page in (first, rest)]
    assert (names, "NextToken" in rest) == ([["a", "b"], ["c"]], False)
    assert call("DescribeAlarms")["CompositeAlarms"] == []
    assert [a["AlarmName"] for a in call("DescribeAlarms", ActionPrefix="arn:aws:sns")["MetricAlarms"]] == ["b"]
    children = call("DescribeAlarms", ChildrenOfAlarmName="any")["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in children] == ["a", "b"]
    parents = call("DescribeAlarms", ParentsOfAlarmName="a")["CompositeAlarms"]
    assert [alarm["AlarmName"] for alarm in parents] == ["any"]
    with pytest.raises(ValidationException, match="AlarmNamePrefix cannot be used"):
        call("DescribeAlarms", AlarmNames=["a"], AlarmNamePrefix="a")


# Composite alarms


def composite(call: Call, rule: str, **changes: Any) -> None:
    call("PutCompositeAlarm", AlarmName="any", AlarmRule=rule, **changes)


def set_state(call: Call, name: str, state: str) -> None:
    call("SetAlarmState", AlarmName=name, StateValue=state, StateReason="a test")


@pytest.mark.parametrize(
    ("rule", "state"),
    [
        ("ALARM(a)", "ALARM"),
        ('ALARM("b")', "OK"),
        ("OK(b) AND NOT INSUFFICIENT_DATA(a)", "ALARM"),
        ("ALARM(b) OR (OK(a) AND TRUE)", "OK"),
        ("ALARM(arn:aws:cloudwatch:eu-west-1:111122223333:alarm:a) AND NOT FALSE", "ALARM"),
        ("AT_LEAST(2, ALARM, (a, b))", "OK"),
    ],
)
def test_a_rule_gives_the_state(call: Call, rule: str, state: str) -> None:
    call("PutMetricAlarm", **metric_alarm("a"))
    call("PutMetricAlarm", **metric_alarm("b"))
    set_state(call, "a", "ALARM")
    set_state(call, "b", "OK")
    composite(call, rule)
    assert states(call)["any"] == state


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (
            "ALARM(none)",
            r"alarms \[arn:aws:cloudwatch:eu-west-1:111122223333:alarm:none\] in the alarm rule do not exist",
        ),
        ("ALARM(a", "Error in AlarmRule"),
        ("WARNING(a)", "Unsupported token 'WARNING' at char 0"),
    ],
)
def test_a_wrong_rule_is_refused(call: Call, rule: str, why: str) -> None:
    call("PutMetricAlarm", **metric_alarm("a"))
    with pytest.raises(ValidationException, match=why):
        composite(call, rule)


def test_one_trouble_pages_once(call: Call, put: Put, reached: Reached, emitted: list[Any]) -> None:
    for name in ("a", "b"):
        call("PutMetricAlarm", **metric_alarm(name))
    alarms.evaluate_all()
    composite(call, "ALARM(a) OR ALARM(b)", AlarmActions=[TOPIC], OKActions=[TOPIC])
    put("a", 1.0)
    alarms.evaluate_all()
    put("b", 1.0)
    alarms.evaluate_all()
    assert reached.states() == [("any", "INSUFFICIENT_DATA", "OK"), ("any", "OK", "ALARM")]
    (child,) = reached.topics[1][1]["TriggeringChildren"]
    assert (child["Arn"].rpartition(":")[2], child["State"]["Value"]) == ("a", "ALARM")
    told = [event["detail"] for event in emitted if event["detail"]["alarmName"] == "any"]
    assert told[1]["configuration"]["alarmRule"] == "ALARM(a) OR ALARM(b)"
    assert json.loads(told[1]["state"]["reasonData"])["triggeringAlarms"][0]["state"]["value"] == "ALARM"


def test_names_are_shared_by_both_kinds(call: Call) -> None:
    call("PutMetricAlarm", **metric_alarm("a"))
    with pytest.raises(ValidationException, match="There is a MetricAlarm with the name a"):
        call("PutCompositeAlarm", AlarmName="a", AlarmRule="TRUE")


# Suppression

PERIODS = {"ActionsSuppressorWaitPeriod": 60, "ActionsSuppressorExtensionPeriod": 120}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    from local_aws.cloudwatch import suppression

    fake = Clock()
    monkeypatch.setattr(suppression, "time", fake)
    return fake


@pytest.fixture
def suppressed(call: Call, clock: Clock) -> Call:
    """The composite alarm `any` of the child `a`, which `maintenance` suppresses; both are OK."""
    for name in ("a", "maintenance"):
        call("PutMetricAlarm", **metric_alarm(name, TreatMissingData="ignore"))
        set_state(call, name, "OK")
    composite(call, "ALARM(a)", AlarmActions=[TOPIC], OKActions=[], ActionsSuppressor="maintenance", **PERIODS)
    clock.now += 100
    alarms.evaluate_all()
    return call


def by(call: Call) -> str | None:
    (alarm,) = call("DescribeAlarms", AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    return alarm.get("ActionsSuppressedBy")


def look(clock: Clock, seconds: float) -> None:
    clock.now += seconds
    alarms.evaluate_all()


def test_actions_wait_for_the_suppressor(suppressed: Call, clock: Clock, reached: Reached) -> None:
    set_state(suppressed, "a", "ALARM")
    assert (by(suppressed), reached.states()) == ("WaitPeriod", [])
    look(clock, 59)
    assert reached.states() == []
    look(clock, 2)
    assert (by(suppressed), reached.states()) == (None, [("any", "OK", "ALARM")])


def test_a_suppressor_in_alarm_and_its_extension_hold_actions_back(
    suppressed: Call, clock: Clock, reached: Reached
) -> None:
    set_state(suppressed, "a", "ALARM")
    set_state(suppressed, "maintenance", "ALARM")
    look(clock, 1000)
    assert by(suppressed) == "Alarm"
    set_state(suppressed, "maintenance", "OK")
    look(clock, 1)
    assert by(suppressed) == "ExtensionPeriod"
    look(clock, 119)
    assert reached.states() == []
    look(clock, 2)
    assert reached.states() == [("any", "OK", "ALARM")]


def test_a_trouble_that_ends_while_it_is_suppressed_is_not_told(
    suppressed: Call, clock: Clock, reached: Reached, emitted: list[Any]
) -> None:
    set_state(suppressed, "a", "ALARM")
    set_state(suppressed, "a", "OK")
    look(clock, 1000)
    assert (by(suppressed), reached.states()) == (None, [])
    assert [e["detail"]["state"]["value"] for e in emitted if e["detail"]["alarmName"] == "any"][-2:] == ["ALARM", "OK"]


def test_both_periods_are_needed_with_a_suppressor(call: Call) -> None:
    call("PutMetricAlarm", **metric_alarm("a"))
    with pytest.raises(ValidationException, match="are required"):
        composite(call, "ALARM(a)", ActionsSuppressor="a")
    with pytest.raises(ValidationException, match="suppressor alarm none does not exist"):
        composite(call, "ALARM(a)", ActionsSuppressor="none", **PERIODS)
    actions.wait()
