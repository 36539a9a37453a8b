"""What the demo asks of the platform's evidence, and when it takes no for an answer."""

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlops import evidence, pipelines, releases
from mlops.cdk import ROOT
from mlops.demo import governance
from mlops.demo.governance import Auditor, train_mortgages
from mlops.demo.phases import Run
from mlops.errors import CommandError

ANSWERS: dict[str, Any] = {
    "reproduce": {"outcome": "equal", "comparison": {"same": 3}},
    "lineage VERSION": {
        "graph": {"nodes": [1, 2], "edges": [3]},
        "missing": [],
        "manifest": {"data": {"sha256": "ab"}},
    },
    "lineage --predictions": {"predictions": 7},
    "lineage --data": {"used_by": [{"model": "loan-approval", "version": 1}], "disagreements": []},
    "card": {"card": {"ModelCardStatus": "Approved", "ModelCardVersion": 2}},
    "audit": {"releases": [{"version": 1, "gaps": 0}, {"version": 4, "gaps": 7}]},
}


@pytest.fixture
def auditor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Auditor]:
    """Asks a platform that answers ANSWERS, with changes."""
    target: Any = SimpleNamespace(clients=lambda _service: None, names=None, ledger="")
    chain = SimpleNamespace(revisions=(1, 2, 3), problems=())
    for name, value in {
        "bucket": lambda _target: "evidence",
        "newest": lambda *_: {"releases": ["one"]},
        "noted": lambda *_: {},
        "chain": lambda *_: chain,
    }.items():
        monkeypatch.setattr(evidence, name, value)

    def make(**changes: Any) -> Auditor:
        def answer(_self: Auditor, *words: object, model: bool = True) -> Any:
            options = {"--predictions", "--data"} & set(words)
            kind = "VERSION" if words[0] == "lineage" and not options else next(iter(options), "")
            name = f"{words[0]} {kind}".strip()
            return changes.get(str(words[0]), ANSWERS[name])

        monkeypatch.setattr(Auditor, "_command", answer)
        return Auditor(Run(tmp_path / "summary.json"), target, ROOT / "build")

    return make


def test_the_summary_holds_what_was_answered(auditor: Callable[..., Auditor]) -> None:
    found = auditor().ask(1)
    assert found["reproduced"] == {"outcome": "equal", "files": 3}
    assert found["data"] == {"sha256": "ab", "used_by": ["loan-approval 1"], "disagreements": []}
    assert (found["lineage"]["nodes"], found["lineage"]["predictions"]) == (2, 7)
    assert found["audit"]["gaps"] == {"1": 0, "4": 7}
    assert found["manifest"] == {"revisions": 3}


def test_the_others_are_asked_while_a_version_is_made_again(
    auditor: Callable[..., Auditor], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, audited = auditor(), threading.Event()
    answer = asked._command

    def ask(self: Auditor, *words: object, model: bool = True) -> Any:
        if words[0] == "audit":
            audited.set()
        assert words[0] != "reproduce" or audited.wait(5), "the audit waits for the reproduction"
        return answer(*words, model=model)

    monkeypatch.setattr(Auditor, "_command", ask)
    assert asked.ask(1)["reproduced"]["outcome"] == "equal"


@pytest.mark.parametrize(
    ("command", "answer", "said"),
    [
        ("reproduce", {"outcome": "different", "missing": []}, "version 1 could not be made again"),
        ("audit", {"releases": [{"version": 1, "gaps": 2}]}, "version 1: 2 gaps in its evidence"),
    ],
)
def test_an_answer_that_no_auditor_accepts_fails_the_demo(
    auditor: Callable[..., Auditor], command: str, answer: Any, said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        auditor(**{command: answer}).ask(1)


def test_a_broken_chain_fails_the_demo(auditor: Callable[..., Auditor], monkeypatch: pytest.MonkeyPatch) -> None:
    broken = SimpleNamespace(revisions=(1,), problems=("revision 2 is gone",))
    asked = auditor()
    monkeypatch.setattr(evidence, "chain", lambda *_: broken)
    with pytest.raises(CommandError, match="revision 2 is gone"):
        asked.ask(1)


def test_a_version_without_a_record_is_waited_for_and_then_named(
    auditor: Callable[..., Auditor], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = auditor()
    monkeypatch.setattr(governance, "RECORDED_SECONDS", 0)
    monkeypatch.setattr(evidence, "newest", lambda *_: {"releases": []})
    with pytest.raises(CommandError, match="version 1: no manifest with its release"):
        asked.ask(1)


def mortgages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *refused: bool, reason: str = "gate failed: DI is 0.79"
) -> tuple[Any, list[Any]]:
    """What comes of two trainings, of which these are refused, and the parameters that they were started with."""
    started: list[Any] = []

    def run(_clients: Any, _pipeline: str, parameters: Any, _say: Any) -> None:
        started.append(parameters)
        if refused[len(started) - 1]:
            raise CommandError(f"GateModel: {reason}")

    monkeypatch.setattr(pipelines, "run", run)
    monkeypatch.setattr(pipelines, "stop_running", lambda *_: [])
    monkeypatch.setattr(releases, "newest_version", lambda *_: {"ModelPackageVersion": 1})
    storage = SimpleNamespace(put_object=lambda **_: None)
    names = SimpleNamespace(folder="mortgage_approval", pipeline="training")
    target: Any = SimpleNamespace(clients=lambda _service: storage, names=names, package_group="group")
    found = train_mortgages(Run(tmp_path / "summary.json"), target, "data", {"Mitigation": "reweighing"})
    return found, started


def test_the_second_model_is_refused_first_and_registered_with_a_mitigation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found, started = mortgages(monkeypatch, tmp_path, True, False)
    assert found == {
        "refused": "GateModel: gate failed: DI is 0.79",
        "registered": 1,
        "with": {"Mitigation": "reweighing"},
    }
    assert [each.get("Mitigation") for each in started] == [None, "reweighing"]


@pytest.mark.parametrize("refused", [(False, False), (True, True)])
def test_a_gate_that_does_otherwise_fails_the_demo(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, refused: tuple[bool, bool]
) -> None:
    with pytest.raises(CommandError, match=r"limits of bias|DI is 0.79"):
        mortgages(monkeypatch, tmp_path, *refused)


def test_a_training_that_fails_otherwise_was_not_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="out of memory"):
        mortgages(monkeypatch, tmp_path, True, False, reason="out of memory")
