"""How a step begins and ends."""

import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from monitoring.steps import job


@pytest.fixture
def message(tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    return tmp_path / "output" / "message"


def failing(error):
    def main():
        raise error

    return main


def told(monkeypatch, **environment):
    """What a container gets of its region; the rest of the test's environment is put back afterwards."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def regions_of(clients):
    return lambda: clients.extend(boto3.session.Session().client(name) for name in ("ssm", "cloudwatch", "events"))


def test_a_step_finds_its_region_where_sagemaker_tells_it(message, monkeypatch):
    told(monkeypatch, AWS_REGION="eu-central-1", AWS_CONFIG_FILE=os.devnull)
    clients = []
    job.run(regions_of(clients))
    assert {client.meta.region_name for client in clients} == {"eu-central-1"}


def test_a_region_that_boto3_knows_already_stays(message, monkeypatch):
    told(monkeypatch, AWS_REGION="eu-central-1", AWS_DEFAULT_REGION="eu-west-1")
    clients = []
    job.run(regions_of(clients))
    assert {client.meta.region_name for client in clients} == {"eu-west-1"}


def test_a_step_that_ends_well_leaves_no_message(message):
    job.run(lambda: None)
    assert not message.exists()


def test_the_reason_of_a_failure_is_the_jobs_exit_message(message, capsys):
    with pytest.raises(SystemExit, match="1"):
        job.run(failing(job.StepError("parameter /champion: does not exist")))
    assert message.read_text() == "parameter /champion: does not exist"
    assert capsys.readouterr().err == "parameter /champion: does not exist\n"


def test_an_unexpected_error_is_named_and_goes_on(message):
    with pytest.raises(PermissionError):
        job.run(failing(PermissionError("s3:GetObject")))
    assert message.read_text() == "PermissionError: s3:GetObject"


def test_a_message_is_cut_at_what_sagemaker_keeps_and_never_within_a_letter(message):
    with pytest.raises(SystemExit):
        job.run(failing(job.StepError("é" * 600)))
    assert message.read_text() == "é" * 512


@pytest.mark.parametrize("failure", [job.StepError, ValueError])
def test_half_a_character_in_what_a_step_says_does_not_end_it(message, failure):
    """Run as SageMaker runs it: standard output is a pipe that takes UTF-8."""
    code = (
        "from monitoring.steps import job\n"
        "def main():\n"
        "    print('State: \\ud800X rose')\n"
        f"    raise {'job.StepError' if failure is job.StepError else 'ValueError'}('value \\ud800')\n"
        "job.run(main)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(job.__file__).parents[2])}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert ended.returncode == 1
    assert ended.stdout == "State: \\ud800X rose\n"
    assert "value \\ud800" in ended.stderr
    assert message.read_text().endswith("value \\ud800")
