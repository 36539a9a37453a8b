"""The command line as a whole: exit codes, one line for an error, options that every command has."""

import subprocess
import sys
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

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
        (
            EndpointConnectionError(endpoint_url="http://127.0.0.1:1/"),
            1,
            'mlops: Could not connect to the endpoint URL: "http://127.0.0.1:1/"; check the network, or whether the '
            "local AWS still runs: python -m local_aws status",
        ),
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


def test_a_reader_that_has_seen_enough_is_no_failure_to_tell() -> None:
    """As with `mlops status --json | head -1`: neither a message nor a traceback."""
    code = (
        "from mlops import __main__ as it\n"
        "from mlops.commands import status\n"
        "status.target.find_all = lambda *_: print('x' * 10**6, flush=True) or []\n"
        "raise SystemExit(it.main(['status', '--json']))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


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
        "lineage",
        "card",
        "review",
        "audit",
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
