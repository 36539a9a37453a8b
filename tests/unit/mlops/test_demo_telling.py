"""What a newcomer reads while the demo runs, and at its end."""

import re
import shlex
from datetime import UTC, datetime
from typing import Any, NoReturn

import pytest

from mlops import __main__ as command_line
from mlops import aws, target
from mlops.commands import console
from mlops.console import Clock
from mlops.demo import telling
from mlops.errors import CommandError
from mlops.ledger import Entry
from monitoring import calibration

FOLLOWING = telling.try_next("loan-approval", 2, "mortgage-approval", 1)


def printed_commands(text: str) -> list[str]:
    """The `mlops` commands of what the demo prints: each until its explanation, which stands apart."""
    return re.findall(r"\.venv/bin/mlops .*?(?=  |$)", text, re.MULTILINE)


def reached(*_: object) -> NoReturn:
    """In the place of AWS: the command has been understood and has found what it is about."""
    raise CommandError("reached")


@pytest.mark.parametrize(
    ("text", "news"),
    [
        ("started", False),
        ("Invoking script with the following command: python3 -m train --eta 0.05", False),
        ("[50]\tvalidation-auc:0.63140", False),
        ("succeeded in 0.0 s", False),
        ("succeeded in 2.4 s", True),
        ("gate passed: AUC 0.7056 is at least the minimum 0.65", True),
        ("failed: started too late", True),
    ],
)
def test_of_a_training_only_what_came_of_it_is_told(text: str, news: bool) -> None:
    assert telling.is_news(text) is news


def test_a_step_is_told_in_one_line_that_does_not_fill_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    say = telling.steps(Clock())
    say("GateModel", "started")
    say("GateModel", "gate passed: " + "x" * 400)
    (said,) = capsys.readouterr().out.splitlines()
    assert "GateModel" in said and said.endswith("x…") and len(said) < 200


def test_a_look_says_how_far_the_comparison_has_come() -> None:
    verdict = {"samples": 600, "estimate": 0.04, "low": -0.0312, "high": 0.1112, "progress": 0.38}
    assert (
        telling.look(verdict) == "600 outcomes: +4.0 points (-3.1 to +11.1), 38 % of the evidence planned: not yet sure"
    )


@pytest.mark.parametrize(("seconds", "words"), [(42.4, "42 s"), (59.6, "1 min 0 s"), (498.1, "8 min 18 s")])
def test_durations_are_those_that_people_say(seconds: float, words: str) -> None:
    assert telling.duration(seconds) == words


@pytest.mark.parametrize("runs", [False, True])
def test_the_end_says_what_to_open_and_what_to_try_next(runs: bool, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = {"start": 1.0, "months": 90.0, "retrained": 60.0, "worse": 20.0}
    telling.end("build/demo", seconds, [("endpoint", "mlops-local-loan-approval")], FOLLOWING, runs=runs)
    said = capsys.readouterr().out
    assert "The loop is closed, in 2 min 51 s" in said
    assert "months 1 min 30 s, retrained 1 min 0 s, worse 20 s" in said
    assert "build/demo/report.html" in said and "build/demo/audit.html" in said
    assert (telling.START in said) is not runs
    assert telling.STOP in said
    assert printed_commands(said) == [command for command, _ in FOLLOWING]


def test_what_to_try_is_of_the_versions_of_this_run() -> None:
    """On a kept state the numbers go on: neither the promoted version is 2, nor the one that waits 1."""
    commands = [command for command, _ in telling.try_next("loan-approval", 6, "mortgage-approval", 3)]
    assert ".venv/bin/mlops lineage 6 --predictions --model loan-approval" in commands
    assert ".venv/bin/mlops approve 3 --wait --model mortgage-approval" in commands


@pytest.mark.parametrize("command", printed_commands(telling.LIVE) + [command for command, _ in FOLLOWING])
def test_a_printed_command_is_taken_as_it_stands(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the models of config/local.toml: it comes as far as having found what it is about."""
    monkeypatch.setattr(aws, "local_clients", lambda: reached)
    monkeypatch.setattr(console, "serving", reached)
    code = command_line.main(shlex.split(command)[1:])
    assert (code, capsys.readouterr().err) == (1, "mlops: reached\n")


def test_a_command_that_misses_its_model_would_be_seen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(aws, "local_clients", lambda: reached)
    assert command_line.main(["lineage", "2", "--predictions"]) == 2
    assert capsys.readouterr().err == (
        "mlops: --model: not given, and config/local.toml has loan-approval, mortgage-approval: "
        "mlops lineage 2 --predictions --model loan-approval\n"
    )


def test_the_demos_models_are_those_of_the_local_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "local_clients", lambda: None)
    names = [each.names.public for each in target.find_all("local", None)]
    assert {"loan-approval", "mortgage-approval"} <= set(names)


def entry(kind: str, stage: str, reason: str = "because", verdict: dict[str, Any] | None = None) -> Entry:
    return Entry(f"0000000001#{kind}", datetime(2026, 11, 21, tzinfo=UTC), kind, "", 2, stage, reason, verdict)


BETTER = {"decision": "better", "estimate": 0.0489, "low": 0.0025, "high": 0.0922, "samples": 900}
ALARMED = (
    "ServingEndpoint: Endpoint update failed: The deployment was rolled back: alarm(s) a-b went into ALARM; it was"
)


@pytest.mark.parametrize(
    ("decided", "before", "said"),
    [
        (entry("begin", "shadow", "it is the newest approved version"), "",
         "version 2 begins as shadow: it is the newest approved version"),
        (entry("begin", "challenger", "The candidate is better: Z*sqrt(t) is +2.36", BETTER), "shadow",
         "version 2: shadow to challenger: better than the champion, success rate +4.9 points (+0.2 to +9.2) after 900 "
         "applications that both answered"),
        (entry("begin", "promote", "The candidate is better", BETTER | {"samples": 2550}), "challenger",
         "version 2: challenger to champion: better than the champion, success rate +4.9 points (+0.2 to +9.2) after "
         "2,550 outcomes"),
        (entry("begin", "promote", "nothing serves yet"), "", "version 2 is to be champion: nothing serves yet"),
        (entry("lost", "shadow", "The candidate is worse", BETTER | {"decision": "worse"}), "shadow",
         "version 2 ends as shadow, lost: worse than the champion, success rate +4.9 points (+0.2 to +9.2) after 900 "
         "applications that both answered"),
        (entry("inconclusive", "challenger", "time is up", BETTER | {"decision": "no_difference"}), "challenger",
         "version 2 ends as challenger, inconclusive: time is up"),
        (entry("revert", "promote", ALARMED), "promote",
         "version 2 ends on its way to champion, rolled back: alarm(s) a-b went into ALARM"),
        (entry("revert", "promote", "no capacity"), "promote",
         "version 2 ends on its way to champion, rolled back: no capacity"),
        (entry("done", "promote", "the endpoint is InService"), "promote",
         "version 2 serves: the endpoint is InService"),
        (entry("hold", "shadow", "the split is wrong"), "shadow", "version 2, hold: the split is wrong"),
    ],
)  # fmt: skip
def test_a_decision_says_what_became_of_the_version(decided: Entry, before: str, said: str) -> None:
    assert telling.decision(decided, before) == said


def test_the_outcomes_of_a_month_are_charge_offs_among_loans() -> None:
    text = calibration._text(12, 1570, 3.2, 78, 15452, 0.0002)
    assert telling.outcomes("2004-05", 24, text) == (
        "loans of 2004-05: 12 of 1,570 charged off within 24 months of approval, 3.2 expected from the baseline "
        "(78 in 15,452): 3.8 times as many, p = 0.0002"
    )


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [("2003-01", "2003-12", "2003"), ("2007-12", "2008-11", "2007-12 to 2008-11"), ("2008-12", "2008-12", "2008-12")],
)
def test_a_whole_year_is_told_as_one(first: str, last: str, said: str) -> None:
    assert telling.period(first, last) == said
