"""Processing jobs from CreateProcessingJob to their end."""

import os
import subprocess
import sys

import pytest

from local_aws.core.api import ResourceInUse, ValidationException
from local_aws.sagemaker import jobs
from tests.real_samples import sample as real_sample

from .conftest import BUCKET, eventually, processing_arguments, s3_input, s3_outputs


@pytest.fixture
def run(call, s3):
    """Start a job, wait for its end, and describe it."""

    def start(script: str, **changes):
        name = changes.pop("ProcessingJobName", "job")
        answer = call("CreateProcessingJob", ProcessingJobName=name, **processing_arguments(s3, script, **changes))
        jobs.wait(answer["ProcessingJobArn"])
        return call("DescribeProcessingJob", ProcessingJobName=name)

    return start


def test_inputs_come_in_and_outputs_go_out(run, s3, logs):
    s3.objects[f"{BUCKET}/in/deep/a.txt"] = b"data"
    job = run(
        "import os, pathlib\n"
        "text = pathlib.Path('/opt/ml/processing/input/raw/deep/a.txt').read_text()\n"
        "pathlib.Path('/opt/ml/processing/output/report/r.txt').write_text(text + os.environ['MODE'])\n"
        "print('wrote it')\n",
        ProcessingInputs=[s3_input("raw", f"{BUCKET}/in")],
        ProcessingOutputConfig=s3_outputs(report=f"{BUCKET}/out"),
        Environment={"MODE": "!"},
    )
    assert job["ProcessingJobStatus"] == "Completed", job
    assert s3.objects[f"{BUCKET}/out/r.txt"] == b"data!"
    assert job["CreationTime"] < job["ProcessingStartTime"] < job["ProcessingEndTime"]
    assert logs.of("job") == ["wrote it"]


def test_the_container_finds_its_configuration(run, s3):
    job = run(
        "import json, shutil\n"
        "for name in ('processingjobconfig', 'resourceconfig'):\n"
        "    shutil.copy(f'/opt/ml/config/{name}.json', '/opt/ml/processing/output/copy')\n",
        ProcessingOutputConfig=s3_outputs(copy=f"{BUCKET}/copy"),
    )
    assert s3.json(f"{BUCKET}/copy/processingjobconfig.json")["ProcessingJobArn"] == job["ProcessingJobArn"]
    assert s3.json(f"{BUCKET}/copy/resourceconfig.json")["current_host"] == "algo-1"


def test_a_failure_gives_its_message_and_exit_code(run, s3):
    job = run(
        "open('/opt/ml/output/message', 'w').write('auc 0.60 is below 0.65')\n"
        "open('/opt/ml/processing/output/report/r.txt', 'w').write('x')\n"
        "raise SystemExit(3)\n",
        ProcessingOutputConfig=s3_outputs(report=f"{BUCKET}/out"),
    )
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["ExitMessage"] == "auc 0.60 is below 0.65"
    assert job["FailureReason"] == "AlgorithmError: auc 0.60 is below 0.65, exit code: 3"
    assert f"{BUCKET}/out/r.txt" not in s3.objects


def test_without_a_message_the_last_line_of_the_log_is_the_reason(run):
    reason = run("raise ValueError('no rows')")["FailureReason"]
    assert reason == "AlgorithmError: ValueError: no rows, exit code: 1"


def test_a_long_message_never_hides_the_exit_code(run):
    job = run("open('/opt/ml/output/message', 'w').write('x' * 5000)\nraise SystemExit(2)")
    assert len(job["FailureReason"]) == 1024
    assert job["FailureReason"].endswith(", exit code: 2")


def test_a_message_that_is_no_text_fails_the_job(run):
    job = run("open('/opt/ml/output/message', 'wb').write(bytes([0xff, 0xfe]))")
    assert job["FailureReason"] == "ClientError: /opt/ml/output/message is not UTF-8 encoded."


def test_missing_input_fails_the_job_by_name(run):
    job = run("pass", ProcessingInputs=[s3_input("raw", f"{BUCKET}/nowhere")])
    assert job["FailureReason"] == "ClientError: No S3 objects found under S3 URL 's3://bucket/nowhere'"


def test_a_job_that_takes_too_long_is_stopped(run):
    script = "import time; open('/opt/ml/output/message', 'w').write('at row 7'); time.sleep(30)"
    job = run(script, StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert (job["ProcessingJobStatus"], job["ExitMessage"]) == ("Stopped", "at row 7")
    assert job["FailureReason"].startswith("MaxRuntimeExceeded")


def test_a_running_job_can_be_stopped_once(call, s3):
    script = "import time; print('up'); time.sleep(30)"
    arn = call("CreateProcessingJob", ProcessingJobName="job", **processing_arguments(s3, script))["ProcessingJobArn"]

    def job():
        return call("DescribeProcessingJob", ProcessingJobName="job")

    eventually(lambda: "ProcessingStartTime" in job())
    call("StopProcessingJob", ProcessingJobName="job")
    jobs.wait(arn)
    assert job()["ProcessingJobStatus"] == "Stopped"
    with pytest.raises(ValidationException, match="is in status Stopped"):
        call("StopProcessingJob", ProcessingJobName="job")


def test_a_name_is_used_once(run):
    run("pass")
    with pytest.raises(ResourceInUse, match="a job with this name already exists"):
        run("pass")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"AppSpecification": {"ImageUri": "image"}}, "ContainerEntrypoint is missing"),
        ({"ProcessingInputs": [s3_input("raw", BUCKET, S3InputMode="Pipe")]}, "'raw': the local AWS emulates"),
        ({"ProcessingInputs": [s3_input("raw", BUCKET, LocalPath="/data")]}, "LocalPath '/data' is not below /opt/ml"),
    ],
)
def test_what_cannot_run_here_is_refused_at_once(run, changes, message):
    with pytest.raises(ValidationException, match=message):
        run("pass", **changes)


def test_a_container_gets_no_empty_argument(call, s3):
    request = processing_arguments(s3, "pass")
    request["AppSpecification"]["ContainerArguments"] = ["--windows", ""]
    with pytest.raises(ValidationException, match="Found null or empty string in ContainerArguments at index 1"):
        call("CreateProcessingJob", ProcessingJobName="job", **request)


def test_list_filters_by_name_and_status(call, run):
    run("pass", ProcessingJobName="good")
    run("raise SystemExit(1)", ProcessingJobName="bad")
    assert [job["ProcessingJobName"] for job in call("ListProcessingJobs")["ProcessingJobSummaries"]] == ["good", "bad"]
    failed = call("ListProcessingJobs", StatusEquals="Failed")["ProcessingJobSummaries"]
    assert [job["ProcessingJobName"] for job in failed] == ["bad"]
    assert call("ListProcessingJobs", NameContains="oo")["ProcessingJobSummaries"][0]["ProcessingJobName"] == "good"


def test_events_have_the_members_of_the_real_one(run, s3, emitted):
    sample = real_sample("events/processing_job.json")
    s3.objects[f"{BUCKET}/in/a"] = b"x"
    run(
        "raise SystemExit(1)",
        ProcessingInputs=[s3_input("raw", f"{BUCKET}/in")],
        ProcessingOutputConfig=s3_outputs(report=f"{BUCKET}/out"),
        NetworkConfig={"EnableNetworkIsolation": False},
        ExperimentConfig={},
    )
    first, last = emitted[0], emitted[-1]
    assert last["detail-type"] == sample["detail-type"]
    assert set(last["detail"]) == set(sample["detail"])
    assert isinstance(last["detail"]["CreationTime"], int)
    assert [first["detail"]["ProcessingJobStatus"], last["detail"]["ProcessingJobStatus"]] == ["InProgress", "Failed"]


def test_jobs_of_a_server_that_ended_become_failed(call, ctx, s3):
    from local_aws.sagemaker import processing

    row = {"ProcessingJobName": "old", **processing_arguments(s3, "pass")}
    jobs.create(ctx, processing.KIND, row)
    jobs.fail_interrupted()
    job = call("DescribeProcessingJob", ProcessingJobName="old")
    assert job["ProcessingJobStatus"] == "Failed"
    assert "local AWS was restarted" in job["FailureReason"]


def test_folders_of_a_killed_server_are_removed_at_the_next_start(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    for pid in (int(ended.stdout), os.getpid()):
        (tmp_path / f"local-aws-job-{pid}-abc" / "opt_ml").mkdir(parents=True)
    jobs.remove_left_over()
    assert [path.name for path in tmp_path.iterdir()] == [f"local-aws-job-{os.getpid()}-abc"]
