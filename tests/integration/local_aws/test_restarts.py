"""What outlives a server that stops, one that is killed, and one whose checkpoints are damaged.

One server is stopped once and killed once for all questions. Each is a generator that prepares, gives way where the
server is to be saved or ended, and then looks; its test is named after it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local_aws import commands
from local_aws.state import Home, control
from mlops import outcomes
from tests.local_aws_fixture import LocalAws, run_local_aws

from . import test_athena as athena
from . import test_feature_store as feature_store
from . import test_monitoring as monitoring
from . import test_transform as transform
from .serving import Serving, eventually
from .test_pipelines import Bench
from .test_server import ENCRYPTED_QUEUE, KEY, ROLE, Stack, command, function, messages
from .test_variants import Variants

STOP, CHECKPOINT, KILL = "the server stops", "a checkpoint is made", "the server is killed"
_SOON = 9.0  # seconds until a schedule is due: after the stop has begun, and before the next start
Question = Callable[[LocalAws], Iterator[str]]


class Questions:
    """Questions that wait for the same things to happen; one that fails on its way says so in its own test."""

    def __init__(self, local_aws: LocalAws, questions: list[Question]) -> None:
        self._under_way = {question: question(local_aws) for question in questions}
        self._errors: dict[Question, Exception] = {}

    def go_on(self, until: str) -> None:
        """Let all prepare what has to be there then."""
        for question, steps in self._under_way.items():
            if question not in self._errors:
                try:
                    assert next(steps) == until
                except Exception as error:
                    self._errors[question] = error

    def answer(self, question: Question) -> None:
        """What it looks at in the end."""
        if question in self._errors:
            raise self._errors[question]
        assert list(self._under_way[question]) == []


def named(question: Question) -> str:
    return question.__name__


def children_of(parent: int) -> set[int]:
    """The processes that descend from `parent`."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                # pid (name) state ppid …; a name may hold anything but is closed by the last parenthesis
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found = {parent}
    while more := {pid for pid, above in parents.items() if above in found} - found:
        found |= more
    return found - {parent}


def running(pid: int) -> bool:
    """Whether a process runs; one that ended and that its parent has not looked at does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def that_stay(processes: Iterable[int]) -> list[int]:
    """Those that still run after ten seconds."""
    deadline = time.monotonic() + 10
    while (found := [pid for pid in processes if running(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """For the questions of both kinds; who ends it starts it again."""
    yield from run_local_aws(tmp_path_factory.mktemp("restarted") / "local_aws")


def stop(local_aws: LocalAws) -> None:
    commands.stop_server(Home(local_aws.home), local_aws.server)


# A stop


def schedules_alarms_and_their_states(local_aws: LocalAws) -> Iterator[str]:
    world = monitoring.World(local_aws)
    off = {"FlexibleTimeWindow": {"Mode": "OFF"}}
    request = {"PipelineName": world.pipeline(monitoring.fail())}
    target = {"Arn": monitoring.UNIVERSAL, "RoleArn": monitoring.ROLE, "Input": json.dumps(request)}
    world.scheduler.create_schedule(
        Name=world.name,
        ScheduleExpression="cron(0 6 * * ? *)",
        ScheduleExpressionTimezone="Europe/Dublin",
        State="DISABLED",
        Target=target,
        **off,
    )
    world.put("degradation_confirmed", 1.0)
    metrics = [{"Id": "m1", "MetricStat": world.stat("degradation_confirmed")}]
    world.cloudwatch.put_metric_alarm(
        AlarmName="degraded",
        Metrics=metrics,
        EvaluationPeriods=10,
        DatapointsToAlarm=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="ignore",
    )
    world.cloudwatch.put_composite_alarm(AlarmName="trouble", AlarmRule='ALARM("degraded")')
    world.reaches("trouble", "ALARM")
    soon = monitoring.in_seconds(_SOON)
    world.scheduler.create_schedule(Name="soon", ScheduleExpression=soon, Target=target, **off)
    yield STOP
    assert datetime.now(UTC) > datetime.fromisoformat(f"{soon[3:-1]}+00:00")
    assert (world.state("degraded"), world.state("trouble")) == ("ALARM", "ALARM")
    schedule = world.scheduler.get_schedule(Name=world.name)
    assert (schedule["State"], schedule["ScheduleExpressionTimezone"]) == ("DISABLED", "Europe/Dublin")
    listed = {"PipelineName": world.name}
    monitoring.eventually(
        lambda: world.sagemaker.list_pipeline_executions(**listed)["PipelineExecutionSummaries"],
        "the run that was missed",
    )


def records_that_nothing_had_written_yet(local_aws: LocalAws) -> Iterator[str]:
    store = feature_store.prepared(local_aws)
    told = store.create("kept")
    for number in range(100):
        store.put("kept", f"bank {number}", "2026-01-01T00:00:00Z", approvals_12m=number)
    yield STOP
    assert store.get("kept", "bank 99")["approvals_12m"] == "99"
    table = feature_store.table_of(told)
    assert store.query(f"SELECT count(*), count(DISTINCT bank) FROM {table}") == [["100", "100"]]


def functions_end_their_runs(local_aws: LocalAws) -> Iterator[str]:
    stack = Stack(local_aws, "stopped")
    stack.create(
        {"Key": KEY, "Role": ROLE, "Seen": ENCRYPTED_QUEUE, "Function": function({"Ref": "Seen"})},
        outputs={name: {"Ref": name} for name in ("Seen", "Function")},
    )
    outputs = stack.outputs()
    local_aws.client("lambda").invoke(
        FunctionName=outputs["Function"], InvocationType="Event", Payload=json.dumps({"seconds": 3})
    )
    eventually(lambda: messages(local_aws, outputs["Seen"]))
    yield STOP
    assert [each["Body"] for each in messages(local_aws, outputs["Seen"])] == [{"ended": True}]


def a_function_that_does_not_end_is_ended(local_aws: LocalAws) -> Iterator[str]:
    mark = local_aws.home / "slow"
    code = f"""
import os, pathlib, time
def handler(event, context):
    pathlib.Path({str(mark)!r}).write_text(str(os.getpid()))
    time.sleep(60)
"""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("index.py", code)
    functions = local_aws.client("lambda")
    role = "arn:aws:iam::111122223333:role/function"
    settings = {"Runtime": "python3.13", "Handler": "index.handler", "Role": role, "Timeout": 90}
    functions.create_function(FunctionName="too-slow", Code={"ZipFile": archive.getvalue()}, **settings)
    functions.get_waiter("function_active_v2").wait(FunctionName="too-slow", WaiterConfig={"Delay": 0.1})
    functions.invoke(FunctionName="too-slow", InvocationType="Event")
    process = int(eventually(lambda: mark.exists() and mark.read_text()))
    os.kill(process, 0)
    yield STOP
    assert sys.platform != "linux" or not running(process)  # looks at /proc


def a_stack_operation_ends_and_is_saved(local_aws: LocalAws) -> Iterator[str]:
    serving = Serving(local_aws, "stopped-endpoint")
    serving.model("stopped")
    stacks = local_aws.client("cloudformation")
    properties = {"EndpointName": serving.name, "EndpointConfigName": "stopped"}
    endpoint = {"Type": "AWS::SageMaker::Endpoint", "Properties": properties}
    stacks.create_stack(StackName="operation", TemplateBody=json.dumps({"Resources": {"Endpoint": endpoint}}))
    with contextlib.suppress(ClientError):  # there, or not yet: the operation runs in both cases
        assert serving.sagemaker.describe_endpoint(EndpointName=serving.name)["EndpointStatus"] == "Creating"
    yield STOP
    assert stacks.describe_stacks(StackName="operation")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    assert serving.predict()["Prediction"]["version"] == "stopped"
    serving.sagemaker.delete_endpoint(EndpointName=serving.name)


STOPPED: list[Question] = [  # the last three have something under way when the stop comes
    records_that_nothing_had_written_yet,
    schedules_alarms_and_their_states,
    functions_end_their_runs,
    a_function_that_does_not_end_is_ended,
    a_stack_operation_ends_and_is_saved,
]


class Stopped(Questions):
    """seconds: how long the stop took; left: the server's processes that stay."""

    def stop(self, local_aws: LocalAws) -> None:
        processes = [local_aws.server.pid, *children_of(local_aws.server.pid)]
        began = time.monotonic()
        stop(local_aws)
        self.seconds = time.monotonic() - began
        time.sleep(max(0.0, _SOON - self.seconds))
        self.left = that_stay(processes)


@pytest.fixture(scope="module")
def stopped(server: LocalAws) -> Stopped:
    questions = Stopped(server, STOPPED)
    questions.go_on(STOP)
    questions.stop(server)
    server.start()
    return questions


@pytest.mark.parametrize("question", STOPPED, ids=named)
def test_a_stop_lets_end_what_runs_and_saves_it(stopped: Stopped, question: Question) -> None:
    stopped.answer(question)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc for what is left of a stopped server")
def test_a_stop_leaves_no_process(stopped: Stopped) -> None:
    assert stopped.left == []
    assert 10 <= stopped.seconds < 20  # what a function that does not end is given, and the rest


# A kill


def everything(local_aws: LocalAws) -> Iterator[str]:
    stack = Stack(local_aws, "survivor")
    stack.create(
        {
            "Key": KEY,
            "Role": ROLE,
            "Seen": ENCRYPTED_QUEUE,
            "Bucket": {
                "Type": "AWS::S3::Bucket",
                "Properties": {"VersioningConfiguration": {"Status": "Enabled"}},
            },
            "Function": function({"Ref": "Seen"}, ReservedConcurrentExecutions=1),
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "EventPattern": {"source": ["test.survivor"]},
                    "Targets": [{"Id": "function", "Arn": {"Fn::GetAtt": ["Function", "Arn"]}}],
                },
            },
            "Group": {
                "Type": "AWS::SageMaker::ModelPackageGroup",
                "Properties": {"ModelPackageGroupName": "survivors"},
            },
        },
        outputs={name: {"Ref": name} for name in ("Seen", "Bucket", "Function")},
    )
    outputs, before, url = stack.outputs(), stack.described(), local_aws.url
    s3, ssm = local_aws.client("s3"), local_aws.client("ssm")
    sizes = (3, 50_000, 9_000_000)
    for size in sizes:
        s3.put_object(Bucket=outputs["Bucket"], Key="model.tar.gz", Body=b"m" * size, Metadata={"of": str(size)})
    ssm.put_parameter(Name="/test/release", Value="v1", Type="String")
    ssm.put_parameter(Name="/test/release", Value="v2", Type="String", Overwrite=True)
    saved = json.loads(command(local_aws, "checkpoint").stdout)
    assert saved["snapshot_seconds"] < 1
    yield CHECKPOINT
    ssm.put_parameter(Name="/test/after", Value="lost", Type="String")
    yield KILL
    assert local_aws.url == url == local_aws.environment["AWS_ENDPOINT_URL"]
    assert stack.described() | {"ResponseMetadata": None} == before | {"ResponseMetadata": None}
    versions = s3.list_object_versions(Bucket=outputs["Bucket"])["Versions"]
    for version in versions:
        found = s3.get_object(Bucket=outputs["Bucket"], Key=version["Key"], VersionId=version["VersionId"])
        assert len(found["Body"].read()) == version["Size"] == int(found["Metadata"]["of"])
    assert sorted(version["Size"] for version in versions) == list(sizes)
    history = ssm.get_parameter_history(Name="/test/release")["Parameters"]
    assert [version["Value"] for version in history] == ["v1", "v2"]
    with pytest.raises(ClientError, match="ParameterNotFound"):
        ssm.get_parameter(Name="/test/after")
    local_aws.client("events").put_events(Entries=[{"Source": "test.survivor", "DetailType": "Test", "Detail": "{}"}])
    assert eventually(lambda: messages(local_aws, outputs["Seen"]))
    stack.delete()


def records_of_a_feature_group(local_aws: LocalAws) -> Iterator[str]:
    store = feature_store.Store(local_aws)
    told = store.create("of-a-checkpoint")
    for number in range(3):
        store.put("of-a-checkpoint", f"bank {number}", "2026-01-01T00:00:00Z")
    yield CHECKPOINT
    store.put("of-a-checkpoint", "bank 3", "2026-01-01T00:00:00Z")
    yield KILL
    assert [bool(store.get("of-a-checkpoint", f"bank {number}")) for number in (0, 2, 3)] == [True, True, False]
    table = feature_store.table_of(told)
    assert store.query(f"SELECT count(*), count(DISTINCT bank) FROM {table}") == [["3", "3"]]
    described = store.sagemaker.describe_feature_group(FeatureGroupName="of-a-checkpoint")
    assert described["FeatureGroupStatus"] == "Created"


def scalable_targets(local_aws: LocalAws) -> Iterator[str]:
    variants = Variants(local_aws)
    variants.serving.upload("one")
    variants.deploy(Champion="one")
    before = variants.targets()
    assert before
    yield CHECKPOINT
    yield KILL
    assert variants.targets() == before


def an_endpoint_serves_again(local_aws: LocalAws) -> Iterator[str]:
    serving = Serving(local_aws, "killed-endpoint")
    serving.model("killed")
    serving.sagemaker.create_endpoint(EndpointName=serving.name, EndpointConfigName="killed")
    assert serving.settled()["EndpointStatus"] == "InService"
    yield CHECKPOINT
    yield KILL
    # no waiting: the first request is held until the model is loaded again
    assert serving.predict()["Prediction"]["version"] == "killed"
    assert serving.settled()["EndpointStatus"] == "InService"


def a_deployment_is_as_before_it(local_aws: LocalAws) -> Iterator[str]:
    slow, sns = Stack(local_aws, "slow"), local_aws.client("sns")
    before = sns.create_topic(Name="before")["TopicArn"]
    yield CHECKPOINT
    wait = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
    condition = {
        "Type": "AWS::CloudFormation::WaitCondition",
        "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "60"},
    }
    template = {"Resources": {"Handle": wait, "Condition": condition}}
    local_aws.client("cloudformation").create_stack(StackName="slow", TemplateBody=json.dumps(template))
    assert slow.status() == "CREATE_IN_PROGRESS"
    yield KILL
    assert slow.status() == ""
    assert before in [topic["TopicArn"] for topic in sns.list_topics()["Topics"]]


def an_execution_that_ran_has_failed(local_aws: LocalAws) -> Iterator[str]:
    bench = Bench(local_aws)
    mark = local_aws.home / "pid"
    script = f"import os, time\nopen({str(mark)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)\n"
    bench.create(bench.processing("Slow", script, {}))
    arn = bench.start()
    eventually(lambda: mark.exists() and mark.read_text())
    yield CHECKPOINT
    yield KILL
    assert not running(int(mark.read_text()))
    again = bench.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert again["PipelineExecutionStatus"] == "Failed"
    assert "restarted" in again["FailureReason"]


def a_transform_job_that_ran_has_failed(local_aws: LocalAws) -> Iterator[str]:
    serving = transform.prepared(local_aws, "transform-test")
    body = b'{"instances": [{"income": 1}]}\n' * 200_000
    serving.s3.put_object(Bucket=serving.bucket, Key="in/b.jsonl", Body=body)
    transform.start(serving, "cut-off")
    eventually(lambda: "TransformStartTime" in serving.sagemaker.describe_transform_job(TransformJobName="cut-off"), 20)
    yield CHECKPOINT
    yield KILL
    job = transform.ended(serving, "cut-off")
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: the local AWS was restarted")


def queries_and_one_that_ran_has_failed(local_aws: LocalAws) -> Iterator[str]:
    deployed = next(athena.deploy(local_aws))
    deployed.write(f"{athena.FOLDER}/ground-truth/{athena.hour(datetime.now(UTC))}/a.jsonl", "x")
    done = deployed.start("SELECT line FROM outcomes")
    deployed.ended(done)
    ran = deployed.start("SELECT count(*) FROM outcomes, range(100000000000) AS numbers")
    yield CHECKPOINT
    yield KILL
    status = deployed.ended(ran)["Status"]
    assert (status["State"], status["StateChangeReason"]) == ("FAILED", "The server ended while the query ran")
    results = deployed.athena.get_query_results(QueryExecutionId=done)["ResultSet"]["Rows"]
    assert results[1] == {"Data": [{"VarCharValue": "x"}]}
    assert deployed.rows("SELECT line FROM outcomes") == [["line"], ["x"]]
    [key] = outcomes.put(deployed.client("s3"), deployed.bucket, athena.FOLDER, [("r", "0")], datetime.now(UTC))
    athena.eventually(
        lambda: deployed.event("Object Created")["detail"]["object"]["key"] == key, "the outcomes after the restart"
    )


KILLED: list[Question] = [  # the last ones compute until the kill
    everything,
    records_of_a_feature_group,
    scalable_targets,
    an_endpoint_serves_again,
    a_deployment_is_as_before_it,
    an_execution_that_ran_has_failed,
    a_transform_job_that_ran_has_failed,
    queries_and_one_that_ran_has_failed,
]


class Killed(Questions):
    """processes: those of the server when it is killed; left: those that outlive it."""

    def kill(self, local_aws: LocalAws) -> None:
        self.processes = children_of(local_aws.server.pid)
        local_aws.kill()
        self.left = that_stay(self.processes)


@pytest.fixture(scope="module")
def killed(server: LocalAws) -> Killed:
    questions = Killed(server, KILLED)
    questions.go_on(CHECKPOINT)
    control(server.server, "POST", "checkpoint")
    questions.go_on(KILL)
    questions.kill(server)
    server.start()
    return questions


@pytest.mark.parametrize("question", KILLED, ids=named)
def test_what_a_checkpoint_has_outlives_a_kill(killed: Killed, question: Question) -> None:
    killed.answer(question)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc for what is left of a killed server")
def test_a_killed_server_leaves_no_process(killed: Killed) -> None:
    assert len(killed.processes) >= 3  # of an endpoint, of jobs, of functions
    assert killed.left == []


# The command, and checkpoints that are damaged


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A server that the tests below stop and start."""
    yield from run_local_aws(tmp_path_factory.mktemp("damaged") / "local_aws")


def test_the_command_stops_it_and_saves_what_the_last_checkpoint_lacks(other: LocalAws) -> None:
    other.client("ssm").put_parameter(Name="/test/last", Value="kept", Type="String")
    ended = command(other, "stop")
    assert ended.returncode == 0
    assert ended.stdout.strip().endswith(f"its state is kept in {other.home}")
    assert command(other, "status").returncode == 1
    other.start()
    assert other.client("ssm").get_parameter(Name="/test/last")["Parameter"]["Value"] == "kept"


def checkpoints(local_aws: LocalAws) -> list[Path]:
    """Newest first."""
    folders = (local_aws.home / "checkpoints").glob("[0-9]*")
    return sorted(folders, key=lambda path: int(path.name), reverse=True)


def test_a_damaged_checkpoint_leads_back_to_the_one_before_it(other: LocalAws) -> None:
    other.client("ssm").put_parameter(Name="/test/before", Value="kept", Type="String")
    control(other.server, "POST", "checkpoint")
    other.client("ssm").put_parameter(Name="/test/after", Value="lost", Type="String")
    stop(other)
    newest, *_ = checkpoints(other)
    (newest / "ssm.pickle").write_bytes(b"half of it")
    other.start()
    names = {found["Name"] for found in other.client("ssm").describe_parameters()["Parameters"]}
    assert names - {"/test/last"} == {"/test/before"}


@pytest.mark.parametrize("content", [b"not a pickle", b""], ids=["damaged", "empty after a power cut"])
def test_a_checkpoint_that_cannot_be_read_is_told_in_one_line(other: LocalAws, content: bytes) -> None:
    if Home(other.home).running():
        stop(other)
    damaged = {path: path.read_bytes() for path in (folder / "ssm.pickle" for folder in checkpoints(other))}
    for path in damaged:
        path.write_bytes(content)
    started = command(other, "start", "--detach")
    for path, whole in damaged.items():
        path.write_bytes(whole)
    assert started.returncode == 1
    (line,) = started.stderr.strip().splitlines()
    assert line.startswith(f"local_aws: {checkpoints(other)[0]}: the checkpoint cannot be read (")
