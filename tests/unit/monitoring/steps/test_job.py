"""How a step ends."""

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
