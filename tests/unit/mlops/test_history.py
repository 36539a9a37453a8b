"""`mlops history`: the ledger, newest first, whatever the order of its keys."""

import importlib.util
import json
import sys
from dataclasses import replace

import pytest

from mlops import ledger, target, words
from mlops.__main__ import main
from mlops.cdk import ROOT
from mlops_constructs.naming import EnvironmentNames
from tests.unit.mlops.world import LOOK, TABLE, World


def keys(world: World, limit: int) -> list[str]:
    return [entry.key.partition("#")[2] for entry in ledger.newest(world.dynamodb, TABLE, "loan-approval", limit)]


def test_entries_of_one_generation_come_by_time_and_not_by_name(world: World) -> None:
    world.note(8, "begin#4#shadow", 4, minutes=0)
    for look in range(1, 13):
        world.note(9, f"look#2#{look * 100}", 4, minutes=look)
    assert keys(world, 3) == ["look#2#1200", "look#2#1100", "look#2#1000"]
    assert keys(world, 100)[-1] == "begin#4#shadow"


def test_other_models_and_locks_are_not_in_it(world: World) -> None:
    world.note(8, "done#4", 4)
    for other in ("lock#loan-approval", "other"):
        world.dynamodb.put_item(TableName=TABLE, Item={"model": {"S": other}, "entry": {"S": "lock"}})
    assert keys(world, 10) == ["done#4"]


def test_what_the_controller_appends_is_what_is_read(world: World) -> None:
    spec = importlib.util.spec_from_file_location("controller_ledger", ROOT / "lambdas/release_controller/ledger.py")
    assert spec and spec.loader
    controller = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(controller)
    package, verdict = world.registry.arn(4), json.dumps(LOOK)
    entry = controller.Entry(
        17, "end#4", "2026-11-21T09:05:00.123Z", "end", package, 4, "shadow", "lost.", verdict, "{}", True
    )
    appended = controller.Ledger(world.dynamodb, TABLE, "loan-approval")
    appended.append(entry)
    appended.append(replace(entry, key="note#5", verdict="", stage=""))
    read, without = sorted(ledger.newest(world.dynamodb, TABLE, "loan-approval", 9), key=lambda each: each.key)
    assert (read.generation, read.kind, read.package, read.version) == (17, "end", package, 4)
    assert (read.at.isoformat(), read.stage) == ("2026-11-21T09:05:00.123000+00:00", "shadow")
    assert (read.reason, read.verdict) == ("lost.", LOOK)
    assert (without.verdict, without.stage) == (None, "")


def test_an_entry_is_told_with_its_verdict_in_words(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.note(8, "begin#4#shadow", 4, stage="shadow", reason="it is the newest approved version")
    world.note(
        9, "end#4", 4, minutes=5, stage="shadow", reason="lost.", verdict=json.dumps(LOOK | {"decision": "worse"})
    )
    assert main(["history"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2026-11-21 09:05:00  end          version 4    shadow      lost.",
        f"{'':21}worse: +1.2 points (-0.4 to +2.9); 6,120 of 24,594 outcomes (25 % of the information), look 12",
        "2026-11-21 09:00:00  begin        version 4    shadow      it is the newest approved version",
    ]


def test_a_verdict_is_told_once_where_it_is_the_reason(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    figures = LOOK | {"decision": "worse", "explanation": "The candidate is worse: Z is -2.5."}
    reason = f"time is up. {figures['explanation']}"
    world.note(9, "lost#4", 4, stage="shadow", reason=reason, verdict=json.dumps(figures))
    assert main(["history"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2026-11-21 09:00:00  lost         version 4    shadow      time is up. "
        "worse: +1.2 points (-0.4 to +2.9); 6,120 of 24,594 outcomes (25 % of the information), look 12",
    ]


def test_a_plan_that_takes_longer_than_planned_names_no_number_to_reach() -> None:
    """Pairs are planned from how often the two models are expected to differ: they may differ less."""
    assert words.verdict(LOOK | {"samples": 30000, "progress": 0.1}) == (
        "undecided so far: +1.2 points (-0.4 to +2.9); 30,000 outcomes (10 % of the information), look 12"
    )


def test_steps_that_follow_from_a_decision_are_shown_when_asked_for(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.note(7, "begin#4", 4)
    for number in range(30):
        world.note(8 + number, f"look#2#{number}", 4, minutes=number + 1, verdict=json.dumps(LOOK))
    world.note(90, "write#candidate", 4, minutes=60)
    assert main(["history", "--limit", "1"]) == 0
    assert capsys.readouterr().out.splitlines() == ["2026-11-21 09:00:00  begin        version 4                so"]
    assert main(["history", "--limit", "2", "--steps"]) == 0
    assert [line.split()[2] for line in capsys.readouterr().out.splitlines()[:2]] == ["write", "look"]


def test_the_limit_is_kept_and_json_has_the_figures(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.note(8, "begin#4#shadow", 4)
    world.note(9, "look#2#100", 4, verdict=json.dumps(LOOK))
    assert main(["history", "--limit", "1", "--steps", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["entries"]
    assert (entry["kind"], entry["version"], entry["verdict"]["samples"]) == ("look", 4, 6120)
    assert entry["at"] == "2026-11-21T09:00:00+00:00"


def test_an_empty_ledger_says_how_to_begin(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history"]) == 0
    assert capsys.readouterr().out == "loan-approval in local: the ledger is empty; approve a version to begin\n"


def test_without_a_model_each_has_its_decisions_below_its_name(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = world.target
    second = replace(first, names=EnvironmentNames("mlops", "local").model("mortgage_approval"))
    monkeypatch.setattr(target, "find_all", lambda *_: [first, second])
    world.note(8, "begin#4#shadow", 4, stage="shadow", reason="it is the newest approved version")
    assert main(["history"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "loan-approval in local",
        "2026-11-21 09:00:00  begin        version 4    shadow      it is the newest approved version",
        "",
        "mortgage-approval in local",
        "mortgage-approval in local: the ledger is empty; approve a version to begin",
    ]
    assert main(["history", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["models"]["loan-approval"]["entries"][0]["version"] == 4
    assert answer["models"]["mortgage-approval"] == {"entries": []}


def test_an_environment_without_a_ledger_says_what_to_deploy(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.stacks.stacks.clear()
    assert main(["history"]) == 1
    assert capsys.readouterr().err == (
        "mlops: stack mlops-local-foundation: does not exist; deploy it: "
        "npx cdk deploy mlops-local-foundation -c env=local\n"
    )
