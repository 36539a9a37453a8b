"""A run of the demo names the phase that failed, and always leaves a whole summary."""

import json
import re
from pathlib import Path

import pytest

from mlops import demo
from mlops.cdk import ROOT
from mlops.demo import story
from mlops.demo.phases import Run
from mlops.demo.plan import PHASES
from stacks.settings import load


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


def test_a_phase_of_the_plan_says_how_far_it_is_and_why_it_is_worth_watching(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path / "summary.json")
    with run.phase("deploy"):
        pass
    said = capsys.readouterr().out
    assert f"3 of {len(PHASES)}  {PHASES['deploy'][0]}" in said
    assert PHASES["deploy"][1] in said


def test_the_plan_has_each_phase_of_the_demo_in_its_order() -> None:
    """So that "3 of 13" is true."""
    source = Path(demo.__file__).read_text()
    called = re.findall(r'run\.phase\("(\w+)"\)', source)
    inner = ["months", "retrained", "after"]  # those of a function of their own
    assert [name for name in called if name not in inner] == [name for name in PHASES if name not in inner]
    assert [name for name in called if name in inner] == inner == list(PHASES)[6:9]


def test_a_release_waits_longer_than_a_controller_that_was_cut_off_keeps_its_lock() -> None:
    """A demo on the state of a killed one finds the lock held, and then only the schedule wakes the controller."""
    lock = (ROOT / "lambdas/shared/lock.py").read_text()
    lease = int(re.findall(r"^LEASE_SECONDS = (\d+)$", lock, re.MULTILINE)[0])
    settings = load(ROOT / "config", demo.STAGE).models[demo.MODEL]
    least = lease + 60 * settings.release.schedule_minutes + settings.serving.deployment.max_timeout_seconds / 10
    assert least <= demo.RELEASE_TIMEOUT_SECONDS
    assert least <= story.TIMEOUT_SECONDS
