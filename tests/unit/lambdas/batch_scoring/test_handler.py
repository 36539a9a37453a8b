"""What batch scoring starts, refuses and tells."""

import json
import re
from types import SimpleNamespace

import botocore.session
import pytest
from botocore.exceptions import ClientError

from tests.real_samples import sample_folder
from tests.unit.lambdas.batch_scoring.conftest import BASE, INPUT, KEY, OUTPUT, PACKAGE
from tests.unit.lambdas.checked_client import refusal, text

SLOT = {"source": "aws.events", "detail-type": "Scheduled Event", "time": "2026-11-21T03:00:00Z", "detail": {}}
SCHEDULED = f"{BASE}--20261121-0300"
ASKED = f"{BASE}--0f8fad5bd9cb"


def test_the_champion_scores_the_input_at_the_scheduled_time(world):
    assert world.run(SLOT) == {"job": SCHEDULED, "output": f"{OUTPUT}{SCHEDULED}/", "reason": ""}
    assert world.jobs[SCHEDULED] == {
        "TransformJobName": SCHEDULED,
        "ModelName": "serving-champion-abc",
        "MaxConcurrentTransforms": 4,
        "MaxPayloadInMB": 6,
        "BatchStrategy": "MultiRecord",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": INPUT}},
            "ContentType": "text/csv",
            "CompressionType": "None",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": f"{OUTPUT}{SCHEDULED}/",
            "Accept": "text/csv",
            "AssembleWith": "Line",
            "KmsKeyId": KEY,
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeKmsKeyId": KEY},
        "Tags": [
            {"Key": "project", "Value": "mlops"},
            {"Key": "environment", "Value": "prod"},
            {"Key": "model", "Value": "loan-approval"},
            {"Key": "model-package", "Value": PACKAGE},
        ],
    }
    assert world.told == []


def test_job_names_are_ones_that_sagemaker_takes(world):
    shape = botocore.session.get_session().get_service_model("sagemaker").shape_for("TransformJobName")
    world.run(SLOT)
    world.run({"input": INPUT})
    for name in world.jobs:
        assert re.fullmatch(shape.metadata["pattern"], name)
        assert len(name) <= shape.metadata["max"]


def test_a_second_delivery_of_the_same_time_starts_nothing(world):
    first = world.run(SLOT)
    assert world.run(SLOT, SimpleNamespace(aws_request_id="another")) == first
    assert list(world.jobs) == [SCHEDULED]
    world.run({**SLOT, "time": "2026-11-22T03:00:00Z"})
    assert len(world.jobs) == 2


def test_a_retry_of_a_request_starts_nothing_and_another_request_does(world):
    request = {"input": f"{INPUT}2026-11.csv"}
    first = world.run(request)
    assert world.run(request) == first == {"job": ASKED, "output": f"{OUTPUT}{ASKED}/", "reason": ""}
    world.run(request, SimpleNamespace(aws_request_id="7c9e6679-7425-40de-944b-e07fc1f90ae7"))
    assert len(world.jobs) == 2


def test_input_and_output_are_what_was_asked_for(world):
    request = {"input": f"{INPUT}2026-11.csv", "output": f"{OUTPUT}november"}
    assert world.run(request)["output"] == f"{OUTPUT}november"
    [job] = world.jobs.values()
    assert job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] == f"{INPUT}2026-11.csv"
    assert job["TransformOutput"]["S3OutputPath"] == f"{OUTPUT}november"


@pytest.mark.parametrize(
    ("suffix", "content_type", "compression", "strategy"),
    [
        ("csv", "text/csv", "None", "MultiRecord"),
        ("csv.gz", "text/csv", "Gzip", "MultiRecord"),
        ("jsonl", "application/json", "None", "SingleRecord"),
        ("jsonl.gz", "application/json", "Gzip", "SingleRecord"),
    ],
)
def test_the_suffix_says_how_a_file_is_read(world, suffix, content_type, compression, strategy):
    world.keys = ["loan_approval/batch/input/", *(f"loan_approval/batch/input/{each}.{suffix}" for each in "ab")]
    world.run({"input": INPUT})
    [job] = world.jobs.values()
    assert job["TransformInput"]["ContentType"] == job["TransformOutput"]["Accept"] == content_type
    assert (job["TransformInput"]["CompressionType"], job["BatchStrategy"]) == (compression, strategy)
    assert (job["TransformInput"]["SplitType"], job["TransformOutput"]["AssembleWith"]) == ("Line", "Line")


def test_volumes_that_hardware_encrypts_get_no_key(batch_scoring):
    resources = batch_scoring.job.Resources("ml.g5.xlarge", 1, 1, 6, KEY, "")
    job = batch_scoring.job.Job("j", "m", batch_scoring.job.Place("b", "k"), ".csv", batch_scoring.job.Place("b", "o"))
    assert "VolumeKmsKeyId" not in batch_scoring.job.arguments(job, resources)["TransformResources"]


REFUSALS = [
    ({"input": "november.csv"}, {}, "input: 'november.csv' is not below s3://data/loan_approval/batch/input/"),
    ({"input": "s3://other/loan_approval/batch/input/a.csv"}, {}, "input: .* is not below"),
    ({"input": f"{INPUT}../../secret.csv"}, {}, "input: .* is not below"),
    ({"input": INPUT, "output": "s3://data/loan_approval/"}, {}, "output: .* is not below s3://data/.*/batch/output/"),
    ({"input": f"{INPUT}missing.csv"}, {}, "input: there is no file at s3://data/.*/missing.csv$"),
    ({"input": INPUT}, {"keys": ["loan_approval/batch/input/"]}, "input: there is no file at "),
    (
        {"input": INPUT},
        {"keys": [f"loan_approval/batch/input/{each}" for each in ("a.csv", "b.jsonl")]},
        "input: '.*a.csv' is .csv and '.*b.jsonl' is .jsonl: keep them under two prefixes",
    ),
    (
        {"input": INPUT},
        {"keys": ["loan_approval/batch/input/a.parquet"]},
        "input: '.*a.parquet' is no .csv, .jsonl file, nor one of those compressed",
    ),
    (
        {"input": f"{INPUT}a.csv"},
        {"keys": [f"loan_approval/batch/input/{each}" for each in ("a.csv", "a.csv.old.csv")]},
        "input: .*/a.csv is also how '.*a.csv.old.csv' begins",
    ),
    ({"input": INPUT}, {"outputs": {"ChampionPackage": "none"}}, "no version of loan-approval serves in prod: approve"),
    ({"input": INPUT}, {"deployed": False}, "no version of loan-approval serves in prod: approve one first"),
]


@pytest.mark.parametrize(("request_", "state", "reason"), REFUSALS)
def test_what_cannot_be_scored_is_refused_in_one_line(world, request_, state, reason):
    vars(world).update(state)
    answer = world.run(request_)
    assert (answer["job"], answer["output"], world.jobs, world.told) == ("", "", {}, [])
    assert re.match(reason, answer["reason"])
    assert "\n" not in answer["reason"]


def test_people_hear_that_a_scheduled_run_could_not_start(world):
    world.outputs = {"ChampionPackage": "none"}
    assert world.run(SLOT)["job"] == ""
    [message] = world.told
    assert message["Subject"] == "[prod] loan-approval: scheduled batch scoring was not started"
    assert "Why: no version of loan-approval serves in prod: approve one first.\n" in text(message)
    assert f"`mlops batch {INPUT}`" in text(message)


def test_people_hear_that_a_job_failed_and_where_to_look(world):
    event = json.loads((sample_folder() / "events" / "transform_job.json").read_text())
    event["detail"] |= {"TransformJobName": SCHEDULED, "TransformJobStatus": "Failed", "FailureReason": "row 7"}
    assert world.run(event) == {"job": SCHEDULED, "output": "", "reason": "Failed: row 7"}
    [message] = world.told
    assert message["Subject"] == "[prod] loan-approval: batch scoring failed"
    assert "Why: row 7.\n" in text(message)
    assert f"{SCHEDULED}/* of log group /aws/sagemaker/TransformJobs" in text(message)


def test_a_stopped_job_has_no_reason_of_its_own(world):
    detail = {"TransformJobName": "j", "TransformJobStatus": "Stopped"}
    world.run({"detail-type": "SageMaker Transform Job State Change", "detail": detail})
    assert "Why: SageMaker gave no reason.\n" in text(world.told[0])


def test_what_a_retry_may_mend_is_raised(world):
    def full(parameters):
        raise refusal("ResourceLimitExceeded", "The account-level service limit is 0 Instances")

    world.clients["sagemaker"].answers = {"create_transform_job": full}
    with pytest.raises(ClientError, match="ResourceLimitExceeded"):
        world.run(SLOT)
    assert world.told == []


JOB = "SageMaker Transform Job State Change"


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("now", "payload: 'now', expected an object with \"input\""),
        ({}, "input: None, expected an S3 URI"),
        ({"input": ""}, "input: '', expected an S3 URI"),
        ({"input": 1}, "input: 1, expected an S3 URI"),
        ({"input": INPUT, "output": None}, "output: None, expected an S3 URI"),
        ({"input": INPUT, "model": "x"}, "model: 'x', expected no member but input and output"),
        ({"detail-type": "Other"}, "detail-type: 'Other', expected Scheduled Event or SageMaker Transform"),
        ({**SLOT, "time": "today"}, "time: 'today', expected a time in UTC"),
        ({"detail-type": JOB}, "detail: None, expected an object"),
        ({"detail-type": JOB, "detail": {}}, "detail.TransformJobName: None, expected a job's name"),
        (
            {"detail-type": JOB, "detail": {"TransformJobName": "j", "TransformJobStatus": "Completed"}},
            "detail.TransformJobStatus: 'Completed', expected Failed or Stopped",
        ),
    ],
)
def test_malformed_event_is_refused_before_any_call(world, batch_scoring, event, message):
    with pytest.raises(batch_scoring.payload.MalformedRequestError) as error:
        world.run(event)
    assert str(error.value).startswith(message)
    assert all(client.calls == [] for client in world.clients.values())


def test_missing_variables_are_all_named(batch_scoring):
    with pytest.raises(batch_scoring.environment.ConfigurationError, match=r"PROJECT, ENVIRONMENT, MODEL, .*RESOURCES"):
        batch_scoring.gateway.Settings.read({})
