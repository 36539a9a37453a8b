"""The command line as a whole: exit codes, one line for an error, options that every command has."""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from mlops import commands as command_line
from mlops import demo
from mlops.__main__ import main
from mlops.commands import history, later
from mlops.commands.group import Later
from mlops.console import console
from mlops.errors import CommandError, NotYet, UsageError
from tests.unit.mlops.world import World, refused

NAMES = {each.name for each in later()}
OF_THIS_MACHINE = {"demo", "console", "new-model"}
"""Commands that are of no environment, or always of the local one."""
OF_THE_WHOLE = {"bootstrap": {"--model"}, "teardown": {"--model"}, "doctor": {"--model"}}
"""Options that a command lacks, since it is of an environment with all of its models."""


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

    monkeypatch.setattr(history.target, "find_all", fail)
    assert main(["history"]) == code
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"{line}\n")


def test_a_reader_that_has_seen_enough_is_no_failure_to_tell() -> None:
    """As with `mlops history --json | head -1`: neither a message nor a traceback."""
    code = (
        "from mlops import __main__ as it\n"
        "from mlops.commands import history\n"
        "history.target.find_all = lambda *_: print('x' * 10**6, flush=True) or []\n"
        "raise SystemExit(it.main(['history', '--json']))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["approve"], "mlops: missing argument 'VERSION'; see mlops approve --help"),
        (["approve", "first"], "mlops: VERSION: 'first' is not a whole number above 0; see mlops approve --help"),
        (["approve", "0"], "mlops: VERSION: '0' is not a whole number above 0; see mlops approve --help"),
        (
            ["history", "--limit", "-1"],
            "mlops: --limit: '-1' is not a whole number above 0; see mlops history --help",
        ),
        (
            ["approve", "3", "--strategy", "x"],
            "mlops: --strategy: 'x' is not one of 'replace'; see mlops approve --help",
        ),
        (["rollback", "--quick", "3"], "mlops: no such option: --quick; see mlops rollback --help"),
        (["monitor", "look"], "mlops: no such command 'look'; see mlops monitor --help"),
        (["bootstrp"], "mlops: no such command 'bootstrp'; did you mean 'bootstrap'? See mlops --help"),
    ],
)
def test_what_the_command_line_does_not_know_is_one_line_with_the_way_on(
    capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"{line}\n")


@pytest.mark.parametrize("arguments", [[], ["monitor"], ["features"]])
def test_without_a_command_the_commands_are_listed(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert "Usage: mlops" in printed.out
    assert printed.err == ""


def test_help_lists_the_commands_without_importing_any_and_without_colour() -> None:
    """The command line answers at once: what takes long to import is imported by the command that needs it."""
    code = (
        "import sys\n"
        "from mlops.__main__ import main\n"
        "code = main(['--help'])\n"
        "slow = {'boto3', 'botocore', 'pydantic', 'numpy', 'pandas', 'stacks', 'mlops.target'} & set(sys.modules)\n"
        "sys.exit(f'imported: {slow}' if slow else code)\n"
    )
    plain = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "GITHUB_ACTIONS")}
    done = subprocess.run([sys.executable, "-c", code], env=plain, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f" {name} " in done.stdout for name in NAMES)
    assert "\x1b[" not in done.stdout


def test_a_command_of_the_path_needs_no_folder_to_be_in(tmp_path: Path) -> None:
    """As .venv/bin/mlops calls it: by its file, from wherever a person is."""
    place = Path(command_line.__file__).resolve().parents[1] / "__main__.py"
    done = subprocess.run([sys.executable, place, "status", "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_completion_knows_commands_environments_and_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """What bash asks for when TAB is pressed; zsh and fish ask in their own words."""

    def completed(words: str) -> list[str]:
        asked = {"_MLOPS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
        for name, value in asked.items():
            monkeypatch.setenv(name, value)
        printed = io.StringIO()
        with pytest.raises(SystemExit) as ended, contextlib.redirect_stdout(printed):
            main([])
        assert not ended.value.code
        return printed.getvalue().split()

    assert completed("mlops mon") == ["monitor"]
    assert completed("mlops monitor r") == ["run", "report"]
    assert completed("mlops status --env p") == ["prod"]
    assert completed("mlops approve --model loan") == ["loan-approval"]
    assert completed("mlops approve --str") == ["--strategy"]


def test_a_setting_that_is_wrong_is_a_usage_error(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--env", "moon"]) == 2
    assert 'env = "moon": no such environment' in capsys.readouterr().err


@pytest.mark.parametrize("keep", [True, False])
def test_the_demo_is_run_as_asked(monkeypatch: pytest.MonkeyPatch, keep: bool) -> None:
    monkeypatch.setattr(demo, "run_demo", lambda **given: 7 if given == {"keep": keep} else 8)
    assert main(["demo", *(["--keep"] if keep else [])]) == 7


@pytest.mark.parametrize("written", [True, False])
def test_the_demos_answer_is_its_summary_and_its_progress_is_told_beside_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, written: bool
) -> None:
    monkeypatch.setattr(console, "stderr", False)  # set back at the end
    monkeypatch.setattr(demo, "SUMMARY", tmp_path / "summary.json")

    def run_demo(*, keep: bool) -> int:
        console.print("on the way")
        if written:
            demo.SUMMARY.write_text('{"version": 1}')
        return 0 if written else 1

    monkeypatch.setattr(demo, "run_demo", run_demo)
    assert main(["demo", "--json"]) == (0 if written else 1)
    assert capsys.readouterr() == ('{"version": 1}\n' if written else "", "on the way\n")


@pytest.mark.parametrize("command", later(), ids=lambda each: each.name)
def test_every_command_says_in_its_help_what_the_list_says(command: Later) -> None:
    assert command.load().help.splitlines()[0] == command.help


@pytest.mark.parametrize("command", sorted(NAMES - OF_THIS_MACHINE))
def test_every_command_of_an_environment_has_the_same_options(command: str) -> None:
    assert {"--env", "--model", "--json"} - options_of(command) <= OF_THE_WHOLE.get(command, set())


def options_of(command: str) -> set[str]:
    """Of the command, or of all of a group's."""
    found = next(each for each in later() if each.name == command).load()
    return {
        option
        for each in getattr(found, "commands", {"": found}).values()
        for parameter in each.params
        for option in parameter.opts
        if option.startswith("--")
    }


def test_the_documentation_has_every_command_with_all_of_its_options() -> None:
    page = (Path(command_line.__file__).resolve().parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
    told = set(re.findall(r"--[a-z][a-z-]*", page))
    assert [name for name in sorted(NAMES) if f"`mlops {name}" not in page] == []
    rows = [line for line in page.splitlines() if line.startswith("| `mlops ")]
    for name in sorted(NAMES):
        row = " ".join(line for line in rows if f"`mlops {name}" in line)
        common = {"--env", "--model", "--json", "--wait", "--timeout", "--help"} & told
        assert sorted(options_of(name) - common - set(re.findall(r"--[a-z][a-z-]*", row))) == [], name


@pytest.mark.parametrize("command", sorted(NAMES))
def test_the_documentation_promises_no_option_that_is_not_there(command: str) -> None:
    page = (Path(command_line.__file__).resolve().parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
    rows = "\n".join(line for line in page.splitlines() if line.startswith("| `mlops "))
    usage = re.findall(rf"`(mlops {command}(?= |`)[^`]*)`", rows)
    assert usage, command
    assert {option for line in usage for option in re.findall(r"--[a-z][a-z-]*", line)} <= options_of(command)
