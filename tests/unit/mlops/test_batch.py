"""`mlops batch`: starts a transform job through the function, and follows it."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from mlops.__main__ import main
from mlops.commands import batch
from tests.unit.mlops.world import World

SOURCE = "s3://data/loan_approval/batch/in/"


def job(status: str, **more: str) -> dict[str, object]:
    return {"TransformJobStatus": status, "TransformOutput": {"S3OutputPath": "s3://data/out/"}, **more}


@pytest.fixture
def started(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    world.functions.answer = {"job": "job-1", "output": "s3://data/out/", "reason": ""}
    monkeypatch.setattr(batch, "time", SimpleNamespace(sleep=lambda _: None, monotonic=iter(range(99)).__next__))
    return world


def test_the_function_gets_only_what_was_given(started: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["batch", SOURCE]) == 0
    assert main(["batch", SOURCE, "--output", "s3://data/out/"]) == 0
    assert started.functions.asked == [
        ("batch", {"input": SOURCE}),
        ("batch", {"input": SOURCE, "output": "s3://data/out/"}),
    ]
    assert "transform job job-1 has started; it writes to s3://data/out/" in capsys.readouterr().out


def test_a_job_is_followed_to_its_end(started: World, capsys: pytest.CaptureFixture[str]) -> None:
    started.registry.jobs = [job("InProgress"), job("InProgress"), job("Completed")]
    assert main(["batch", SOURCE, "--wait"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "transform job job-1 is InProgress",
        "transform job job-1 is Completed: s3://data/out/",
    ]


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_a_job_that_ends_badly_says_why(started: World, capsys: pytest.CaptureFixture[str], status: str) -> None:
    started.registry.jobs = [job(status, FailureReason="row 7: GrAppv is missing")]
    assert main(["batch", SOURCE, "--wait"]) == 1
    assert capsys.readouterr().err == (
        f"mlops: transform job job-1: {status}: row 7: GrAppv is missing; its log: /aws/sagemaker/TransformJobs, "
        "streams job-1/…\n"
    )


def test_a_job_that_takes_longer_is_not_a_failure(started: World, capsys: pytest.CaptureFixture[str]) -> None:
    started.registry.jobs = [job("InProgress")]
    assert main(["batch", SOURCE, "--wait", "--timeout", "3"]) == 3
    assert capsys.readouterr().err == "mlops: transform job job-1: InProgress after 3 s; it goes on by itself\n"


def test_a_reason_not_to_start_is_told(started: World, capsys: pytest.CaptureFixture[str]) -> None:
    started.functions.answer = {"job": "", "output": "", "reason": "no version serves in local: approve one first"}
    assert main(["batch", SOURCE]) == 1
    assert capsys.readouterr().err == "mlops: batch: no version serves in local: approve one first\n"


def test_an_error_of_the_function_is_told(started: World, capsys: pytest.CaptureFixture[str]) -> None:
    started.functions.answer, started.functions.error = {"errorMessage": "input: 5, expected an S3 URI"}, True
    assert main(["batch", SOURCE]) == 1
    assert capsys.readouterr().err == "mlops: function batch: input: 5, expected an S3 URI\n"


@pytest.mark.parametrize("uri", ["loans.csv", "s3://", "http://data/in"])
def test_only_addresses_in_s3_are_taken(started: World, capsys: pytest.CaptureFixture[str], uri: str) -> None:
    assert main(["batch", uri]) == 2
    assert "not an S3 address; give s3://<bucket>/<key or prefix>" in capsys.readouterr().err
    assert started.functions.asked == []


def test_where_batch_is_switched_off_nothing_is_asked(
    started: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = started.target.settings
    off = settings.model_copy(update={"batch": settings.batch.model_copy(update={"enabled": False})})
    monkeypatch.setattr(batch.target, "find", lambda *_, found=started.target: replace(found, settings=off))
    assert main(["batch", SOURCE]) == 1
    assert "batch scoring is switched off; set batch.enabled = true and deploy" in capsys.readouterr().err
    assert started.functions.asked == []


def test_where_batch_is_not_deployed_it_says_what_to_deploy(started: World, capsys: pytest.CaptureFixture[str]) -> None:
    started.stacks.stacks[started.names.release_stack] = {}
    assert main(["batch", SOURCE]) == 1
    assert "has no output BatchFunctionName" in capsys.readouterr().err
