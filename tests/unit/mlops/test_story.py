"""What the demo makes of the controller's decisions, and of a model's archive."""

import io
import json
import tarfile
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mlops.console import Clock
from mlops.demo.story import SLIP, Story, summarize, with_code
from mlops.ledger import Entry


def entry(kind: str, stage: str = "", decision: str = "", samples: int = 100) -> Entry:
    verdict: dict[str, Any] | None = None
    if decision:
        verdict = {"decision": decision, "samples": samples, "horizon": 400, "estimate": 0.05, "low": 0.01,
                   "high": 0.09, "looks": 3}  # fmt: skip
    return Entry(f"0000000001#{kind}", datetime(2026, 11, 21, tzinfo=UTC), kind, "", 2, stage, "", verdict)


def test_a_verdict_is_of_the_stage_that_it_ended() -> None:
    told = [
        entry("begin", "shadow"),
        entry("look", "shadow", "continue"),
        entry("begin", "challenger", "better", 120),
        entry("begin", "promote", "better", 300),
        entry("done", "promote"),
    ]
    found = summarize(2, told, champion=True)
    assert found["strategy"] == ["shadow", "challenger"]
    assert (found["verdict"], found["samples"], found["outcome"]) == ("better", 420, "promoted")
    assert [(stage["stage"], stage["samples"]) for stage in found["stages"]] == [("shadow", 120), ("challenger", 300)]


def test_the_looks_before_a_verdict_are_the_course_of_its_stage() -> None:
    told = [
        entry("begin", "shadow"),
        entry("look", "shadow", "continue", 60),
        entry("look", "shadow", "continue", 90),
        entry("begin", "promote", "better", 120),
        entry("look", "promote"),
    ]
    (stage,) = summarize(2, told, champion=True)["stages"]
    assert stage["samples"] == 120
    assert stage["course"][0] == {"samples": 60, "estimate": 0.05, "low": 0.01, "high": 0.09}
    assert [each["samples"] for each in stage["course"]] == [60, 90]


@pytest.mark.parametrize("champion", [None, {"auc": {"value": 0.62029}}])
def test_what_the_pipeline_measured_is_told_with_the_champion_on_the_same_loans(champion: Any) -> None:
    body = io.BytesIO(json.dumps({"champion": champion}).encode())
    asked: list[str] = []

    def get_object(**of: str) -> dict[str, Any]:
        asked.append(f"{of['Bucket']}/{of['Key']}")
        return {"Body": body}

    s3 = SimpleNamespace(get_object=get_object)
    target: Any = SimpleNamespace(clients=lambda _service: s3, names=SimpleNamespace(folder="loan_approval"))
    told = Story(cast(Any, None), target, "", "", "artifacts", None)
    metadata = {
        "pipeline_execution": "abc",
        "test_auc": "0.70556",
        "train_from": "2003-01-01",
        "train_to": "2004-09-30",
    }
    found = told._learned({"CustomerMetadataProperties": metadata})
    assert asked == ["artifacts/loan_approval/runs/abc/EvaluateModel/evaluation/evaluation.json"]
    assert (found["test_auc"], found["champion_auc"]) == (0.7056, 0.6203 if champion else None)
    assert found["learned"] == {"from": "2003-01-01", "to": "2004-09-30"}


def test_of_a_version_made_by_hand_nothing_was_measured() -> None:
    nobody: Any = None
    assert Story(nobody, nobody, "", "", "", nobody)._learned({"ModelPackageVersion": 4}) == {}


def test_a_loser_names_its_verdict() -> None:
    found = summarize(3, [entry("begin", "shadow"), entry("lost", "shadow", "worse")], champion=False)
    assert (found["strategy"], found["verdict"], found["outcome"]) == (["shadow"], "worse", "lost")


def test_a_decision_is_told_with_the_stage_that_the_version_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    unused: Any = None
    story = Story(cast(Any, SimpleNamespace(clock=Clock())), unused, "", "", "", unused)
    for each in (entry("begin", "shadow"), entry("write", "shadow"), entry("begin", "challenger", "better", 120)):
        story._tell(each)
    first, second = capsys.readouterr().out.splitlines()
    assert "controller           version 2 begins as shadow: " in first
    assert (
        "version 2: shadow to challenger: better than the champion, success rate +5.0 points (+1.0 to +9.0)" in second
    )


def test_a_hotfix_that_was_rolled_back_was_compared_with_nobody() -> None:
    found = summarize(4, [entry("begin", "promote"), entry("revert", "promote")], champion=False)
    assert (found["strategy"], found["verdict"], found["outcome"]) == (["replace"], None, "rolled back")


def test_the_slip_is_all_that_changes_in_an_archive() -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, text in (("xgboost-model", "trees"), ("code/inference.py", "def predict_fn(c, m): ...\n")):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    with tarfile.open(fileobj=io.BytesIO(with_code(archive.getvalue(), SLIP))) as tar:
        contents = {member.name: tar.extractfile(member).read().decode() for member in tar}  # type: ignore[union-attr]
    assert contents == {"xgboost-model": "trees", "code/inference.py": "def predict_fn(c, m): ...\n" + SLIP}
