"""A run of the demo names the phase that failed, and always leaves a whole summary."""

import json
from pathlib import Path

import pytest

from mlops.demo.phases import Run


def test_the_summary_names_the_failed_phase_and_keeps_what_was_measured(tmp_path: Path) -> None:
    run = Run(tmp_path / "demo" / "summary.json")
    with run.phase("deploy", "Deploy"):
        run.results["endpoint"] = "e"
    with pytest.raises(RuntimeError), run.phase("pipeline", "Train"):
        raise RuntimeError
    run.write()
    summary = json.loads(run.summary_file.read_text())
    assert summary["failed"] == "pipeline"
    assert summary["endpoint"] == "e"
    assert set(summary["seconds"]) == {"deploy", "pipeline"}


def test_a_summary_of_a_good_run_names_no_failure(tmp_path: Path) -> None:
    run = Run(tmp_path / "summary.json")
    with run.phase("deploy", "Deploy"):
        pass
    run.write()
    assert "failed" not in json.loads(run.summary_file.read_text())
