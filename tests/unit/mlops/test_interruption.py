"""A run that is interrupted says so in two lines, ends what it started, and never passes for a finished one."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws.state import Home
from mlops import __main__ as command_line
from mlops import cdk, demo, local
from mlops.errors import CommandError
from mlops.interruption import interruptible, put_off

STATE = Home(Path("state"))


class FakeServer:
    """A local AWS that only counts how often it was stopped."""

    home = STATE

    def __init__(self) -> None:
        self.stops = 0
        self.answers = True

    def stop(self) -> None:
        self.stops += 1


@pytest.fixture(autouse=True)
def usual_signals() -> Iterator[None]:
    """The signals as a shell sets them, also where the tests run under nohup."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeServer]:
    """The demo, with its files below `tmp_path` and without anything to start."""
    fake = FakeServer()
    monkeypatch.setenv("LOCAL_AWS_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(demo, "SUMMARY", tmp_path / "summary.json")
    monkeypatch.setattr(local, "start", lambda _home, _say: fake)
    yield fake


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_demo_stops_its_server_and_names_the_phase(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    def loop(run: demo.Run, _server: object) -> None:
        with run.phase("deploy", "Deploy"):
            os.kill(os.getpid(), number)
            time.sleep(5)

    monkeypatch.setattr(demo, "_loop", loop)
    assert demo.run_demo(keep=False) == 130
    assert server.stops == 1
    assert json.loads(demo.SUMMARY.read_text())["failed"] == "deploy"
    said = capsys.readouterr().out
    assert "interrupted in phase 'deploy'" in said
    assert "failed" not in said


def test_a_server_that_died_is_named_and_not_told_to_be_running(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def loop(run: demo.Run, _server: object) -> None:
        with run.phase("deploy", "Deploy"):
            server.answers = False
            raise CommandError("x: y; z")

    monkeypatch.setattr(demo, "_loop", loop)
    assert demo.run_demo(keep=True) == 1
    assert capsys.readouterr().out.endswith(
        "demo failed in phase 'deploy'\nx: y; z\n"
        f"The local AWS has ended; its log: {STATE.log}. Run `make demo` again: it goes on from what is saved\n"
    )


@pytest.mark.parametrize("error", [None, CommandError("x: y; z")])
def test_a_server_that_is_kept_is_told_with_how_to_use_and_to_stop_it(
    server: FakeServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: CommandError | None,
) -> None:
    def loop(_run: object, _server: object) -> None:
        if error:
            raise error

    monkeypatch.setattr(demo, "_loop", loop)
    monkeypatch.setattr(demo, "_tell_end", lambda _run, runs: None)
    assert demo.run_demo(keep=True) == (1 if error else 0)
    assert 'eval "$(.venv/bin/python -m local_aws env)"' in capsys.readouterr().out
    assert server.stops == 0


def test_a_second_interrupt_does_not_stop_the_stopping(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        server.stops += 1

    def loop(_run: object, _server: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "_loop", loop)
    monkeypatch.setattr(server, "stop", stop)
    assert demo.run_demo(keep=False) == 130
    assert server.stops == 1


def test_a_server_that_an_interrupt_met_while_it_started_is_stopped_too(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: object) -> FakeServer:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        return server

    monkeypatch.setattr(local, "start", start)
    monkeypatch.setattr(demo, "_loop", lambda *_: pytest.fail("the demo went on"))
    assert demo.run_demo(keep=False) == 130
    assert server.stops == 1


def test_the_summary_of_an_earlier_run_is_gone_as_soon_as_a_new_one_begins(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo.SUMMARY.write_text('{"version": 1}')

    def loop(_run: object, _server: object) -> None:
        assert not demo.SUMMARY.exists()
        raise CommandError("x: y; z")

    monkeypatch.setattr(demo, "_loop", loop)
    assert demo.run_demo(keep=False) == 1
    assert json.loads(demo.SUMMARY.read_text())["seconds"]


def test_a_failure_between_two_phases_is_one_of_the_earlier(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def loop(run: demo.Run, _server: object) -> None:
        with run.phase("traffic", "Replay"):
            pass
        raise CommandError("x: y; z")

    monkeypatch.setattr(demo, "_loop", loop)
    assert demo.run_demo(keep=False) == 1
    assert json.loads(demo.SUMMARY.read_text())["failed"] == "traffic"
    assert "demo failed in phase 'traffic'\nx: y; z\n" in capsys.readouterr().out


def test_a_reader_that_has_seen_enough_leaves_no_summary_of_a_good_run(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loop(_run: object, _server: object) -> None:
        raise SystemExit(1)  # what the console does when `head` closed the pipe

    monkeypatch.setattr(demo, "_loop", loop)
    with pytest.raises(SystemExit):
        demo.run_demo(keep=False)
    assert json.loads(demo.SUMMARY.read_text())["failed"] == "start"
    assert server.stops == 1


def test_one_demo_at_a_time_on_a_state(tmp_path: Path) -> None:
    home = Home(tmp_path / "state")
    other = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(f"""
                from pathlib import Path
                from local_aws.state import Home
                from mlops import local
                with local.claimed(Home(Path({str(home.path)!r}))):
                    print("mine", flush=True)
                    input()
            """),
        ],
        cwd=cdk.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"mine\n"
        expected = f"a demo already runs on this state .process {other.pid}."
        with pytest.raises(CommandError, match=expected), local.claimed(home):
            pass
        other.kill()
        other.wait()
    with local.claimed(home):  # what a killed one held is free
        pass


def test_a_state_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    expected = r"file/state: .*Not a directory.*LOCAL_AWS_HOME"
    with pytest.raises(CommandError, match=expected), local.claimed(Home(tmp_path / "file" / "state")):
        pass


def test_what_an_interrupted_child_leaves_lies_where_the_next_start_removes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/elsewhere")
    started = local.Server(Home(tmp_path), "111122223333", "eu-west-1", {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert started.environment["TMPDIR"] == str(tmp_path / "tmp")


def test_an_interrupt_that_is_put_off_comes_at_the_end() -> None:
    reached = False
    with interruptible(), pytest.raises(KeyboardInterrupt), put_off():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
        reached = True
    assert reached
    with put_off(forget=True):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)


def test_an_interrupted_cdk_command_ends_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "cdk"
    program.write_text("#!/bin/sh\nsleep 60 &\necho $!\nwait\n")
    program.chmod(0o755)
    monkeypatch.setattr(cdk, "CDK", program)
    started: list[int] = []

    def each(line: str) -> None:
        started.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cdk.cdk("deploy", environment={"PATH": os.environ["PATH"]}, stage="local", each_line=each, folder=tmp_path)
    deadline = time.monotonic() + 5
    while alive(started[0]):
        assert time.monotonic() < deadline, "the process that cdk started goes on"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_an_interrupt_before_the_demo_began_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*, keep: bool) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run_demo", interrupted)
    assert command_line.main(["demo"]) == 130
    assert capsys.readouterr().err == "mlops: interrupted\n"


def test_a_missing_command_line_is_told_with_what_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdk, "CDK", tmp_path / "cdk")
    with pytest.raises(CommandError, match=r"/cdk: not found; run `npm ci`$"):
        cdk.cdk("deploy", environment={}, stage="local", each_line=print)
