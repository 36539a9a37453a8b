"""What a job leaves when it has ended."""

import threading
from types import SimpleNamespace

import pytest

from local_aws.sagemaker import jobs


def test_who_waits_for_a_job_whose_row_is_gone_does_not_wait_for_ever(tmp_path, monkeypatch):
    rows = iter([{"arn": "a"}])

    class Job:
        ctx = None
        kind = SimpleNamespace(arn=lambda row: row["arn"])
        row = property(lambda self: next(rows))
        root, log, done = tmp_path, SimpleNamespace(close=lambda: None), threading.Event()

    monkeypatch.setattr(jobs, "_outcome", lambda job, work: ("Completed", {}))
    job = Job()
    monkeypatch.setitem(jobs._running, "a", job)
    with pytest.raises(StopIteration):
        jobs._run(job, lambda job: {})
    assert job.done.is_set()
    assert "a" not in jobs._running
