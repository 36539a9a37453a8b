from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from local_aws import clients
from local_aws.core import children
from local_aws.core.api import Context

ROOT = Path(__file__).resolve().parents[4]
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_a_child_outlives_the_thread_that_asked_for_it() -> None:
    started: list[subprocess.Popen[bytes]] = []
    thread = threading.Thread(target=lambda: started.append(children.start(SLEEP, env={})))
    thread.start()
    thread.join()
    time.sleep(0.2)
    assert started[0].poll() is None
    children.stop(started[0])
    assert started[0].stdout is not None
    started[0].stdout.close()
    assert started[0].returncode is not None


def test_stopping_ends_the_whole_group_of_a_child() -> None:
    code = "import subprocess,sys,time; print(subprocess.Popen(['sleep','60']).pid, flush=True); time.sleep(60)"
    child = children.start([sys.executable, "-c", code], env={"PATH": os.environ["PATH"]})
    assert child.stdout is not None
    grandchild = int(child.stdout.readline())
    children.stop(child)
    child.stdout.close()
    deadline = time.monotonic() + 5
    while runs(grandchild) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not runs(grandchild)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no parent-death signal")
def test_a_child_dies_when_its_server_is_killed() -> None:
    code = (
        "import sys,time; sys.path.insert(0, sys.argv[1])\n"
        "from local_aws.core import children\n"
        f"print(children.start({SLEEP!r}, env={{}}).pid, flush=True); time.sleep(60)"
    )
    server = subprocess.Popen([sys.executable, "-c", code, str(ROOT)], stdout=subprocess.PIPE)
    assert server.stdout is not None
    child = int(server.stdout.readline())
    assert runs(child)
    server.kill()
    server.wait()
    server.stdout.close()
    deadline = time.monotonic() + 5
    while runs(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not runs(child)


def test_a_child_gets_an_ordinary_sdk_environment_and_nothing_of_the_shell(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "s")
    monkeypatch.setattr(clients, "_url", "http://127.0.0.1:1")
    environment = children.environment(ctx)
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert environment["AWS_ACCESS_KEY_ID"] == ctx.account
    assert "SECRET_TOKEN" not in environment
