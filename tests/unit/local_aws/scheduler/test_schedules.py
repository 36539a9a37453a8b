from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local_aws.core.api import AwsError, Context
from local_aws.scheduler import schedules

from .conftest import START, TARGET, Call, Clock, Services

ARN = "arn:aws:scheduler:eu-west-1:111122223333:schedule/default/watch"


def times(services: Services) -> int:
    return len(services.calls)


def test_a_schedule_is_described_with_its_defaults(create: Call, call: Call) -> None:
    assert create() == {"ScheduleArn": ARN}
    found = call("GetSchedule", Name="watch")
    assert found["Target"] == TARGET
    shown = {
        name: found[name] for name in ("State", "GroupName", "ScheduleExpressionTimezone", "ActionAfterCompletion")
    }
    assert shown == {
        "State": "ENABLED",
        "GroupName": "default",
        "ScheduleExpressionTimezone": "UTC",
        "ActionAfterCompletion": "NONE",
    }
    assert found["CreationDate"] == START


def test_a_name_is_taken_but_a_repeated_request_is_not_refused(create: Call) -> None:
    create(ClientToken="t1")
    assert create(ClientToken="t1") == {"ScheduleArn": ARN}
    with pytest.raises(AwsError, match="Schedule watch already exists") as refused:
        create(ClientToken="t2")
    assert (refused.value.code, refused.value.status) == ("ConflictException", 409)


def test_an_update_replaces_every_setting(create: Call, call: Call, clock: Clock) -> None:
    create(Description="each hour", State="DISABLED")
    clock.now += timedelta(minutes=5)
    changed = {"ScheduleExpression": "rate(2 hours)", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": TARGET}
    call("UpdateSchedule", Name="watch", **changed)
    found = call("GetSchedule", Name="watch")
    assert (found["State"], found["CreationDate"]) == ("ENABLED", START)
    assert "Description" not in found
    with pytest.raises(AwsError, match="Schedule none does not exist"):
        call("UpdateSchedule", Name="none", **changed)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"expression": "every day"}, "Invalid Schedule Expression every day"),
        ({"expression": "cron(0 25 * * ? *)"}, "Invalid Schedule Expression"),
        ({"ScheduleExpressionTimezone": "Mars/Base"}, "Timezone Mars/Base is not one"),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, "MaximumWindowInMinutes must be given"),
        ({"StartDate": START, "EndDate": START}, "StartDate you specify must come before"),
        ({"Name": "a b"}, "regular expression pattern"),
        ({"target": {"RetryPolicy": {"MaximumRetryAttempts": 186}}}, "less than or equal to 185"),
        ({"GroupName": "none"}, "Schedule group none does not exist"),
    ],
)
def test_a_wrong_schedule_is_refused(create: Call, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(AwsError, match=why):
        create(**changes)


def test_a_cron_runs_in_its_time_zone(create: Call, clock: Clock, services: Services) -> None:
    create("cron(0 9 * * ? *)", ScheduleExpressionTimezone="America/New_York")
    clock.pass_by(hours=1, minutes=59)
    assert times(services) == 0
    clock.pass_by(minutes=1)
    assert times(services) == 1
    clock.pass_by(hours=1)
    assert times(services) == 1


def test_a_rate_runs_after_each_interval(create: Call, clock: Clock, services: Services) -> None:
    create("rate(10 minutes)")
    for _ in range(4):
        clock.pass_by(minutes=5)
    assert times(services) == 2


def test_a_single_time_runs_once_and_can_delete_its_schedule(
    create: Call, call: Call, clock: Clock, services: Services
) -> None:
    create("at(2026-11-20T12:30:00)")
    create("at(2026-11-20T12:30:00)", Name="gone", ActionAfterCompletion="DELETE")
    clock.pass_by(minutes=31)
    clock.pass_by(days=1)
    assert times(services) == 2
    assert [row["Name"] for row in call("ListSchedules")["Schedules"]] == ["watch"]


def test_disabled_schedules_and_those_before_their_start_do_not_run(
    create: Call, call: Call, clock: Clock, services: Services
) -> None:
    create("rate(1 hour)", State="DISABLED")
    create(
        "cron(0 * * * ? *)", Name="later", StartDate=START + timedelta(hours=10), EndDate=START + timedelta(hours=11)
    )
    clock.pass_by(hours=9)
    assert times(services) == 0
    clock.pass_by(hours=1)
    clock.pass_by(hours=10)
    assert times(services) == 2


def test_of_the_runs_that_were_missed_the_newest_is_made_up_for(ctx: Context, create: Call) -> None:
    create("cron(0 6 * * ? *)")
    key = (ctx.account, ctx.region, "default/watch")
    now = START + timedelta(days=40, hours=1)
    taken = schedules.taken(key, now)
    assert taken is not None
    assert taken[1] == datetime(2026, 12, 30, 6, 0, tzinfo=UTC)
    assert schedules.taken(key, now) is None
    assert schedules.schedules[key]["_Next"] == datetime(2026, 12, 31, 6, 0, tzinfo=UTC)


def test_groups_hold_schedules_and_tags(create: Call, call: Call) -> None:
    arn = call("CreateScheduleGroup", Name="models", Tags=[{"Key": "team", "Value": "loans"}])["ScheduleGroupArn"]
    create(GroupName="models")
    create()
    assert [row["GroupName"] for row in call("ListSchedules", GroupName="models")["Schedules"]] == ["models"]
    call("TagResource", ResourceArn=arn, Tags=[{"Key": "cost", "Value": "1"}])
    call("UntagResource", ResourceArn=arn, TagKeys=["team"])
    assert call("ListTagsForResource", ResourceArn=arn) == {"Tags": [{"Key": "cost", "Value": "1"}]}
    call("DeleteScheduleGroup", Name="models")
    assert [row["GroupName"] for row in call("ListSchedules")["Schedules"]] == ["default"]
    with pytest.raises(AwsError, match="default schedule group cannot be deleted"):
        call("DeleteScheduleGroup", Name="default")


def test_lists_are_filtered_and_paged(create: Call, call: Call) -> None:
    for name in ("watch-b", "watch-a", "other"):
        create(Name=name, State="DISABLED" if name == "other" else "ENABLED")
    first = call("ListSchedules", NamePrefix="watch", MaxResults=1)
    rest = call("ListSchedules", NamePrefix="watch", MaxResults=1, NextToken=first["NextToken"])
    assert [row["Name"] for row in first["Schedules"] + rest["Schedules"]] == ["watch-a", "watch-b"]
    assert [row["Name"] for row in call("ListSchedules", State="DISABLED")["Schedules"]] == ["other"]
