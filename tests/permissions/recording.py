"""Hooks of pytest: what roles called while the tests ran is compared with the record, or recorded.

Each local AWS of a test run leaves its decisions in one folder, whichever of the run's processes started it. At the
end the first process compares them with calls/*.json.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.permissions import calls
from tests.permissions.calls import Call
from tests.permissions.comparison import covers
from tests.permissions.reasons import REASONS
from tests.permissions.templates import Pair

FOLDER = "MLOPS_RECORDED_CALLS"
JOURNAL = "permissions.jsonl"
_OPTION = "--record-calls"
_OF_A_WORKER = "PYTEST_XDIST_WORKER"
_SHOWN = 20


def keep(home: Path) -> None:
    """Keep what the server of a state directory wrote, if the run wants it."""
    journal, folder = home / JOURNAL, os.environ.get(FOLDER)
    if folder and journal.exists():
        shutil.copyfile(journal, Path(folder) / f"{uuid.uuid4().hex}.jsonl")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(_OPTION, action="store_true", help="write down what roles called into tests/permissions/calls")


def pytest_configure(config: pytest.Config) -> None:
    if _OF_A_WORKER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="calls-")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if _OF_A_WORKER in os.environ or FOLDER not in os.environ:
        return
    folder = Path(os.environ.pop(FOLDER))
    made, refused = calls.seen(folder)
    shutil.rmtree(folder, ignore_errors=True)
    record = calls.read()
    if session.config.getoption(_OPTION):
        whole = exitstatus == pytest.ExitCode.OK and _everything(session.config)
        calls.write(recorded({} if whole else record, made))
        _say(session, [f"recorded in {calls.FOLDER}: {'all calls' if whole else 'further calls'} of this run"])
        return
    lines = problems(record, made, refused)
    if lines:
        _say(session, lines)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _everything(config: pytest.Config) -> bool:
    """Whether the run was asked for all tests."""
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.keyword


def recorded(record: Mapping[Call, frozenset[str]], made: Mapping[Call, set[str]]) -> dict[Call, frozenset[str]]:
    """A record with the calls of a run added."""
    return {call: record.get(call, frozenset()) | made.get(call, set()) for call in {*record, *made}}


def problems(record: Mapping[Call, frozenset[str]], made: Mapping[Call, set[str]], refused: set[Call]) -> list[str]:
    """One line for each call that the record does not have, or that was refused where it should not be.

    A call with a reason is none: what a failure brings about may happen in any run. Nor is one that another environment
    is known to make: how far a training comes before its test stops it depends on the machine, and the local AWS
    refuses what the role of this environment lacks.
    """
    known = {
        call for call in made if any(covers(each, Pair(call.role, call.action, call.resource)) for each in REASONS)
    }
    new = sorted(made.keys() - record.keys() - known)
    lines = [f"not in the record of calls: {each}" for each in new[:_SHOWN]]
    if len(new) > _SHOWN:
        lines.append(f"and {len(new) - _SHOWN} more")
    if new:
        lines.append(f"if they are wanted: make test ARGS={_OPTION}, then read what changed in tests/permissions/calls")
    return lines + [f"refused: {each}; see docs/least-privilege.md" for each in sorted(refused)]


def _say(session: pytest.Session, lines: list[str]) -> None:
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    for line in lines:
        reporter.write_line("")
        reporter.write_line(line, red=True)
