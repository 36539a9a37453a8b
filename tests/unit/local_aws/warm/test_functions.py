"""A fork that stands for a Lambda function's worker does what the new Python does that `Popen` would start."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from local_aws.warm import process, starter
from local_aws.warm.process import Process

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="functions are forked on Linux only")

IS_WARM = "import sys\nprint('boto3' in sys.modules)\n"
Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a script as ministack starts a function's worker: beside the folder of its code, which it starts in."""
    started: list[Process] = []

    def go(
        script: str, *, files: Mapping[str, str] | None = None, place: str = ".", **variables: str | None
    ) -> Process:
        argv, cwd, env = _prepared(tmp_path / place, script, files or {}, variables)
        made = process.start(argv, cwd, env, [cwd, f"{tmp_path}/layer_0"])
        assert made is not None
        started.append(made)
        return made

    yield go
    for each in started:
        each.kill()
        each.wait(5)
        for stream in (each.stdin, each.stdout, each.stderr):
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def _prepared(
    folder: Path, script: str, files: Mapping[str, str], variables: Mapping[str, str | None]
) -> tuple[list[str], str, dict[str, str]]:
    code = folder / "code"
    for name, text in {"_worker.py": script, "code/index.py": "", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    given = {**os.environ, "AWS_REGION": "eu-west-1", **variables}
    return [sys.executable, str(folder / "_worker.py")], str(code), {k: v for k, v in given.items() if v is not None}


@pytest.fixture
def anew() -> Iterator[None]:
    """The test's zygote is its own."""
    starter.functions.stop()
    yield
    starter.functions.stop()
    starter.functions.deaths = 0


def outcome(running: Process | subprocess.Popen[str], said: str = "") -> tuple[int, str, str]:
    """The exit code as a shell gives it, what came from stdout, and from stderr."""
    assert running.stdin and running.stdout and running.stderr
    running.stdin.write(said)
    running.stdin.close()
    texts = running.stdout.read(), running.stderr.read()
    code = running.wait(10)
    return (128 - code if code < 0 else code), *texts


SCRIPTS = {
    "arguments, folder and path": """
import os, sys
print(sys.argv, sys.orig_argv, os.getcwd(), sys.path, sys.executable, sys.flags, __name__, __file__)
""",
    "environment": "import os\nprint(sorted(os.environ.items()), sorted(os.popen('env').read().splitlines()))",
    "open files": "import os\nprint(len(os.listdir('/proc/self/fd')), os.umask(0))",
    "streams": """
import sys
for s in (sys.stdin, sys.stdout, sys.stderr):
    print(s.name, s.mode, s.encoding, s.errors, s.line_buffering, s.write_through, type(s.buffer))
print(repr(sys.stdin.read()))
print("to stderr", file=sys.stderr)
""",
    "signals": """
import signal
print([(n, signal.getsignal(n)) for n in signal.valid_signals()])
print(signal.pthread_sigmask(0, []), signal.set_wakeup_fd(-1))
""",
    "limits": "import resource\nprint([resource.getrlimit(n) for n in range(10)])",
    "time zone": "import time\nprint(time.tzname)",
    "an error": "def f():\n    1 / 0\nf()",
    "an exit": "import os, sys\nprint('lost'); sys.stderr.write('kept')\nos._exit(3)",
    "a killed process": "import os\nos.kill(os.getpid(), 9)",
    "an exit code": "raise SystemExit(300)",
    "what is done at the end": """
import atexit, threading, time
atexit.register(print, "at exit")
threading.Thread(target=lambda: (time.sleep(0.1), print("thread"))).start()
print("main")
""",
    "no modules of the server": "import importlib.util\nprint(importlib.util.find_spec('local_aws'))",
    "threads": "import threading, os\nprint(threading.enumerate()[0].name, len(os.listdir('/proc/self/task')))",
    "descriptions": """
import boto3, json, hashlib, botocore.loaders as loaders
path = loaders.Loader.BUILTIN_DATA_PATH + "/endpoints"
twice = [loaders.JSONFileLoader().load_file(path) for _ in range(2)]
print(twice[0] is twice[1], [hashlib.sha256(json.dumps(each).encode()).hexdigest() for each in twice])
print(loaders.JSONFileLoader().load_file("/none"), loaders.JSONFileLoader.load_file.__doc__)
print([boto3.Session().get_available_regions("sagemaker") for _ in range(2)])
""",
    "a client": """
import boto3, logging
client = boto3.client("sqs")
print(client.meta.endpoint_url, client.meta.region_name, logging.root.handlers, boto3.DEFAULT_SESSION is not None)
""",
}


@pytest.mark.parametrize(
    ("name", "locale"),
    [*((name, "C.UTF-8") for name in SCRIPTS), ("environment", None), ("streams", None)],
)
def test_a_fork_does_what_a_new_python_does(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, locale: str | None
) -> None:
    """Also where the server has no locale: an interpreter then chooses one, and says so in its environment."""
    for variable in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    if locale:
        monkeypatch.setenv("LANG", locale)
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # as the server has it
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    variables = {"TZ": "Asia/Tokyo", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    argv, cwd, env = _prepared(tmp_path, SCRIPTS[name], {}, variables)
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, cwd=cwd, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True, bufsize=1) as popen:
        new = outcome(popen, "a\r\nb\n")
    assert outcome(start(SCRIPTS[name], **variables), "a\r\nb\n") == new
    assert outcome(start(IS_WARM, **variables)) == (0, "True\n", "")


@pytest.mark.parametrize("files", [{}, {"layer_0/other.py": ""}], ids=["usual", "layer"])
def test_what_each_function_imports_is_there_before_it_starts(start: Start, files: dict[str, str]) -> None:
    assert outcome(start(IS_WARM, files=files)) == (0, "True\n", "")


@pytest.mark.parametrize(
    "different",
    [{"OMP_NUM_THREADS": "2"}, {"PYTHONHASHSEED": "1"}, {"PYTHONWARNINGS": "error"}, {"LD_LIBRARY_PATH": "/none"}],
    ids=lambda variables: next(iter(variables)),
)
def test_variables_that_are_read_when_an_interpreter_starts_get_a_new_one(
    start: Start, different: dict[str, str]
) -> None:
    ask = f"{IS_WARM}import os\nprint(os.environ[{next(iter(different))!r}], input())"
    [value] = different.values()
    assert outcome(start(ask, **different), "said\n") == (0, f"False\n{value} said\n", "")


@pytest.mark.parametrize("own", ["code/boto3/__init__.py", "code/botocore.py", "layer_0/urllib3.py"])
def test_a_function_that_brings_a_package_gets_its_own(start: Start, own: str) -> None:
    assert outcome(start(IS_WARM, files={own: "mine = 1"})) == (0, "False\n", "")


def test_functions_see_nothing_of_each_other(start: Start) -> None:
    leave = "import os, sys, boto3\nos.environ['LEFT'] = boto3.left = 'x'; sys.path.append('/left')"
    look = "import os, sys, boto3\nprint(os.environ.get('LEFT'), hasattr(boto3, 'left'), '/left' in sys.path)"
    assert outcome(start(leave)) == (0, "", "")
    assert outcome(start(look)) == (0, "None False False\n", "")


def test_a_function_answers_until_its_input_ends(start: Start) -> None:
    running = start("import sys\nfor line in sys.stdin:\n    print(line.upper(), end='', flush=True)")
    for word in ("one", "two"):
        running.stdin.write(f"{word}\n")
        assert running.stdout.readline() == f"{word.upper()}\n"
    assert running.poll() is None
    running.stdin.close()
    assert running.wait(5) == running.poll() == running.returncode == 0


WITH_CHILD = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.{0})
child = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(child.pid, flush=True)
time.sleep(60)
"""


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


def test_a_function_is_asked_to_end_and_then_made_to_with_all_it_started(start: Start) -> None:
    obeys = start(WITH_CHILD.format("SIG_DFL"))
    children = [int(obeys.stdout.readline())]
    refuses = start(WITH_CHILD.format("SIG_IGN"))
    children.append(int(refuses.stdout.readline()))
    for each in (obeys, refuses):
        each.terminate()
    assert obeys.wait(5) == 128 + signal.SIGTERM
    with pytest.raises(subprocess.TimeoutExpired):
        refuses.wait(0.2)
    assert refuses.poll() is None
    refuses.kill()
    assert refuses.wait(5) == 128 + signal.SIGKILL
    assert all(gone(pid) for pid in (obeys.pid, refuses.pid, *children))
    refuses.terminate()  # of one that has ended: nothing


def test_functions_end_with_the_server(start: Start, anew: None) -> None:
    """Its end closes a socket, however it comes."""
    running = start(WITH_CHILD.format("SIG_IGN"))
    child = int(running.stdout.readline())
    starter.functions.stop()
    assert gone(running.pid) and gone(child)


def test_functions_of_an_interpreter_that_ends_are_ended_and_the_next_one_runs(start: Start, anew: None) -> None:
    running = start("import time\nprint('ready', flush=True)\ntime.sleep(60)")
    assert running.stdout.readline() == "ready\n"
    zygote = starter.functions.zygote
    assert zygote is not None
    os.kill(zygote._process.pid, signal.SIGKILL)
    assert running.wait(5) == 128 + signal.SIGKILL
    assert gone(running.pid)
    assert process.start([sys.executable, "x.py"], "/", os.environ, []) is None
    assert outcome(start(IS_WARM)) == (0, "True\n", "")


def test_jobs_and_functions_have_an_interpreter_each(start: Start) -> None:
    room = starter.start(["numpy"])
    assert room is not None
    try:
        assert outcome(start("import sys\nprint('numpy' in sys.modules)")) == (0, "False\n", "")
    finally:
        os.killpg(room.pid, signal.SIGKILL)
        room.wait_for_end()
        assert room.reap() == 128 + signal.SIGKILL
        for stream in room.streams:
            stream.close()


def test_many_start_at_once(start: Start) -> None:
    got: list[tuple[int, str, str]] = []

    def one(place: str) -> None:
        got.append(outcome(start(IS_WARM, place=place)))

    threads = [threading.Thread(target=one, args=(f"function-{number}",)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert got == [(0, "True\n", "")] * 8


def test_it_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(starter.VARIABLE, "0")
    assert process.start([sys.executable, "x.py"], "/", os.environ, []) is None
