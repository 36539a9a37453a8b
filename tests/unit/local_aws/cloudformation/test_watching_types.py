"""The CloudFormation types of CloudWatch and EventBridge Scheduler."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_aws import seam
from local_aws.cloudformation import cloudwatch, scheduler
from local_aws.core import api
from local_aws.core.api import CLOUDWATCH, SCHEDULER, Context, ValidationException
from local_aws.scheduler import schedules  # noqa: F401 - it declares operations

from ..cloudwatch.conftest import metric_alarm, reached, stored  # noqa: F401 - fixtures

ALARM, COMPOSITE, DASHBOARD = cloudwatch.TYPES
SCHEDULE, GROUP = scheduler.TYPES
TARGET = {
    "Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:startPipelineExecution",
    "RoleArn": "arn:aws:iam::111122223333:role/scheduler",
    "Input": '{"PipelineName": "loans"}',
    "RetryPolicy": {"MaximumRetryAttempts": "2"},
}


def generated(limit: int) -> str:
    return f"generated-{limit}"


def tags(ctx: Context, arn: str) -> dict[str, str]:
    from ministack.services import cloudwatch as service

    with seam.acting_in(ctx):
        return dict(service._resource_tags.get(arn, {}))


def test_an_alarm_takes_texts_for_numbers_and_keeps_its_tags_up_to_date(ctx: Context, stored: Any) -> None:  # noqa: F811
    properties = {**metric_alarm("drift", Threshold="0.5", Period="60"), "Tags": [{"Key": "a", "Value": "1"}]}
    ref, attributes = ALARM.create(ctx, generated, properties)
    assert (ref, attributes["Arn"]) == ("drift", "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:drift")
    assert tags(ctx, attributes["Arn"]) == {"a": "1"}
    changed = {**properties, "Threshold": 2, "Tags": [{"Key": "b", "Value": "2"}]}
    ALARM.update(ctx, ref, properties, changed)
    (found,) = api.call(ctx, "DescribeAlarms", {}, CLOUDWATCH)["MetricAlarms"]
    assert (found["Threshold"], tags(ctx, attributes["Arn"])) == (2.0, {"b": "2"})
    assert "AlarmName" in ALARM.create_only


def test_a_composite_alarm_and_a_dashboard_get_names(ctx: Context, stored: Any) -> None:  # noqa: F811
    ref, attributes = COMPOSITE.create(ctx, generated, {"AlarmRule": "TRUE"})
    assert (ref, attributes["Arn"].rpartition(":")[2]) == ("generated-255", "generated-255")
    board, _ = DASHBOARD.create(ctx, generated, {"DashboardBody": json.dumps({"widgets": []})})
    assert (board, seam.dashboard(ctx, board) is not None) == ("generated-255", True)
    DASHBOARD.delete(ctx, board, {})
    assert seam.dashboard(ctx, board) is None


def test_a_wrong_property_fails_the_resource(ctx: Context, stored: Any) -> None:  # noqa: F811
    with pytest.raises(ValidationException, match="Unknown parameter in input"):
        ALARM.create(ctx, generated, {**metric_alarm("drift"), "ActionConfiguration": {}})


def test_a_schedule_is_made_changed_and_deleted(ctx: Context) -> None:
    properties = {"ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": TARGET}
    ref, attributes = SCHEDULE.create(ctx, generated, properties)
    assert ref == "generated-64"
    assert attributes == {"Arn": "arn:aws:scheduler:eu-west-1:111122223333:schedule/default/generated-64"}
    SCHEDULE.update(ctx, ref, properties, {**properties, "State": "DISABLED"})
    found = api.call(ctx, "GetSchedule", {"Name": ref}, SCHEDULER)
    assert (found["State"], found["Target"]["RetryPolicy"]) == ("DISABLED", {"MaximumRetryAttempts": 2})
    SCHEDULE.delete(ctx, ref, properties)
    SCHEDULE.delete(ctx, ref, properties)
    assert api.call(ctx, "ListSchedules", {}, SCHEDULER)["Schedules"] == []


def test_a_group_changes_its_tags(ctx: Context) -> None:
    properties = {"Name": "models", "Tags": [{"Key": "a", "Value": "1"}]}
    ref, attributes = GROUP.create(ctx, generated, properties)
    GROUP.update(ctx, ref, properties, {"Name": "models", "Tags": [{"Key": "b", "Value": "2"}]})
    found = api.call(ctx, "ListTagsForResource", {"ResourceArn": attributes["Arn"]}, SCHEDULER)
    assert found == {"Tags": [{"Key": "b", "Value": "2"}]}
    GROUP.delete(ctx, ref, properties)
