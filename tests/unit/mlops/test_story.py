"""What the demo makes of the controller's decisions, and of a model's archive."""

import io
import tarfile
from datetime import UTC, datetime
from typing import Any

from mlops.demo.story import SLIP, summarize, with_code
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


def test_a_loser_names_its_verdict() -> None:
    found = summarize(3, [entry("begin", "shadow"), entry("lost", "shadow", "worse")], champion=False)
    assert (found["strategy"], found["verdict"], found["outcome"]) == (["shadow"], "worse", "lost")


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
