"""Modules that are read when something of them is used."""

import importlib
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from local_aws.seam import deferred

SLOW = """
import threading, time
readers = [threading.get_ident()]
time.sleep(0.2)
answer = 42
"""


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module that takes a while, not read yet."""
    (tmp_path / "slow_module.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(deferred, "_SELDOM_USED", ("slow_module", "there_is_no_such_module"))
    deferred.defer_seldom_used()
    yield importlib.import_module("slow_module")
    del sys.modules["slow_module"]


def test_a_module_is_read_when_something_of_it_is_used(slow: Any) -> None:
    assert "answer" not in vars(slow)
    assert slow.__name__ == slow.__spec__.name == "slow_module"
    assert "answer" not in vars(slow), "to look at how it was found reads nothing"
    assert slow.answer == 42
    assert slow.answer == 42
    assert importlib.import_module("slow_module") is slow
    with pytest.raises(AttributeError, match="question"):
        slow.question  # noqa: B018


def test_no_thread_sees_a_module_half_read(slow: Any) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(slow.answer)) for _ in range(8)]
    for thread in threads:
        thread.start()
        time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert found == [42] * 8
    assert len(slow.readers) == 1


def test_a_server_defers_what_there_is_of_ministack() -> None:
    """In a process of its own: here ministack may have been imported."""
    script = """
import json, sys
from local_aws.seam import deferred
deferred.defer_seldom_used()
from ministack import app
from ministack.services import cloudformation
print(json.dumps([
    sorted(set(deferred._SELDOM_USED) - deferred._unread),
    sorted(set(app._state_map) - set(deferred.used(app._state_map))),
    bool(app._get_module("ec2").get_state()),
    "ec2" in deferred.used(app._state_map),
]))
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    read, without_state, has_state, used = json.loads(said.stdout.splitlines()[-1])
    assert read == [], "ministack reads these when it starts, or has them no more: adapt local_aws/seam/deferred.py"
    assert {"cognito", "ec2", "rds"} <= set(without_state)
    assert has_state
    assert used
