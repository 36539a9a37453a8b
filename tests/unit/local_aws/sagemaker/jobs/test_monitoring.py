"""Model Monitor's schedules and job definitions, as operations and as CloudFormation types."""

from collections.abc import Callable
from typing import Any

import pytest

from local_aws.cloudformation import monitoring as types
from local_aws.cloudformation.types import kind, known
from local_aws.core import api
from local_aws.core.api import AwsError, Context, ResourceNotFound, ValidationException
from local_aws.sagemaker import monitoring  # noqa: F401 - it declares operations

ROLE = "arn:aws:iam::111122223333:role/monitor"
ARN = "arn:aws:sagemaker:eu-west-1:111122223333"
RESOURCES = {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 20}}
OUTPUT = {"MonitoringOutputs": [{"S3Output": {"S3Uri": "s3://b/o", "LocalPath": "/opt/ml/processing/output"}}]}
SCHEDULE, QUALITY = types.TYPES[0], types.TYPES[1]


def definition(**changes: Any) -> dict[str, Any]:
    return {
        "JobDefinitionName": "Loans-Quality",
        "DataQualityAppSpecification": {"ImageUri": "1.dkr.ecr.eu-west-1.amazonaws.com/monitor"},
        "DataQualityJobInput": {
            "EndpointInput": {"EndpointName": "loans", "LocalPath": "/opt/ml/processing/input"},
        },
        "DataQualityJobOutputConfig": OUTPUT,
        "JobResources": RESOURCES,
        "RoleArn": ROLE,
        **changes,
    }


def config(expression: str = "cron(0 * ? * * *)") -> dict[str, Any]:
    return {
        "MonitoringJobDefinitionName": "Loans-Quality",
        "MonitoringType": "DataQuality",
        "ScheduleConfig": {"ScheduleExpression": expression},
    }


@pytest.fixture
def run(ctx: Context) -> Callable[..., dict[str, Any]]:
    return lambda operation, **params: api.call(ctx, operation, params)


@pytest.fixture
def name() -> Callable[[int], str]:
    return lambda _limit: "generated"


def test_a_definition_and_its_schedule_are_described_and_listed(run: Callable[..., dict[str, Any]]) -> None:
    arn = run("CreateDataQualityJobDefinition", **definition())["JobDefinitionArn"]
    assert arn == f"{ARN}:data-quality-job-definition/loans-quality"
    found = run("DescribeDataQualityJobDefinition", JobDefinitionName="Loans-Quality")
    assert found["DataQualityJobInput"]["EndpointInput"]["EndpointName"] == "loans"
    (summary,) = run("ListDataQualityJobDefinitions", EndpointName="loans")["JobDefinitionSummaries"]
    assert summary["MonitoringJobDefinitionName"] == "Loans-Quality"
    assert run("ListModelQualityJobDefinitions")["JobDefinitionSummaries"] == []
    run("CreateMonitoringSchedule", MonitoringScheduleName="hourly", MonitoringScheduleConfig=config())
    described = run("DescribeMonitoringSchedule", MonitoringScheduleName="hourly")
    assert (described["MonitoringScheduleStatus"], described["EndpointName"]) == ("Scheduled", "loans")
    run("StopMonitoringSchedule", MonitoringScheduleName="hourly")
    (listed,) = run("ListMonitoringSchedules", StatusEquals="Stopped")["MonitoringScheduleSummaries"]
    assert listed["MonitoringScheduleName"] == "hourly"
    assert run("ListMonitoringExecutions") == {"MonitoringExecutionSummaries": []}
    with pytest.raises(AwsError, match="already exists"):
        run("CreateDataQualityJobDefinition", **definition())


@pytest.mark.parametrize("expression", ["NOW", "cron(0 * ? * * *)", "cron(0 17 ? * * *)", "cron(0 12/6 ? * * *)"])
def test_expressions_that_aws_accepts(run: Callable[..., dict[str, Any]], expression: str) -> None:
    run("CreateDataQualityJobDefinition", **definition())
    run("CreateMonitoringSchedule", MonitoringScheduleName="s", MonitoringScheduleConfig=config(expression))


@pytest.mark.parametrize("expression", ["rate(1 hour)", "cron(30 * ? * * *)", "cron(0 * * * ? *)"])
def test_expressions_that_aws_refuses(run: Callable[..., dict[str, Any]], expression: str) -> None:
    run("CreateDataQualityJobDefinition", **definition())
    with pytest.raises(ValidationException, match="is not supported: NOW"):
        run("CreateMonitoringSchedule", MonitoringScheduleName="s", MonitoringScheduleConfig=config(expression))


def test_a_schedule_needs_its_definition(run: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(ValidationException, match="Could not find DataQuality job definition Loans-Quality"):
        run("CreateMonitoringSchedule", MonitoringScheduleName="s", MonitoringScheduleConfig=config())


def test_in_a_stack_their_refs_are_arns(
    ctx: Context, run: Callable[..., dict[str, Any]], name: Callable[[int], str]
) -> None:
    ref, attributes = QUALITY.create(ctx, name, definition())
    assert ref == attributes["JobDefinitionArn"] == f"{ARN}:data-quality-job-definition/loans-quality"
    properties = {"MonitoringScheduleName": "Hourly", "MonitoringScheduleConfig": config()}
    schedule, attributes = SCHEDULE.create(ctx, name, properties)
    assert schedule == f"{ARN}:monitoring-schedule/hourly"
    assert attributes["MonitoringScheduleName"] == "Hourly"
    changed = {**properties, "MonitoringScheduleConfig": config("cron(0 6 ? * * *)")}
    assert SCHEDULE.update(ctx, schedule, properties, changed)[0] == schedule
    found = run("DescribeMonitoringSchedule", MonitoringScheduleName="Hourly")
    assert found["MonitoringScheduleConfig"]["ScheduleConfig"]["ScheduleExpression"] == "cron(0 6 ? * * *)"
    SCHEDULE.delete(ctx, schedule, changed)
    QUALITY.delete(ctx, ref, definition())
    QUALITY.delete(ctx, ref, definition())
    with pytest.raises(ResourceNotFound):
        run("DescribeDataQualityJobDefinition", JobDefinitionName="Loans-Quality")


def test_properties_are_checked_against_the_schema(ctx: Context, name: Callable[[int], str]) -> None:
    with pytest.raises(ValueError, match=r"Properties validation failed for .*extraneous key \[Colour\]"):
        QUALITY.create(ctx, name, definition(Colour="red"))
    broken = definition()
    del broken["RoleArn"]
    with pytest.raises(ValueError, match=r"required key \[RoleArn\] not found"):
        QUALITY.create(ctx, name, broken)


def test_they_are_recorded_not_emulated() -> None:
    recorded = [resource.type_name for resource in types.TYPES]
    assert {kind(type_name) for type_name in recorded} == {"recorded"}
    assert {known()[type_name] for type_name in recorded} == {"recorded"}
    emulated = ("AWS::Scheduler::Schedule", "AWS::CloudWatch::CompositeAlarm", "AWS::CloudWatch::Dashboard")
    assert {kind(type_name) for type_name in emulated} == {"emulated"}
    assert kind("AWS::Budgets::Budget") == "recorded"
