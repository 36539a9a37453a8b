"""What watches a model, over boto3 against a real local AWS: schedules, alarms, metric math, dashboards."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::111122223333:role/watching"
IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5"
NAMESPACE = "aws/sagemaker/Endpoints/data-metrics"
UNIVERSAL = "arn:aws:scheduler:::aws-sdk:sagemaker:startPipelineExecution"
Found = TypeVar("Found")


def eventually(look: Callable[[], Found | None], what: str, seconds: float = 20) -> Found:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds} s")


class World:
    """What a test makes has names of its own: tests share a server."""

    def __init__(self, local_aws: Any) -> None:
        self.client = local_aws.client
        self.name = f"watch-{uuid.uuid4().hex[:8]}"
        self.sagemaker, self.cloudwatch = self.client("sagemaker"), self.client("cloudwatch")
        self.sqs, self.scheduler = self.client("sqs"), self.client("scheduler")

    def queue(self, name: str) -> tuple[str, str]:
        """URL and ARN of a new queue."""
        url = self.sqs.create_queue(QueueName=f"{self.name}-{name}")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return url, arn

    def message(self, url: str, what: str) -> dict[str, Any]:
        """The next message of a queue, taken out of it."""

        def look() -> dict[str, Any] | None:
            found = self.sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages")
            return found[0] if found else None

        message = eventually(look, what)
        self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return message

    def topic(self) -> tuple[str, str]:
        """ARN of a new topic, and URL of a queue that gets its messages."""
        url, queue = self.queue("pages")
        topic = self.client("sns").create_topic(Name=self.name)["TopicArn"]
        self.client("sns").subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"}
        )
        return topic, url

    def put(self, metric: str, value: float) -> None:
        datum = {"MetricName": metric, "Value": value, "Dimensions": [{"Name": "Endpoint", "Value": self.name}]}
        self.cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=[datum])

    def stat(self, metric: str, stat: str = "Maximum", period: int = 60) -> dict[str, Any]:
        dimensions = [{"Name": "Endpoint", "Value": self.name}]
        named = {"Namespace": NAMESPACE, "MetricName": metric, "Dimensions": dimensions}
        return {"Metric": named, "Period": period, "Stat": stat}

    def state(self, alarm: str) -> str:
        found = self.cloudwatch.describe_alarms(AlarmNames=[alarm], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        return str([*found["MetricAlarms"], *found["CompositeAlarms"]][0]["StateValue"])

    def reaches(self, alarm: str, state: str) -> None:
        eventually(lambda: self.state(alarm) == state, f"{alarm} in {state}")

    def said(self, job: str) -> list[float]:
        """The numbers that a processing job printed."""
        logs, group = self.client("logs"), {"logGroupName": "/aws/sagemaker/ProcessingJobs"}
        (stream,) = logs.describe_log_streams(**group, logStreamNamePrefix=f"{job}/")["logStreams"]
        (event,) = logs.get_log_events(**group, logStreamName=stream["logStreamName"])["events"]
        return [float(text) for text in event["message"].split()]

    def pipeline(self, *steps: dict[str, Any]) -> str:
        definition = {
            "Version": "2020-12-01",
            "Parameters": [{"Name": "ScheduledTime", "Type": "String", "DefaultValue": "none"}],
            "Steps": list(steps),
        }
        self.sagemaker.create_pipeline(
            PipelineName=self.name,
            PipelineDefinition=json.dumps(definition),
            RoleArn=ROLE,
            ClientRequestToken=uuid.uuid4().hex,
        )
        return self.name

    def remove(self) -> None:
        """What goes on by itself."""
        names = {"AlarmNamePrefix": self.name, "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
        found = self.cloudwatch.describe_alarms(**names)
        for alarm in [*found["CompositeAlarms"], *found["MetricAlarms"]]:
            self.cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"]])
        for schedule in self.scheduler.list_schedules(NamePrefix=self.name)["Schedules"]:
            self.scheduler.delete_schedule(Name=schedule["Name"])


def step(name: str, command: str, *after: str) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": "Processing",
        "DependsOn": list(after),
        "Arguments": {
            "RoleArn": ROLE,
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
            },
            "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", "-S", "-c", command]},
        },
    }


def fail(message: str = "stop here") -> dict[str, Any]:
    return {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": message}}


@pytest.fixture
def world(local_aws: Any) -> Iterator[World]:
    world = World(local_aws)
    yield world
    world.remove()


@dataclass
class Trouble:
    """What a composite alarm told when it was made, and when it went off; `url` is the queue of what it tells."""

    world: World
    url: str
    first: dict[str, Any]
    page: dict[str, Any]


# Schedules


def in_seconds(seconds: float) -> str:
    return f"at({datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S})"


def test_a_schedule_starts_a_pipeline_with_the_time_it_was_due(world: World) -> None:
    request = {
        "PipelineName": world.pipeline(fail()),
        "ClientRequestToken": "run-<aws.scheduler.execution-id>-<aws.scheduler.attempt-number>-of-a-schedule",
        "PipelineParameters": [{"Name": "ScheduledTime", "Value": "<aws.scheduler.scheduled-time>"}],
    }
    expression = in_seconds(2)
    world.scheduler.create_schedule(
        Name=world.name,
        ScheduleExpression=expression,
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={"Arn": UNIVERSAL, "RoleArn": ROLE, "Input": json.dumps(request)},
    )
    listed = {"PipelineName": world.name}
    (run,) = eventually(
        lambda: world.sagemaker.list_pipeline_executions(**listed)["PipelineExecutionSummaries"], "an execution"
    )
    parameters = world.sagemaker.list_pipeline_parameters_for_execution(
        PipelineExecutionArn=run["PipelineExecutionArn"]
    )["PipelineParameters"]
    assert parameters == [{"Name": "ScheduledTime", "Value": f"{expression[3:-1]}Z"}]
    assert world.scheduler.list_schedules(NamePrefix=world.name)["Schedules"] == []


def test_a_schedule_of_a_stack_whose_call_is_refused_leaves_a_dead_letter(world: World) -> None:
    url, queue = world.queue("dead")
    request = {"PipelineName": f"{world.name}-none", "ClientRequestToken": "<aws.scheduler.execution-id>" * 3}
    target = {
        "Arn": UNIVERSAL,
        "RoleArn": ROLE,
        "Input": json.dumps(request),
        "RetryPolicy": {"MaximumRetryAttempts": "1"},
        "DeadLetterConfig": {"Arn": queue},
    }
    properties = {
        "Name": world.name,
        "ScheduleExpression": in_seconds(3),
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": target,
    }
    resources = {"Schedule": {"Type": "AWS::Scheduler::Schedule", "Properties": properties}}
    outputs = {"Ref": {"Value": {"Ref": "Schedule"}}, "Arn": {"Value": {"Fn::GetAtt": ["Schedule", "Arn"]}}}
    stacks = world.client("cloudformation")
    stacks.create_stack(StackName=world.name, TemplateBody=json.dumps({"Resources": resources, "Outputs": outputs}))
    stacks.get_waiter("stack_create_complete").wait(StackName=world.name, WaiterConfig={"Delay": 1})
    shown = stacks.describe_stacks(StackName=world.name)["Stacks"][0]["Outputs"]
    arn = f"arn:aws:scheduler:eu-west-1:111122223333:schedule/default/{world.name}"
    assert {output["OutputKey"]: output["OutputValue"] for output in shown} == {"Ref": world.name, "Arn": arn}
    message = world.message(url, "a dead letter")
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "ResourceNotFound"
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert (attributes["RETRY_ATTEMPTS"], attributes["SCHEDULE_ARN"]) == ("1", arn)
    assert json.loads(message["Body"])["PipelineName"] == request["PipelineName"]
    stacks.delete_stack(StackName=world.name)
    stacks.get_waiter("stack_delete_complete").wait(StackName=world.name, WaiterConfig={"Delay": 1})
    assert world.scheduler.list_schedules(NamePrefix=world.name)["Schedules"] == []


# Alarms


@pytest.fixture(scope="module")
def trouble(local_aws: Any) -> Iterator[Trouble]:
    """A composite alarm over two, both of which have gone off, one after the other."""
    world = World(local_aws)
    topic, url = world.topic()
    for metric in ("rows", "unreadable_records"):
        world.cloudwatch.put_metric_alarm(
            AlarmName=f"{world.name}-{metric}",
            Namespace=NAMESPACE,
            MetricName=metric,
            Dimensions=[{"Name": "Endpoint", "Value": world.name}],
            Statistic="Maximum",
            Period=10,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
        )
    parts = " OR ".join(f'ALARM("{world.name}-{metric}")' for metric in ("rows", "unreadable_records"))
    world.cloudwatch.put_composite_alarm(
        AlarmName=f"{world.name}-trouble", AlarmRule=parts, AlarmActions=[topic], OKActions=[topic]
    )
    world.reaches(f"{world.name}-trouble", "OK")
    first = world.message(url, "the first state")
    world.put("rows", 1.0)
    page = world.message(url, "a page")
    world.put("unreadable_records", 1.0)
    world.reaches(f"{world.name}-unreadable_records", "ALARM")
    yield Trouble(world, url, json.loads(first["Body"]), json.loads(page["Body"]))
    world.remove()


def test_a_composite_alarm_pages_with_what_triggered_it(trouble: Trouble) -> None:
    name = trouble.world.name
    assert (trouble.first["OldStateValue"], trouble.first["NewStateValue"]) == ("INSUFFICIENT_DATA", "OK")
    assert (trouble.page["AlarmName"], trouble.page["NewStateValue"]) == (f"{name}-trouble", "ALARM")
    assert [child["Arn"].rpartition(":")[2] for child in trouble.page["TriggeringChildren"]] == [f"{name}-rows"]
    cloudwatch = trouble.world.cloudwatch
    children = cloudwatch.describe_alarms(ChildrenOfAlarmName=f"{name}-trouble")["MetricAlarms"]
    assert [child["AlarmName"] for child in children] == [f"{name}-rows", f"{name}-unreadable_records"]
    with pytest.raises(ClientError, match="composite alarm"):
        cloudwatch.delete_alarms(AlarmNames=[f"{name}-rows"])


def test_an_alarm_on_metric_math_of_a_stack_goes_off_and_back(world: World) -> None:
    error_rate = {
        "Id": "rate",
        "Expression": "IF(requests > 0, 100 * FILL(errors, 0) / requests, 0)",
        "Label": "error rate",
    }
    metrics = [
        error_rate,
        {"Id": "requests", "MetricStat": world.stat("requests", "Sum", 10), "ReturnData": False},
        {"Id": "errors", "MetricStat": world.stat("errors", "Sum", 10), "ReturnData": False},
    ]
    alarm = {
        "AlarmName": f"{world.name}-math",
        "Metrics": metrics,
        "EvaluationPeriods": "1",
        "Threshold": "5",
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    rule = {"Fn::Join": ["", ['ALARM("', {"Fn::GetAtt": ["Alarm", "Arn"]}, '")']]}
    composite = {"AlarmName": f"{world.name}-any", "AlarmRule": rule}
    body = {"widgets": [{"type": "text", "width": 4, "height": 2, "properties": {"markdown": "# loans"}}]}
    resources = {
        "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm},
        "Any": {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": composite},
        "Board": {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardBody": json.dumps(body)}},
    }
    outputs = {
        "Ref": {"Value": {"Ref": "Any"}},
        "Arn": {"Value": {"Fn::GetAtt": ["Any", "Arn"]}},
        "Board": {"Value": {"Ref": "Board"}},
    }
    stacks = world.client("cloudformation")
    stacks.create_stack(StackName=world.name, TemplateBody=json.dumps({"Resources": resources, "Outputs": outputs}))
    stacks.get_waiter("stack_create_complete").wait(StackName=world.name, WaiterConfig={"Delay": 1})
    shown = stacks.describe_stacks(StackName=world.name)["Stacks"][0]["Outputs"]
    values = {output["OutputKey"]: output["OutputValue"] for output in shown}
    arn = f"arn:aws:cloudwatch:eu-west-1:111122223333:alarm:{world.name}-any"
    assert (values["Ref"], values["Arn"]) == (f"{world.name}-any", arn)
    assert json.loads(world.cloudwatch.get_dashboard(DashboardName=values["Board"])["DashboardBody"]) == body
    world.reaches(f"{world.name}-math", "OK")
    for _ in range(10):
        world.put("requests", 1.0)
    world.put("errors", 1.0)
    world.reaches(f"{world.name}-any", "ALARM")
    world.reaches(f"{world.name}-any", "OK")  # ten seconds later
    (found,) = world.cloudwatch.describe_alarms(AlarmNames=[f"{world.name}-math"])["MetricAlarms"]
    assert found["Metrics"][0]["Expression"] == error_rate["Expression"]
    stacks.delete_stack(StackName=world.name)
    stacks.get_waiter("stack_delete_complete").wait(StackName=world.name, WaiterConfig={"Delay": 1})
    assert world.cloudwatch.describe_alarms(AlarmNamePrefix=world.name)["MetricAlarms"] == []
    assert world.cloudwatch.list_dashboards(DashboardNamePrefix=values["Board"])["DashboardEntries"] == []


def test_a_composite_alarm_pages_once_and_recovers(trouble: Trouble) -> None:
    """Ten seconds after the last point; the test before it has waited for as long."""
    told = json.loads(trouble.world.message(trouble.url, "the end of the trouble")["Body"])
    assert told["NewStateValue"] == "OK"


HANDLER = """
import boto3, json, os
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps(event))
"""


def test_an_alarm_invokes_a_function_and_tells_the_bus(world: World) -> None:
    seen, _ = world.queue("invoked")
    told, told_arn = world.queue("told")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", HANDLER)
    function = world.client("lambda").create_function(
        FunctionName=world.name,
        Runtime="python3.13",
        Handler="index.handler",
        Role=ROLE,
        Code={"ZipFile": code.getvalue()},
        Environment={"Variables": {"SEEN": seen}},
    )["FunctionArn"]
    pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": [world.name], "state": {"value": ["ALARM"]}}}
    world.client("events").put_rule(Name=world.name, EventPattern=json.dumps(pattern))
    world.client("events").put_targets(Rule=world.name, Targets=[{"Id": "queue", "Arn": told_arn}])
    world.cloudwatch.put_metric_alarm(
        AlarmName=world.name,
        Metrics=[{"Id": "m1", "MetricStat": world.stat("degradation_confirmed")}],
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=[function],
        TreatMissingData="ignore",
    )
    world.cloudwatch.set_alarm_state(AlarmName=world.name, StateValue="ALARM", StateReason="a test")
    event = json.loads(world.message(seen, "the function's event")["Body"])
    assert (event["source"], event["alarmArn"].rpartition(":")[2]) == ("aws.cloudwatch", world.name)
    assert event["alarmData"]["state"]["value"] == "ALARM"
    assert event["alarmData"]["state"]["reason"] == "a test"
    change = json.loads(world.message(told, "the change's event")["Body"])
    assert change["detail-type"] == "CloudWatch Alarm State Change"
    assert change["detail"]["previousState"]["value"] == "INSUFFICIENT_DATA"
    metric = change["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"]
    assert metric["name"] == "degradation_confirmed"
    history = eventually(
        lambda: world.cloudwatch.describe_alarm_history(AlarmName=world.name, HistoryItemType="Action")[
            "AlarmHistoryItems"
        ],
        "the action in the history",
    )
    assert history[0]["HistorySummary"] == f"Successfully executed action {function}"


def test_metric_math_over_a_range_of_time(world: World) -> None:
    minute = datetime.now(UTC).replace(second=0, microsecond=0)
    dimensions = [{"Name": "Endpoint", "Value": world.name}]
    data = [
        {"MetricName": name, "Value": value, "Dimensions": dimensions, "Timestamp": minute - timedelta(minutes=age)}
        for name, age, value in [("a", 1, 1.0), ("a", 3, 3.0), ("b", 1, 10.0), ("b", 2, 20.0)]
    ]
    world.cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data)
    answer = world.cloudwatch.get_metric_data(
        MetricDataQueries=[
            {"Id": "a", "MetricStat": world.stat("a", "Sum"), "ReturnData": False},
            {"Id": "b", "MetricStat": world.stat("b", "Sum"), "ReturnData": False},
            {"Id": "total", "Expression": "SUM(METRICS())"},
            {"Id": "both", "Expression": "FILL(a, 0) + b", "Label": "both of them"},
        ],
        StartTime=minute - timedelta(minutes=3),
        EndTime=minute,
        ScanBy="TimestampAscending",
    )
    total, both = answer["MetricDataResults"]
    assert total["Values"] == [3.0, 20.0, 11.0]
    assert total["Timestamps"] == [minute - timedelta(minutes=age) for age in (3, 2, 1)]
    assert (both["Label"], both["Values"]) == ("both of them", [3.0, 20.0, 11.0])


def test_a_dashboard_that_cannot_be_shown_is_refused(world: World) -> None:
    with pytest.raises(ClientError, match="should have required property 'region'") as refused:
        world.cloudwatch.put_dashboard(
            DashboardName=world.name,
            DashboardBody=json.dumps({"widgets": [{"type": "metric", "properties": {"metrics": [["a", "b"]]}}]}),
        )
    assert refused.value.response["Error"]["Code"] == "InvalidParameterInput"


def test_a_queue_with_messages_has_its_metric(world: World) -> None:
    url, _ = world.queue("dead")
    world.cloudwatch.put_metric_alarm(
        AlarmName=f"{world.name}-dead",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": f"{world.name}-dead"}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    world.reaches(f"{world.name}-dead", "OK")
    world.sqs.send_message(QueueUrl=url, MessageBody="lost")
    world.reaches(f"{world.name}-dead", "ALARM")


# Pipelines


def test_a_failed_pipeline_sets_its_alarm_off_and_tells_the_bus(world: World) -> None:
    told, queue = world.queue("told")
    pipeline = world.pipeline(fail("no data"))
    arn = f"arn:aws:sagemaker:eu-west-1:111122223333:pipeline/{pipeline}"
    kinds = ["SageMaker Model Building Pipeline Execution Status Change"]
    pattern = {
        "detail-type": kinds,
        "detail": {"pipelineArn": [arn], "currentPipelineExecutionStatus": ["Failed"]},
    }
    world.client("events").put_rule(Name=world.name, EventPattern=json.dumps(pattern))
    world.client("events").put_targets(Rule=world.name, Targets=[{"Id": "queue", "Arn": queue}])
    world.cloudwatch.put_metric_alarm(
        AlarmName=f"{world.name}-failed",
        Namespace="AWS/Sagemaker/ModelBuildingPipeline",
        MetricName="ExecutionFailed",
        Dimensions=[{"Name": "PipelineName", "Value": pipeline}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    world.reaches(f"{world.name}-failed", "OK")
    world.sagemaker.start_pipeline_execution(PipelineName=pipeline)
    world.reaches(f"{world.name}-failed", "ALARM")
    detail = json.loads(world.message(told, "the event")["Body"])["detail"]
    assert detail["previousPipelineExecutionStatus"] == "Executing"
    assert detail["executionEndTime"] >= detail["executionStartTime"]


def test_a_step_starts_soon_after_the_one_before_it(world: World) -> None:
    """Two steps side by side and a third one: what is added to the time of the processes themselves."""
    command = "import time; start = time.time(); time.sleep(0.2); print(start, time.time())"
    steps = [step("A", command), step("B", command), step("C", command, "A", "B")]
    pipeline = world.pipeline(*steps)
    started = world.sagemaker.start_pipeline_execution(PipelineName=pipeline)
    run = {"PipelineExecutionArn": started["PipelineExecutionArn"]}

    def ended_well() -> dict[str, Any] | None:
        found: dict[str, Any] = world.sagemaker.describe_pipeline_execution(**run)
        return found if found["PipelineExecutionStatus"] == "Succeeded" else None

    described = eventually(ended_well, "the end of the execution")
    times = {
        row["StepName"]: world.said(row["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2])
        for row in world.sagemaker.list_pipeline_execution_steps(**run)["PipelineExecutionSteps"]
    }
    ended = described["LastModifiedTime"].timestamp()
    between = times["C"][0] - max(times["A"][1], times["B"][1])
    after = ended - times["C"][1]
    before = min(times["A"][0], times["B"][0]) - described["CreationTime"].timestamp()
    print(f"before {before:.3f} s, between {between:.3f} s, after {after:.3f} s")
    assert between < 2
    assert after < 2
