"""The command line as a whole: exit codes, one line for an error, options that every command has."""

from typing import Any

import pytest

from mlops import demo
from mlops.__main__ import main
from mlops.commands import status
from mlops.errors import CommandError, NotYet, UsageError
from tests.unit.mlops.world import World, refused


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (CommandError("it is broken"), 1, "mlops: it is broken"),
        (UsageError("--model x: not there"), 2, "mlops: --model x: not there"),
        (NotYet("not yet"), 3, "mlops: not yet"),
        (refused("DescribeStacks", "AccessDenied", "no"), 1, "mlops: DescribeStacks: AccessDenied: no"),
        (PermissionError(13, "Permission denied", "x"), 1, "mlops: [Errno 13] Permission denied: 'x'"),
        (KeyboardInterrupt(), 130, "mlops: interrupted"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, line: str
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(status.target, "find_all", fail)
    assert main(["status"]) == code
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"{line}\n")


@pytest.mark.parametrize(
    "arguments",
    [[], ["approve"], ["approve", "first"], ["approve", "0"], ["history", "--limit", "-1"], ["rollback", "--to", "3"]],
)
def test_what_the_command_line_does_not_know_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: mlops" in capsys.readouterr().err


def test_a_setting_that_is_wrong_is_a_usage_error(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--env", "moon"]) == 2
    assert 'env = "moon": no such environment' in capsys.readouterr().err


@pytest.mark.parametrize("keep", [True, False])
def test_the_demo_is_run_as_asked(monkeypatch: pytest.MonkeyPatch, keep: bool) -> None:
    monkeypatch.setattr(demo, "run_demo", lambda **given: 7 if given == {"keep": keep} else 8)
    assert main(["demo", *(["--keep"] if keep else [])]) == 7


@pytest.mark.parametrize(
    "command",
    [
        "status",
        "history",
        "approve",
        "reject",
        "pause",
        "resume",
        "promote",
        "rollback",
        "release",
        "outcomes",
        "batch",
    ],
)
def test_every_command_has_the_same_options_and_says_what_it_does(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for option in ("--env ENV", "--model MODEL", "--json"):
        assert option in text
