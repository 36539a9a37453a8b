"""What a newcomer reads while the demo runs, and at its end."""

import pytest

from mlops import __main__ as command_line
from mlops.console import Clock
from mlops.demo import telling


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
    telling.end("build/demo", seconds, [("endpoint", "mlops-local-loan-approval")], runs=runs)
    said = capsys.readouterr().out
    assert "The loop is closed, in 2 min 51 s" in said
    assert "months 1 min 30 s, retrained 1 min 0 s, worse 20 s" in said
    assert "build/demo/report.html" in said and "build/demo/audit.html" in said
    assert (telling.START in said) is not runs
    assert telling.STOP in said


@pytest.mark.parametrize("command", [name for name, _ in telling.NEXT])
def test_what_to_try_next_are_commands_that_there_are(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for word in command.split() if not word.startswith("-") and word.isalpha()]
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(command_line.main([*words, "--help"]))
    assert not ended.value.code
    options = {word for word in command.split() if word.startswith("--")}
    assert all(option in capsys.readouterr().out for option in options)
