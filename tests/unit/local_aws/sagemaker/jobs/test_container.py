"""A command as a local process with a private /opt/ml, in both ways of giving it one, warm and cold."""

import sys
import threading
import time
from pathlib import Path

import pytest

from local_aws.sagemaker import container as module
from local_aws.sagemaker.container import Container


@pytest.fixture(params=["namespace", "rewrite", "namespace-cold", "rewrite-cold"])
def make(request, tmp_path):
    place, _, cold = request.param.partition("-")
    if place == "namespace" and not module.namespaces_work():
        pytest.skip("this system refuses user namespaces")

    def build(name: str = "job") -> Container:
        return Container(tmp_path / name, isolated=place == "namespace", warm=not cold)

    (tmp_path / "job").mkdir()
    return build


def run(container: Container, *argv: str, **options) -> tuple[int, list[str]]:
    lines: list[str] = []
    return container.run(argv, options.pop("environment", {}), lines.append, **options), lines


def run_and_stop(container: Container, script: str, grace: float = 10.0) -> tuple[int, list[str]]:
    """Stop the container as soon as its script has said that it is ready."""
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        if line == "ready":
            container.stop(grace)

    return container.run(["sh", "-c", script], {}, on_line), lines


def test_the_command_reads_and_writes_its_own_opt_ml(make):
    container = make()
    container.path("/opt/ml/input/data").mkdir(parents=True)
    container.path("/opt/ml/input/data/x.txt").write_text("hello")
    container.path("/opt/ml/copy.py").write_text(
        "text = open('/opt/ml/input/data/x.txt').read()\nopen('/opt/ml/out.txt', 'w').write('/opt/ml ' + text)\n"
    )
    code, lines = run(container, "python3", "/opt/ml/copy.py")
    assert (code, lines) == (0, [])
    assert container.path("/opt/ml/out.txt").read_text() == "/opt/ml hello"
    assert not Path("/opt/ml/out.txt").exists()


def test_paths_in_arguments_and_environment_lead_to_it(make):
    container = make()
    container.path("/opt/ml/a").write_text("1\n")
    code, lines = run(container, "sh", "-c", 'cat /opt/ml/a "$B"', environment={"B": "/opt/ml/a"})
    assert (code, lines) == (0, ["1", "1"])


def test_two_at_once_do_not_see_each_other(make, tmp_path):
    (tmp_path / "other").mkdir()
    found: dict[str, list[str]] = {}

    def one(name: str) -> None:
        container = make(name)
        container.path("/opt/ml/who").write_text(f"{name}\n")
        found[name] = run(container, "sh", "-c", "sleep 0.2; cat /opt/ml/who")[1]

    threads = [threading.Thread(target=one, args=(name,)) for name in ("job", "other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"job": ["job"], "other": ["other"]}


def test_lines_arrive_while_the_command_runs(make):
    times: list[float] = []
    script = "echo one; sleep 0.3; echo two >&2"
    make().run(["sh", "-c", script], {}, lambda _line: times.append(time.monotonic()))
    assert times[1] - times[0] > 0.2


@pytest.mark.parametrize(
    ("argv", "code"),
    [(["sh", "-c", "exit 3"], 3), (["sh", "-c", "kill -9 $$"], 137), (["no-such-command"], 127)],
)
def test_exit_codes_are_those_of_a_shell(make, argv, code):
    assert run(make(), *argv)[0] == code


def test_a_stop_reaches_the_command_and_what_it_started(make):
    container = make()
    code, lines = run_and_stop(container, "trap 'echo bye; exit 4' TERM; sleep 30 & echo ready; wait")
    assert (code, lines) == (4, ["ready", "bye"])
    assert run(container, "true")[0] == 137  # a stopped container starts nothing more


def test_a_command_that_ignores_the_stop_is_killed(make):
    assert run_and_stop(make(), "trap '' TERM; echo ready; sleep 30", grace=0.2) == (137, ["ready"])


def test_a_stop_before_the_launcher_has_read_anything_is_a_stop(make, monkeypatch):
    """A launcher that dies with its input unread leaves a broken pipe; that is no failure of the job."""
    container = make()
    container.warm = False
    monkeypatch.setattr(module, "_LAUNCH", ["sh", "-c", "exit 143"])
    monkeypatch.setattr(Container, "specification", lambda *_, **__: b"x" * 10_000_000)
    assert run(container, "true") == (143, [])


SLOW_PARENT = """
import os, runpy, sys, time
fork = os.fork
def slow():
    child = fork()
    time.sleep(0.5 if child else 0)
    return child
os.fork = slow
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def test_a_stop_that_comes_before_the_launcher_goes_on_is_the_commands(make, monkeypatch):
    """On a busy machine a command may be ready, and be stopped, while its launcher has not run since it forked."""
    container = make()
    container.warm = False
    launch = [sys.executable, "-I", "-S", "-c", SLOW_PARENT, str(module._LAUNCHER)]
    monkeypatch.setattr(module, "_LAUNCH", launch)
    assert run_and_stop(container, "trap 'exit 4' TERM; echo ready; sleep 5 & wait") == (4, ["ready"])


def test_time_out_ends_everything(make):
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        run(make(), "sh", "-c", "sleep 30 & sleep 30", timeout=0.2)
    assert time.monotonic() - began < 5


def test_what_the_command_leaves_behind_dies_with_it(make):
    began = time.monotonic()
    assert run(make(), "sh", "-c", "sleep 30 & echo done") == (0, ["done"])
    assert time.monotonic() - began < 5


def test_python3_is_this_interpreter(make):
    assert run(make(), "python3", "-c", "import sys; print(sys.prefix)")[1] == [sys.prefix]


def test_only_paths_below_opt_ml_are_known(tmp_path):
    with pytest.raises(ValueError, match="not below /opt/ml"):
        Container(tmp_path).path("/opt/ml/../secret")


def test_text_in_archives_is_rewritten_too(tmp_path):
    import tarfile

    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("open('/opt/ml/x')")
    with tarfile.open(tmp_path / "code.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "code" / "a.py", "a.py")
    module.replace_in_tree(tmp_path, "/opt/ml", "/elsewhere")
    with tarfile.open(tmp_path / "code.tar.gz") as tar:
        content = tar.extractfile("a.py")
        assert content is not None and content.read() == b"open('/elsewhere/x')"
