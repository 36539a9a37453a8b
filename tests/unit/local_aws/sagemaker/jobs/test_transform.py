"""Transform jobs with real serving processes: what is sent, what comes out, and how they end."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import time
from collections.abc import Callable
from typing import Any

import pytest

from local_aws.core import store
from local_aws.core.api import ResourceInUse, ValidationException
from local_aws.sagemaker import jobs, pipeline_runs
from local_aws.sagemaker.json_path import JsonPath, JsonPathError
from local_aws.sagemaker.transform_records import Plan, RecordError
from tests.real_samples import sample_folder

from .conftest import IMAGE, ROLE, MemoryLogs, MemoryS3, eventually

SCORES = """
import os, time
class Error(Exception):
    def __init__(self, status, message):
        self.status_code, self.message = status, message
def model_fn(model_dir):
    print("batch", os.environ["SAGEMAKER_BATCH"], os.environ.get("MODEL_VERSION"), flush=True)
    return []
def input_fn(data, content_type):
    return data if isinstance(data, str) else data.decode()
def predict_fn(data, calls):
    calls.append(data)
    if "reject" in data:
        raise Error(400, "row: reject is not a number\\nsecond line")
    if "break" in data:
        raise Error(503, "too busy")
    if "flaky" in data and calls.count(data) < 3:
        raise Error(503, "not yet")
    if "sleep" in data:
        time.sleep(60)
    return data
def output_fn(data, accept):
    if accept == "text/csv":
        return "\\n".join(str(len(line.split(","))) + ",ok" for line in data.split("\\n"))
    return "<" + data.replace("\\n", "|") + ">"
"""
BROKEN = "def model_fn(model_dir):\n    raise RuntimeError('no such model')\n"
Call = Callable[..., dict[str, Any]]


def archive(code: str) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(code.encode())
        tar.addfile(member, io.BytesIO(code.encode()))
    return data.getvalue()


@pytest.fixture
def model(call: Call, s3: MemoryS3) -> Callable[..., None]:
    def make(code: str = SCORES, name: str = "scores") -> None:
        s3.objects["s3://models/m.tar.gz"] = archive(code)
        environment = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
        container = {"Image": IMAGE, "ModelDataUrl": "s3://models/m.tar.gz", "Environment": environment}
        call("CreateModel", ModelName=name, PrimaryContainer=container)

    return make


def arguments(**changes: Any) -> dict[str, Any]:
    """CreateTransformJob of all that is below s3://data/in, one line a request; members by dotted names."""
    given: dict[str, Any] = {
        "TransformJobName": "nightly",
        "ModelName": "scores",
        "BatchStrategy": "SingleRecord",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/in"}},
            "SplitType": "Line",
            "ContentType": "text/plain",
        },
        "TransformOutput": {"S3OutputPath": "s3://data/out/", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = given
        for parent in parents:
            place = place[parent]
        place[last] = value
    return {name: value for name, value in given.items() if value is not None}


@pytest.fixture
def run(call: Call) -> Call:
    """Start a job and wait for its end."""

    def start(**changes: Any) -> dict[str, Any]:
        given = arguments(**changes)
        jobs.wait(call("CreateTransformJob", **given)["TransformJobArn"])
        return call("DescribeTransformJob", TransformJobName=given["TransformJobName"])

    return start


def outputs(s3: MemoryS3) -> dict[str, str]:
    place = "s3://data/out/"
    return {uri.removeprefix(place): body.decode() for uri, body in s3.objects.items() if uri.startswith(place)}


def data_log(logs: MemoryLogs) -> list[str]:
    return [line for (_, stream), lines in logs.lines.items() if stream.endswith("/data-log") for line in lines]


def test_every_line_is_answered_in_order_and_keys_are_kept(
    run: Call, model: Call, s3: MemoryS3, logs: MemoryLogs
) -> None:
    model()
    s3.objects |= {"s3://data/in/a.txt": b"one\ntwo\r\n\nthree\n", "s3://data/in/2026/b.txt": b"four"}
    ended = run(MaxConcurrentTransforms=4, TransformOutput__KmsKeyId="key", Environment={"MODEL_VERSION": "7"})
    assert ended["TransformJobStatus"] == "Completed", ended
    assert outputs(s3) == {"a.txt.out": "<one>\n<two>\n<three>\n", "2026/b.txt.out": "<four>\n"}
    assert s3.keys == dict.fromkeys(["s3://data/out/a.txt.out", "s3://data/out/2026/b.txt.out"], "key")
    assert ended["TransformStartTime"] <= ended["TransformEndTime"]
    assert data_log(logs) == ["MaxConcurrentTransforms=4, MaxPayloadInMB=6, BatchStrategy=SINGLE_RECORD"]
    assert "batch true 7" in logs.of("nightly")
    assert {group for group, _ in logs.lines} == {"/aws/sagemaker/TransformJobs"}
    assert all(stream.startswith("nightly/i-") for _, stream in logs.lines)


def test_requests_hold_as_many_lines_as_fit(run: Call, model: Call, s3: MemoryS3) -> None:
    model()
    lines = [b"a" * 400_000, b"b" * 400_000, b"c" * 400_000]
    s3.objects["s3://data/in/a.txt"] = b"\n".join(lines)
    run(BatchStrategy="MultiRecord", MaxPayloadInMB=1, TransformOutput__AssembleWith="None")
    answered = s3.objects["s3://data/out/a.txt.out"]
    assert answered == b"<" + lines[0] + b"|" + lines[1] + b"><" + lines[2] + b">"


def test_a_file_that_is_not_split_is_one_request(run: Call, model: Call, s3: MemoryS3) -> None:
    model()
    s3.objects["s3://data/in/a.txt.gz"] = gzip.compress(b"one\ntwo\n")
    run(TransformInput__SplitType="None", TransformInput__CompressionType="Gzip", TransformOutput__AssembleWith="None")
    assert outputs(s3) == {"a.txt.gz.out": "<one|two|>"}


def test_a_manifest_names_the_files(run: Call, model: Call, s3: MemoryS3) -> None:
    model()
    manifest = [{"prefix": "s3://elsewhere/x/"}, "deep/a.txt"]
    s3.objects |= {"s3://data/list": json.dumps(manifest).encode(), "s3://elsewhere/x/deep/a.txt": b"one"}
    place = {"S3DataType": "ManifestFile", "S3Uri": "s3://data/list"}
    run(TransformInput__DataSource__S3DataSource=place)
    assert outputs(s3) == {"deep/a.txt.out": "<one>\n"}


@pytest.mark.parametrize(
    ("bad", "reason", "told"),
    [
        (
            b"1\nreject\n2\n",
            "ClientError: See job logs for more information",
            ["ClientError: 400", "", "Message:", "row: reject is not a number", "second line"],
        ),
        (
            b"break",
            "AlgorithmError: See job logs for more information",
            ["Bad HTTP status received from algorithm: 503", "", "Message:", "too busy"],
        ),
        (b"x" * 1_100_000, "ClientError: See job logs for more information", ["Too much data for max payload size"]),
    ],
)
def test_a_file_with_a_bad_record_gets_no_output_and_fails_the_job_at_its_end(
    run: Call, model: Call, s3: MemoryS3, logs: MemoryLogs, bad: bytes, reason: str, told: list[str]
) -> None:
    model()
    s3.objects |= {"s3://data/in/a.txt": bad, "s3://data/in/b.txt": b"good"}
    ended = run(MaxPayloadInMB=1)
    assert (ended["TransformJobStatus"], ended["FailureReason"]) == ("Failed", reason)
    assert outputs(s3) == {"b.txt.out": "<good>\n"}
    assert data_log(logs)[1 : 1 + len(told)] == [f"a.txt: {line}" for line in told]


def test_what_may_pass_is_tried_again(run: Call, model: Call, s3: MemoryS3) -> None:
    model()
    s3.objects["s3://data/in/a.txt"] = b"flaky"
    assert run()["TransformJobStatus"] == "Completed"
    ended = run(TransformJobName="once", ModelClientConfig={"InvocationsMaxRetries": 1})
    assert ended["FailureReason"] == "AlgorithmError: See job logs for more information"


def test_a_model_that_takes_too_long_fails_the_job(run: Call, model: Call, s3: MemoryS3, logs: MemoryLogs) -> None:
    model()
    s3.objects["s3://data/in/a.txt"] = b"sleep"
    ended = run(ModelClientConfig={"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 0})
    assert ended["FailureReason"].startswith("AlgorithmError: ")
    assert data_log(logs)[1] == "a.txt: Unable to get response from algorithm: primary: no answer in 1 seconds"


def test_a_model_that_does_not_load_fails_the_job(run: Call, model: Call, s3: MemoryS3, logs: MemoryLogs) -> None:
    model(BROKEN)
    s3.objects["s3://data/in/a.txt"] = b"one"
    ended = run()
    assert ended["TransformJobStatus"] == "Failed"
    assert ended["FailureReason"].startswith("AlgorithmError: Model container failed to respond to ping")
    assert any("no such model" in line for line in logs.of("nightly"))


def test_missing_data_and_models_fail_the_job_as_the_clients_mistake(run: Call, model: Call, s3: MemoryS3) -> None:
    model()
    assert run()["FailureReason"] == "ClientError: No S3 objects found under S3 URL 's3://data/in'"
    del s3.objects["s3://models/m.tar.gz"]
    s3.objects["s3://data/in/a.txt"] = b"one"
    assert run(TransformJobName="again")["FailureReason"].startswith("ClientError: Failed to download model data")


def test_a_file_that_is_no_archive_is_told(run: Call, model: Call, s3: MemoryS3, logs: MemoryLogs) -> None:
    model()
    s3.objects["s3://data/in/a.gz"] = b"one"
    assert run(TransformInput__CompressionType="Gzip")["TransformJobStatus"] == "Failed"
    assert data_log(logs)[1].startswith("a.gz: not a gzip file")


def test_a_stopped_job_ends_at_once(run: Call, model: Call, call: Call, s3: MemoryS3) -> None:
    model()
    s3.objects["s3://data/in/a.txt"] = b"sleep\nsleep"
    arn = call("CreateTransformJob", **arguments(MaxConcurrentTransforms=2))["TransformJobArn"]
    eventually(lambda: "TransformStartTime" in call("DescribeTransformJob", TransformJobName="nightly"))
    time.sleep(0.3)
    began = time.monotonic()
    call("StopTransformJob", TransformJobName="nightly")
    jobs.wait(arn)
    assert time.monotonic() - began < 10
    ended = call("DescribeTransformJob", TransformJobName="nightly")
    assert (ended["TransformJobStatus"], outputs(s3)) == ("Stopped", {})
    with pytest.raises(ValidationException, match="is in status Stopped"):
        call("StopTransformJob", TransformJobName="nightly")


def test_a_job_that_a_server_stop_interrupted_is_failed_after_its_start(
    run: Call, model: Call, call: Call, s3: MemoryS3
) -> None:
    model()
    s3.objects["s3://data/in/a.txt"] = b"sleep"
    arn = call("CreateTransformJob", **arguments())["TransformJobArn"]
    eventually(lambda: "TransformStartTime" in call("DescribeTransformJob", TransformJobName="nightly"))
    jobs.end_all()
    jobs.wait(arn)
    assert call("DescribeTransformJob", TransformJobName="nightly")["TransformJobStatus"] == "InProgress"
    jobs.fail_interrupted()
    ended = call("DescribeTransformJob", TransformJobName="nightly")
    assert (ended["TransformJobStatus"], ended["FailureReason"]) == ("Failed", jobs.INTERRUPTED)


def test_a_job_waits_until_the_machine_has_room(run: Call, model: Call, call: Call, s3: MemoryS3) -> None:
    model()
    s3.objects["s3://data/in/a.txt"] = b"one"
    for _ in range(jobs.MAX_PARALLEL_CONTAINERS):
        jobs._slots.acquire()
    try:
        arn = call("CreateTransformJob", **arguments())["TransformJobArn"]
        time.sleep(0.3)
        assert "TransformStartTime" not in call("DescribeTransformJob", TransformJobName="nightly")
    finally:
        for _ in range(jobs.MAX_PARALLEL_CONTAINERS):
            jobs._slots.release()
    jobs.wait(arn)
    assert call("DescribeTransformJob", TransformJobName="nightly")["TransformJobStatus"] == "Completed"


def test_a_model_of_an_approved_package_transforms(run: Call, call: Call, s3: MemoryS3) -> None:
    s3.objects |= {"s3://models/m.tar.gz": archive(SCORES), "s3://data/in/a.txt": b"one"}
    environment = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    container = {"Image": IMAGE, "ModelDataUrl": "s3://models/m.tar.gz", "Environment": environment}
    call("CreateModelPackageGroup", ModelPackageGroupName="loans")
    package = call(
        "CreateModelPackage",
        ModelPackageGroupName="loans",
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    call("CreateModel", ModelName="scores", PrimaryContainer={"ModelPackageName": package})
    assert run()["TransformJobStatus"] == "Completed"
    assert outputs(s3) == {"a.txt.out": "<one>\n"}


def test_a_pipeline_has_transform_steps(call: Call, model: Call, s3: MemoryS3) -> None:
    model()
    s3.objects["s3://data/in/a.txt"] = b"one"
    step = {"Name": "Score", "Type": "Transform", "Arguments": arguments(TransformJobName=None)}
    document = json.dumps({"Version": "2020-12-01", "Steps": [step]})
    call("CreatePipeline", PipelineName="scoring", PipelineDefinition=document, RoleArn=ROLE)
    arn = call("StartPipelineExecution", PipelineName="scoring")["PipelineExecutionArn"]
    assert pipeline_runs.wait(arn, 20)
    (ran,) = call("ListPipelineExecutionSteps", PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    assert ran["StepStatus"] == "Succeeded", ran
    assert ":transform-job/pipelines-" in ran["Metadata"]["TransformJob"]["Arn"]
    assert outputs(s3) == {"a.txt.out": "<one>\n"}


def test_states_are_told_as_aws_tells_them(run: Call, model: Call, s3: MemoryS3, emitted: list[dict[str, Any]]) -> None:
    model()
    s3.objects["s3://data/in/a.txt"] = b"reject"
    run(MaxConcurrentTransforms=2, MaxPayloadInMB=1, Environment={"A": "b"}, Tags=[{"Key": "team", "Value": "loans"}])
    told = [event for event in emitted if event["detail-type"] == "SageMaker Transform Job State Change"]
    statuses = [event["detail"]["TransformJobStatus"] for event in told]
    assert (statuses[0], statuses[-1]) == ("InProgress", "Failed")
    real = json.loads((sample_folder() / "events" / "transform_job.json").read_text())
    detail = told[-1]["detail"]
    assert set(detail) == set(real["detail"])
    assert {key: type(value) for key, value in detail.items()} == {
        key: type(value) for key, value in real["detail"].items()
    }
    assert detail["Tags"] == {"team": "loans"}
    assert len(detail["TransformEndTime"]) == len("2018-10-06T12:26:13Z")
    assert told[-1]["resources"] == [detail["TransformJobArn"]]


def test_jobs_are_listed_newest_first_and_names_are_used_once(run: Call, model: Call, call: Call) -> None:
    model()
    run()
    run(TransformJobName="second")
    with pytest.raises(ResourceInUse):
        run()
    listed = call("ListTransformJobs")["TransformJobSummaries"]
    assert [job["TransformJobName"] for job in listed] == ["second", "nightly"]
    assert call("ListTransformJobs", StatusEquals="Completed")["TransformJobSummaries"] == []
    with pytest.raises(ValidationException, match="Could not find requested job with name: none"):
        call("DescribeTransformJob", TransformJobName="none")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"ModelName": "none"}, "Could not find model"),
        ({"TransformInput__SplitType": "TFRecord"}, "SplitType TFRecord is not emulated locally"),
        (
            {"TransformInput__DataSource__S3DataSource": {"S3DataType": "AugmentedManifestFile", "S3Uri": "s3://a/b"}},
            "S3DataType AugmentedManifestFile is not emulated locally",
        ),
        ({"DataCaptureConfig": {"DestinationS3Uri": "s3://a/b"}}, "DataCaptureConfig of a transform job"),
        ({"MaxPayloadInMB": 0}, "MaxPayloadInMB 0 .* is not emulated locally"),
        ({"MaxPayloadInMB": 101}, "MaxConcurrentTransforms \\* MaxPayloadInMB is 101"),
        ({"MaxPayloadInMB": 26, "MaxConcurrentTransforms": 4}, "is 104: it must not exceed 100"),
        ({"DataProcessing": {"InputFilter": "features"}}, "features: a JSONPath starts with \\$"),
        ({"DataProcessing": {"InputFilter": "$[1:]"}}, "DataProcessing needs the ContentType text/csv or one of"),
    ],
)
def test_what_is_not_emulated_is_refused_by_name(model: Call, call: Call, changes: dict[str, Any], told: str) -> None:
    model()
    with pytest.raises(ValidationException, match=told):
        call("CreateTransformJob", **arguments(**changes))
    assert len(store.table("transform-job")) == 0


def test_ids_are_kept_from_the_model_and_joined_to_its_answers(run: Call, model: Call, s3: MemoryS3) -> None:
    model()
    s3.objects["s3://data/in/a.csv"] = b'a-1,10,20\n"b,2",30,40\n'
    ended = run(
        BatchStrategy="MultiRecord",
        TransformInput__ContentType="text/csv",
        TransformOutput__Accept="text/csv",
        DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
    )
    assert ended["TransformJobStatus"] == "Completed", ended
    assert outputs(s3) == {"a.csv.out": 'a-1,ok\n"b,2",ok\n'}


# Cutting, joining and filters


def plan(content_type: str = "text/csv", split: str = "Line", **processing: str) -> Plan:
    return Plan.of(
        {
            "TransformInput": {"ContentType": content_type, "SplitType": split},
            "TransformOutput": {"AssembleWith": "Line"},
            "DataProcessing": processing,
        }
    )


def through(plan: Plan, data: bytes, *answers: bytes) -> tuple[list[bytes], bytes]:
    """The requests for a file, and the output that their answers give."""
    batches = plan.batches(data)
    return [batch.body for batch in batches], plan.assembled(zip(batches, answers, strict=True))


@pytest.mark.parametrize(
    ("content_type", "processing", "data", "sent", "answer", "output"),
    [
        ("text/csv", {"JoinSource": "Input"}, b"1,2\n3,4", b"1,2\n3,4", b"0.1\n0.2\n", b"1,2,0.1\n3,4,0.2\n"),
        ("text/csv", {"OutputFilter": "$[0]"}, b"1\n2\n", b"1\n2", b"0.1,a\n0.2,b", b"0.1\n0.2\n"),
        (
            "application/jsonlines",
            {"InputFilter": "$.features", "JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"},
            b'{"id":1,"features":[1,2]}\n{"id":2,"features":[3]}',
            b"[1,2]\n[3]",
            b'{"p":0.1}\n{"p":0.2}\n',
            b'{"id":1,"SageMakerOutput":{"p":0.1}}\n{"id":2,"SageMakerOutput":{"p":0.2}}\n',
        ),
        (
            "application/jsonlines",
            {"JoinSource": "Input"},
            b"[1]",
            b"[1]",
            b"[2]",
            b'{"SageMakerInput":[1],"SageMakerOutput":[2]}\n',
        ),
    ],
)
def test_answers_are_joined_to_their_records(
    content_type: str, processing: dict[str, str], data: bytes, sent: bytes, answer: bytes, output: bytes
) -> None:
    for split in ("Line", "None"):
        requests, written = through(plan(content_type, split, **processing), data, answer)
        assert (requests[0].rstrip(b"\n"), written) == (sent, output)


def test_a_json_document_is_one_record() -> None:
    one = plan("application/json; charset=utf-8", "None", JoinSource="Input", OutputFilter="$.SageMakerOutput")
    assert through(one, b'{\n"a": 1}', b'{"p":\n1}') == ([b'{\n"a": 1}'], b'{"p":1}\n')


@pytest.mark.parametrize(
    ("processing", "answer", "told"),
    [
        ({"JoinSource": "Input"}, b"0.1\n", "2 records were sent and 1 came back"),
        ({"OutputFilter": "$[5]"}, b"0.1\n0.2\n", r"\$\[5\] leads nowhere: IndexError"),
        ({"OutputFilter": "$.p"}, b"0.1\n0.2\n", r"\$\.p leads nowhere: TypeError"),
    ],
)
def test_answers_that_do_not_fit_are_errors(processing: dict[str, str], answer: bytes, told: str) -> None:
    with pytest.raises(RecordError, match=told):
        through(plan(**processing), b"1\n2\n", answer)


def test_formats_are_not_mixed() -> None:
    given = {
        "TransformInput": {"ContentType": "text/csv"},
        "TransformOutput": {"Accept": "application/json"},
        "DataProcessing": {"JoinSource": "Input"},
    }
    with pytest.raises(RecordError, match="cannot put application/json together with text/csv"):
        Plan.of(given)
    with pytest.raises(RecordError, match="not a record of application/jsonlines: b'one'"):
        plan("application/jsonlines", InputFilter="$.a").batches(b"one")


@pytest.mark.parametrize(
    ("path", "selected"),
    [
        ("$", {"a": {"b-c": [10, 11, 12]}, "d": 1}),
        ("$.a.b-c", [10, 11, 12]),
        ("$['a'].b-c[0]", 10),
        ("$.a['b-c'][-1]", 12),
        ("$.a.b-c[0,2]", [10, 12]),
        ("$.a.b-c[1:]", [11, 12]),
        ("$.a.b-c[:-1]", [10, 11]),
        ("$.a.b-c[0,1:]", [10, 11, 12]),
        ("$['a','d']", {"a": {"b-c": [10, 11, 12]}, "d": 1}),
    ],
)
def test_a_path_selects(path: str, selected: Any) -> None:
    assert JsonPath.of(path).select({"a": {"b-c": [10, 11, 12]}, "d": 1}) == selected


@pytest.mark.parametrize("path", ["", "a", "$..a", "$[x]", "$[1:2:3]", "$.a[", "$[?(@.a)]", "$['a',1]"])
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(JsonPathError, match="|".join(("starts with", "is none of", "is no index"))):
        JsonPath.of(path)
