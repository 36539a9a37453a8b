"""Endpoints through boto3, as a client of AWS meets them: real server, real serving processes.

The tests of this module run in their order on one endpoint.
"""

import contextlib
import io
import json
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import commands, state

from .serving import Serving, Traffic, eventually

ENDPOINT = "serving-test"


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


@pytest.fixture(scope="module")
def serving(local_aws: Any) -> Iterator[Serving]:
    shared = Serving(local_aws, ENDPOINT)
    for version in ("first", "second", "failing"):
        shared.model(version)
    shared.sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName="first")
    described = shared.settled()
    assert described["EndpointStatus"] == "InService", described
    yield shared


def test_a_request_is_answered_and_captured(serving: Serving) -> None:
    answer = serving.predict(InferenceId="loan-1", CustomAttributes="source=test")
    assert answer["Prediction"] == {"version": "first", "decision": "approve"}
    assert answer["InvokedProductionVariant"] == "champion"
    assert answer["ContentType"] == "application/json"
    record = eventually(lambda: next(iter(serving.captured()), None))
    assert record["eventMetadata"]["inferenceId"] == "loan-1"
    assert record["eventMetadata"]["customAttributes"] == ["source=test"]
    assert json.loads(record["captureData"]["endpointInput"]["data"]) == {"instances": [{"income": 20}]}
    output = json.loads(record["captureData"]["endpointOutput"]["data"])
    assert output["predictions"] == [answer["Prediction"]]
    head = serving.s3.head_object(Bucket=serving.bucket, Key=serving.captured_keys()[0])
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", serving.key_arn)


def test_a_bad_request_gets_400_with_the_field_named_and_is_counted(serving: Serving) -> None:
    with pytest.raises(ClientError) as raised:
        serving.predict("a lot")
    response: dict[str, Any] = dict(raised.value.response)
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == 400
    assert response["OriginalMessage"].startswith("instances[0].income: 'a lot' is not a number\n")
    assert response["LogStreamArn"].endswith(f":log-group:/aws/sagemaker/Endpoints/{ENDPOINT}")

    def counted() -> float:
        now = time.time()
        found = serving.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="Invocation4XXErrors",
            Dimensions=[
                {"Name": "EndpointName", "Value": ENDPOINT},
                {"Name": "VariantName", "Value": "champion"},
            ],
            StartTime=now - 300,
            EndTime=now + 60,
            Period=60,
            Statistics=["Sum", "SampleCount"],
        )
        return sum(point["Sum"] for point in found["Datapoints"])

    assert eventually(counted) == 1
    group = f"/aws/sagemaker/Endpoints/{ENDPOINT}"
    lines = eventually(lambda: serving.logs.filter_log_events(logGroupName=group)["events"])
    assert all(line["logStreamName"].startswith("champion/i-") for line in lines)


def test_an_unknown_endpoint_is_a_validation_error(serving: Serving) -> None:
    with pytest.raises(ClientError) as raised:
        serving.runtime.invoke_endpoint(EndpointName="none", Body=b"")
    error = raised.value.response["Error"]
    assert (error["Code"], error["Message"]) == (
        "ValidationError",
        "Endpoint none of account 111122223333 not found.",
    )


def test_a_canary_update_under_load_loses_no_request(serving: Serving) -> None:
    with Traffic(serving) as traffic:
        described = serving.update("second")
        time.sleep(0.2)
    assert described["EndpointConfigName"] == "second"
    assert traffic.errors == []
    assert Counter(traffic.versions).keys() == {"first", "second"}
    assert traffic.versions[-1] == "second"


def test_an_alarm_on_the_new_fleet_rolls_a_failing_model_back(serving: Serving) -> None:
    serving.cloudwatch.put_metric_alarm(
        AlarmName="serving-test-errors",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[
            {"Name": "EndpointName", "Value": ENDPOINT},
            {"Name": "VariantName", "Value": "champion"},
            {"Name": "EndpointConfigName", "Value": "failing"},
        ],
        Statistic="Average",
        Period=10,
        EvaluationPeriods=1,
        Threshold=0.1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    with Traffic(serving) as traffic:
        described = serving.update("failing", "serving-test-errors", wait=20)
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == "second"
    assert "alarm(s) serving-test-errors went into ALARM" in described["FailureReason"]
    codes = {error.response["OriginalStatusCode"] for error in traffic.errors}  # type: ignore[attr-defined]
    assert codes == {500}
    assert serving.predict()["Prediction"]["version"] == "second"


def test_weights_move_the_traffic(serving: Serving) -> None:
    serving.config("both", [("champion", "first", 1.0), ("challenger", "second", 0.0)])
    serving.sagemaker.update_endpoint(EndpointName=ENDPOINT, EndpointConfigName="both")
    serving.settled()
    assert {serving.predict()["InvokedProductionVariant"] for _ in range(10)} == {"champion"}
    assert serving.predict(TargetVariant="challenger")["Prediction"]["version"] == "second"
    serving.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=ENDPOINT,
        DesiredWeightsAndCapacities=[
            {"VariantName": "champion", "DesiredWeight": 1.0},
            {"VariantName": "challenger", "DesiredWeight": 1.0},
        ],
    )
    serving.settled()
    seen = Counter(serving.predict()["InvokedProductionVariant"] for _ in range(60))
    assert min(seen["champion"], seen["challenger"]) > 10


def test_everything_that_was_answered_is_captured_when_the_endpoint_is_deleted(serving: Serving) -> None:
    before = len(serving.captured())
    for _ in range(20):
        serving.predict()
    serving.sagemaker.delete_endpoint(EndpointName=ENDPOINT)

    def gone() -> bool:
        return not serving.sagemaker.list_endpoints(NameContains=ENDPOINT)["Endpoints"]

    eventually(gone)
    assert len(serving.captured()) >= before + 20
    with pytest.raises(ClientError, match="not found"):
        serving.predict()
    for name in ("first", "second", "failing", "both"):
        serving.sagemaker.delete_endpoint_config(EndpointConfigName=name)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc for what is left of a killed server")
def test_a_killed_server_leaves_no_process_and_serves_again_after_its_start(own_local_aws: Any) -> None:
    serving = Serving(own_local_aws, ENDPOINT)
    serving.model("first")
    serving.sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName="first")
    assert serving.settled()["EndpointStatus"] == "InService"
    state.control(own_local_aws.server, "POST", "checkpoint")
    processes = children_of(own_local_aws.server.pid)
    assert processes
    own_local_aws.kill()
    eventually(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in processes))
    own_local_aws.start()
    # no waiting: the first request is held until the model is loaded again
    assert serving.predict()["Prediction"]["version"] == "first"
    assert serving.settled()["EndpointStatus"] == "InService"


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc for what is left of a stopped server")
def test_a_stop_lets_a_stack_operation_end_and_saves_it(own_local_aws: Any) -> None:
    serving = Serving(own_local_aws, ENDPOINT)
    serving.model("first")
    stacks = own_local_aws.client("cloudformation")
    properties = {"EndpointName": ENDPOINT, "EndpointConfigName": "first"}
    endpoint = {"Type": "AWS::SageMaker::Endpoint", "Properties": properties}
    stacks.create_stack(StackName="stopped", TemplateBody=json.dumps({"Resources": {"Endpoint": endpoint}}))
    with contextlib.suppress(ClientError):  # there, or not yet: the operation runs in both cases
        assert serving.sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"] == "Creating"
    processes = [own_local_aws.server.pid, *children_of(own_local_aws.server.pid)]
    begin = time.monotonic()
    commands.stop_server(state.Home(own_local_aws.home), own_local_aws.server)
    assert time.monotonic() - begin < 15
    eventually(lambda: not any(running(pid) for pid in processes))
    own_local_aws.start()
    assert stacks.describe_stacks(StackName="stopped")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    assert serving.predict()["Prediction"]["version"] == "first"


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc for what is left of a stopped server")
def test_a_stop_ends_a_function_that_runs(own_local_aws: Any) -> None:
    functions = own_local_aws.client("lambda")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", "import time\ndef handler(event, context):\n    time.sleep(60)\n")
    role = "arn:aws:iam::111122223333:role/function"
    settings = {"Runtime": "python3.13", "Handler": "index.handler", "Role": role, "Timeout": 90}
    functions.create_function(FunctionName="slow", Code={"ZipFile": code.getvalue()}, **settings)
    functions.get_waiter("function_active_v2").wait(FunctionName="slow", WaiterConfig={"Delay": 0.1})
    functions.invoke(FunctionName="slow", InvocationType="Event")
    processes = eventually(
        lambda: [
            pid
            for pid in children_of(own_local_aws.server.pid)
            if b"ministack-lambda" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
    )
    time.sleep(0.5)  # it reads its code first, and then the event
    commands.stop_server(state.Home(own_local_aws.home), own_local_aws.server)
    eventually(lambda: not any(running(pid) for pid in processes))


def running(pid: int) -> bool:
    """Whether a process runs; one that ended and that its parent has not looked at does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
