"""Scheduled actions: when they run, and what they do to the bounds and the count."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from local_aws.core import store
from local_aws.core.api import AwsError, ValidationException
from local_aws.schedule import Schedule, ScheduleError

from .conftest import START, Call, CloudWatch, Endpoint

Later = Callable[..., None]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def runs(expression: str, zone: str = "UTC", number: int = 3, **bounds: datetime) -> list[str]:
    schedule = Schedule.of(expression, zone, START, **bounds)
    found: list[str] = []
    after: datetime | None = START
    while len(found) < number and after is not None and (after := schedule.next(after)):
        found.append(after.strftime("%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("expression", "zone", "expected"),
    [
        ("cron(0 19 ? * MON-FRI *)", "UTC", ["11-20 19:00", "11-23 19:00", "11-24 19:00"]),
        ("cron(0 19 ? * MON-FRI *)", "Europe/Berlin", ["11-20 18:00", "11-23 18:00", "11-24 18:00"]),
        ("cron(30 6 * * ? *)", "America/New_York", ["11-21 11:30", "11-22 11:30", "11-23 11:30"]),
        ("cron(0 0 L * ? *)", "UTC", ["11-30 00:00", "12-31 00:00", "01-31 00:00"]),
        ("cron(0/30 12 * * ? *)", "UTC", ["11-20 12:30", "11-21 12:00", "11-21 12:30"]),
        ("at(2026-11-20T20:15:00)", "Asia/Kolkata", ["11-20 14:45"]),
        ("at(2026-11-20T11:00:00)", "UTC", []),
        ("rate(6 hours)", "UTC", ["11-20 18:00", "11-21 00:00", "11-21 06:00"]),
        ("rate(1 day)", "UTC", ["11-21 12:00", "11-22 12:00", "11-23 12:00"]),
    ],
)
def test_a_schedule_runs_on_the_clock_of_its_zone(expression: str, zone: str, expected: list[str]) -> None:
    assert runs(expression, zone) == expected


def test_a_schedule_keeps_to_its_start_and_end() -> None:
    start, end = utc("2026-11-22T00:00:00"), utc("2026-11-24T19:00:00")
    assert runs("cron(0 19 * * ? *)", start=start, end=end) == ["11-22 19:00", "11-23 19:00", "11-24 19:00"]
    assert runs("cron(0 19 * * ? *)", start=start, end=end, number=9)[-1] == "11-24 19:00"
    assert runs("rate(12 hours)", start=start) == ["11-22 00:00", "11-22 12:00", "11-23 00:00"]


def test_a_change_of_the_clocks_neither_repeats_nor_skips_a_day() -> None:
    """Berlin, 25 October 2026: 03:00 summer time is followed by 02:00 winter time."""
    schedule = Schedule.of("cron(0/20 * * * ? *)", "Europe/Berlin", START)
    after, found = utc("2026-10-24T23:50:00"), []
    for _ in range(12):
        following = schedule.next(after)
        assert following is not None
        assert following > after
        found.append(following.strftime("%H:%M"))
        after = following
    # 02:00 to 03:00 is on the clock twice, and runs once.
    assert found[:6] == ["00:00", "00:20", "00:40", "02:00", "02:20", "02:40"]
    daily = Schedule.of("cron(30 2 * * ? *)", "Europe/Berlin", START)
    assert daily.next(utc("2026-10-24T12:00:00")) == utc("2026-10-25T00:30:00")
    assert daily.next(utc("2026-10-25T00:30:00")) == utc("2026-10-26T01:30:00")


@pytest.mark.parametrize(
    ("expression", "zone", "told"),
    [
        ("cron(0 19 * * *)", "UTC", r"Schedule cron\(0 19 \* \* \*\) is none of at"),
        ("cron(61 19 * * ? *)", "UTC", "is none of at"),
        ("cron(0 25 * * ? *)", "UTC", "is none of at"),
        ("cron(0 19 * * MON *)", "UTC", "is none of at"),
        ("rate(0 days)", "UTC", "is none of at"),
        ("at(2026-13-01T00:00:00)", "UTC", "is no date and time"),
        ("every day", "UTC", "is none of at"),
        ("rate(1 day)", "Mars/Olympus", "Timezone Mars/Olympus is not one of the tz database"),
        ("rate(1 day)", "../etc", "is not one of the tz database"),
    ],
)
def test_what_is_no_schedule_is_told(expression: str, zone: str, told: str) -> None:
    with pytest.raises(ScheduleError, match=told):
        Schedule.of(expression, zone, START)


NIGHT = {
    "ScheduledActionName": "night",
    "Schedule": "cron(0 19 ? * MON-FRI *)",
    "Timezone": "Europe/Berlin",
    "ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": 1},
}
DAY = {
    "ScheduledActionName": "day",
    "Schedule": "cron(0 7 ? * MON-FRI *)",
    "Timezone": "Europe/Berlin",
    "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 4},
}


@pytest.fixture
def scheduled(call: Call, endpoint: Endpoint) -> Call:
    """Two to four instances by day, one by night and at weekends, in Berlin; three now, on Friday noon UTC."""
    endpoint.counts["champion"] = 3
    call("RegisterScalableTarget", MinCapacity=2, MaxCapacity=4)
    call("PutScheduledAction", **NIGHT)
    call("PutScheduledAction", **DAY)
    return call


def bounds(call: Call) -> tuple[int, int]:
    (target,) = call("DescribeScalableTargets")["ScalableTargets"]
    return target["MinCapacity"], target["MaxCapacity"]


def test_off_hours_take_instances_away_and_the_morning_brings_them_back(
    scheduled: Call, endpoint: Endpoint, later: Later
) -> None:
    later(hours=5)  # 18:00 in Berlin
    assert (bounds(scheduled), endpoint.changes) == ((2, 4), [])
    later(hours=1)
    assert (bounds(scheduled), endpoint.changes) == ((1, 1), [1])
    later(hours=36)  # Sunday
    assert endpoint.changes == [1]
    later(hours=24)  # Monday, 07:00 in Berlin
    assert (bounds(scheduled), endpoint.changes) == ((2, 4), [1, 2])
    told = [(a["Description"], a["Cause"]) for a in scheduled("DescribeScalingActivities")["ScalingActivities"]]
    assert ("Setting min capacity to 1 and max capacity to 1.", "scheduled action name night was triggered") in told
    assert ("Setting desired instance count to 1.", "maximum capacity was set to 1") in told
    assert ("Setting desired instance count to 2.", "minimum capacity was set to 2") in told


def test_actions_missed_while_the_server_was_stopped_are_made_up_for_in_order(
    scheduled: Call, endpoint: Endpoint, later: Later
) -> None:
    later(days=4)  # Tuesday noon: night, day, night, day
    assert bounds(scheduled) == (2, 4)
    later(hours=6)
    assert bounds(scheduled) == (1, 1)


def test_an_endpoint_that_moves_is_brought_into_the_range_afterwards(
    scheduled: Call, endpoint: Endpoint, later: Later
) -> None:
    endpoint.status = "Updating"
    later(hours=6)
    assert (bounds(scheduled), endpoint.changes) == ((1, 1), [])
    endpoint.status = "InService"
    later(seconds=1)
    assert endpoint.changes == [1]
    endpoint.counts["champion"] = 3  # by hand: only a schedule or a policy moves it again
    later(seconds=1)
    assert endpoint.changes == [1]


def test_suspended_actions_do_nothing(scheduled: Call, endpoint: Endpoint, later: Later) -> None:
    scheduled("RegisterScalableTarget", SuspendedState={"ScheduledScalingSuspended": True})
    later(hours=6)
    assert (bounds(scheduled), endpoint.changes) == ((2, 4), [])


def test_a_bound_that_does_not_fit_the_other_one_is_a_failed_activity(
    scheduled: Call, endpoint: Endpoint, later: Later
) -> None:
    action = {"ScheduledActionName": "night", "ScalableTargetAction": {"MaxCapacity": 1}}
    scheduled("PutScheduledAction", **action)
    later(hours=6)
    assert (bounds(scheduled), endpoint.changes) == ((2, 4), [])
    (activity,) = scheduled("DescribeScalingActivities")["ScalingActivities"]
    assert activity["StatusCode"] == "Failed"
    assert activity["StatusMessage"] == "Maximum capacity cannot be less than minimum capacity"


def test_an_action_keeps_what_a_change_does_not_name_but_its_times(scheduled: Call) -> None:
    times = {"StartTime": utc("2026-11-20T00:00:00"), "EndTime": utc("2026-12-20T00:00:00")}
    scheduled("PutScheduledAction", **NIGHT, **times)
    described = scheduled("DescribeScheduledActions", ScheduledActionNames=["night"])["ScheduledActions"][0]
    assert described.items() >= {**NIGHT, **times}.items()
    assert described["ScheduledActionARN"].endswith(":scheduledActionName/night")
    scheduled("PutScheduledAction", ScheduledActionName="night", Schedule="rate(1 day)")
    described = scheduled("DescribeScheduledActions", ScheduledActionNames=["night"])["ScheduledActions"][0]
    assert (described["Schedule"], described["Timezone"]) == ("rate(1 day)", "Europe/Berlin")
    assert not {"StartTime", "EndTime", "NextRun"} & set(described)


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"Schedule": None}, "Schedule must be given"),
        ({"ScalableTargetAction": {}}, "ScalableTargetAction must be given"),
        ({"Schedule": "tonight"}, "Schedule tonight is none of"),
        ({"Timezone": "CET+1"}, "Timezone CET\\+1 is not one of"),
        ({"ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 1}}, "Maximum capacity cannot be less"),
        ({"StartTime": START, "EndTime": START}, "must be after its start time"),
    ],
)
def test_wrong_actions_are_refused(call: Call, params: dict[str, Any], told: str) -> None:
    call("RegisterScalableTarget", MinCapacity=1, MaxCapacity=4)
    with pytest.raises(ValidationException, match=told):
        call("PutScheduledAction", **{**NIGHT, **params})
    assert call("DescribeScheduledActions")["ScheduledActions"] == []


def test_a_deleted_action_does_not_run(scheduled: Call, endpoint: Endpoint, later: Later) -> None:
    scheduled("DeleteScheduledAction", ScheduledActionName="night")
    later(hours=6)
    assert endpoint.changes == []
    with pytest.raises(AwsError, match="No scheduled action found for") as caught:
        scheduled("DeleteScheduledAction", ScheduledActionName="night")
    assert caught.value.code == "ObjectNotFoundException"


def test_activities_of_six_weeks_ago_are_forgotten(scheduled: Call, cloudwatch: CloudWatch, later: Later) -> None:
    later(hours=6)
    assert len(store.table("scaling_activities")) == 2
    later(weeks=7)
    starts = {activity["StartTime"] for activity in scheduled("DescribeScalingActivities")["ScalingActivities"]}
    assert starts == {cloudwatch.now}
