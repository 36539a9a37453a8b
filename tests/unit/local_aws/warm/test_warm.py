"""A fork of the warm interpreter does what a new Python does, and jobs see nothing of each other."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_aws.sagemaker.container import Container
from local_aws.warm import starter

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="jobs are forked on Linux only")

ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", "LANG": os.environ.get("LANG", "C.UTF-8")}
IS_WARM = "import sys\nif False:\n    import numpy\nprint('numpy' in sys.modules)\n"
SHELL = ["/bin/sh", "-c", 'set -e; exec python3 -m job "$@"', "--"]

Outcome = tuple[int, list[str]]
Run = Callable[..., Outcome]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a script as a job: exit code and lines."""
    made: list[Container] = []

    def go(
        script: str,
        *arguments: str,
        argv: list[str] | None = None,
        warm: bool = True,
        files: dict[str, str] | None = None,
        on_line: Callable[[str], None] = lambda _line: None,
        **environment: str,
    ) -> Outcome:
        container = Container(tmp_path / str(len(made)), warm=warm)
        container.root.mkdir()
        made.append(container)
        for name, text in {"job.py": script, **(files or {})}.items():
            container.path(f"/opt/ml/{name}").write_text(text)
        lines: list[str] = []

        def both(line: str) -> None:
            lines.append(line)
            on_line(line)

        code = container.run([*(argv or SHELL), *arguments], {**ENVIRONMENT, **environment}, both)
        return code, [line.replace(str(container.root), "ROOT") for line in lines]

    return go


@pytest.fixture
def anew() -> Iterator[None]:
    """The test's zygote is its own."""
    starter.stop()
    yield
    starter.stop()
    starter.jobs.deaths = 0
    starter.jobs.refused.clear()


SCRIPTS = {
    "arguments, folder and path": """
import os, sys
print(sys.argv, os.getcwd(), sys.path, sys.executable, sys.flags, __name__, __file__, __spec__ and __spec__.name)
""",
    "environment": "import os\nprint(sorted((k, v) for k, v in os.environ.items() if k not in ('PATH', '_')))",
    "open files": "import os\nprint(len(os.listdir('/proc/self/fd')), os.read(0, 1), os.umask(0))",
    "streams": "import sys\nfor s in (sys.stdin, sys.stdout, sys.stderr): print(s.name, s.mode, s.encoding, s.errors)",
    "signals": "import signal\nprint([signal.getsignal(n) for n in (2, 13, 15, 17)], signal.pthread_sigmask(0, []))",
    "logging": "import logging, warnings\nlogging.warning('a')\nwarnings.warn('b')\nprint(len(logging.root.handlers))",
    "an exit code": "raise SystemExit(300)",
    "an exit with a message": "import sys\nsys.exit('it is enough')",
    "an error": "def f():\n    1 / 0\ntry:\n    f()\nexcept Exception as e:\n    raise ValueError('no') from e",
    "an error in a thread": "import threading\nthreading.Thread(target=lambda: print(1 / 0)).start()",
    "a killed process": "import os\nos.kill(os.getpid(), 9)",
    "an abort": "import os\nos.abort()",
    "what is done at the end": """
import atexit, threading, time
class Last:
    def __del__(self): print("destroyed")
last = Last()
atexit.register(print, "at exit")
threading.Thread(target=lambda: (time.sleep(0.1), print("thread"))).start()
left_open = open("/opt/ml/left", "w"); left_open.write("whole")
print("main")
""",
    "modules of its own": "import helper\nprint(helper.value(), helper.__file__)",
    "no modules of the server": "import importlib.util\nprint(importlib.util.find_spec('local_aws'))",
    "worker processes": """
import multiprocessing, math
if __name__ == "__main__":
    for way in ("spawn", "fork"):
        with multiprocessing.get_context(way).Pool(1) as pool: print(pool.map(math.sqrt, [4.0]))
""",
}


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("argv", [SHELL, ["python3", "/opt/ml/job.py"]], ids=["module in a shell", "script"])
def test_a_warm_python_does_what_a_new_one_does(run: Run, name: str, argv: list[str]) -> None:
    files = {"helper.py": "def value(): return 7\n"}
    warm, cold = (
        run(SCRIPTS[name], "--a", "b c", argv=argv, files=files, warm=warm, TZ="Asia/Tokyo") for warm in (True, False)
    )
    assert warm[0] == cold[0]
    assert [line.replace("ROOT/1", "ROOT/0") for line in warm[1]] == cold[1]


@pytest.mark.parametrize("ignored", [signal.SIGINT, signal.SIGHUP])
def test_what_the_server_ignores_jobs_ignore_warm_or_not(run: Run, anew: None, ignored: int) -> None:
    """A shell starts what stands before `&` with SIGINT ignored, nohup with SIGHUP."""
    script = f"{IS_WARM}import signal\nprint(signal.getsignal({int(ignored)}))"
    before = signal.signal(ignored, signal.SIG_IGN)
    try:
        assert [run(script, warm=warm) for warm in (True, False)] == [
            (0, ["True", str(signal.SIG_IGN)]),
            (0, ["False", str(signal.SIG_IGN)]),
        ]
    finally:
        signal.signal(ignored, before)


def test_packages_that_the_code_names_are_there_before_it_starts(run: Run) -> None:
    assert run(IS_WARM) == (0, ["True"])
    assert run(IS_WARM, warm=False) == (0, ["False"])


@pytest.mark.parametrize(
    "different",
    [{"OMP_NUM_THREADS": "2"}, {"PYTHONHASHSEED": "1"}, {"PYTHONUNBUFFERED": ""}, {"LD_LIBRARY_PATH": "/none"}],
    ids=lambda variables: next(iter(variables)),
)
def test_what_is_read_when_an_interpreter_starts_gets_a_new_one(run: Run, different: dict[str, str]) -> None:
    assert run(IS_WARM, **different) == (0, ["False"])


@pytest.mark.parametrize("shell", ["ulimit -n 99; ", "trap '' USR1; ", "exec 5</dev/null; "])
def test_what_a_shell_changes_for_its_commands_holds(run: Run, shell: str) -> None:
    assert run(IS_WARM, argv=["/bin/sh", "-c", f"{shell}exec python3 -m job"]) == (0, ["False"])


def test_a_module_of_the_code_goes_before_a_package_of_the_same_name(run: Run) -> None:
    assert run("import numpy\nprint(numpy.mine)", files={"numpy.py": "mine = 1"}) == (0, ["1"])


def test_jobs_see_nothing_of_each_other(run: Run) -> None:
    leave = (
        "import os, sys, json, numpy, atexit, helper\nos.environ['LEFT'] = sys.path_left = json.left = 'x'\n"
        "sys.modules['left'] = json; sys.path.append('/left'); atexit.register(print, 'left')\n"
    )
    look = (
        "import os, sys, json, numpy, helper\nprint(os.environ.get('LEFT'), hasattr(sys, 'path_left'), "
        "hasattr(json, 'left'), 'left' in sys.modules, '/left' in sys.path, helper.value)\n"
    )
    assert run(leave, files={"helper.py": "value = 1"}) == (0, ["left"])
    assert run(look, files={"helper.py": "value = 2"}) == (0, ["None False False False False 2"])


def test_random_numbers_of_two_jobs_differ(run: Run) -> None:
    draw = "import numpy, random\nprint(numpy.random.random(), random.random())"
    assert run(draw)[1] != run(draw)[1]


def test_a_signal_to_the_process_that_the_shell_became_reaches_the_code_once(run: Run) -> None:
    script = """
import pathlib, signal, time
got = []
signal.signal(signal.SIGTERM, lambda *_: got.append(1))
pathlib.Path("/opt/ml/ready").touch()
while not got: time.sleep(0.01)
time.sleep(0.1)
print(len(got))
"""
    shell = "(until test -e /opt/ml/ready; do sleep 0.01; done; kill $$) & exec python3 -m job"
    assert run(script, argv=["/bin/sh", "-c", shell]) == (0, ["1"])


def test_jobs_of_an_interpreter_that_ends_are_killed_and_the_next_one_runs(run: Run, anew: None) -> None:
    def end(_line: str) -> None:
        assert starter.jobs.zygote is not None
        os.kill(starter.jobs.zygote._process.pid, signal.SIGKILL)

    began = time.monotonic()
    assert run("import time\nprint('ready')\ntime.sleep(30)", on_line=end) == (137, ["ready"])
    assert run("print(1)") == (0, ["1"])
    assert run(IS_WARM) == (0, ["True"])
    assert time.monotonic() - began < 20


SLOW_ROOM = """
import os, runpy, sys, time
setsid = os.setsid
def slow():
    time.sleep(0.5)
    setsid()
os.setsid = slow
sys.path[0] = os.path.dirname(ZYGOTE)
runpy.run_path(ZYGOTE, run_name="__main__")
"""


def test_a_stop_that_comes_before_the_job_leads_its_group_is_not_lost(
    run: Run, anew: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine a fork may not have run yet when its process id is known, and be stopped."""
    slow = tmp_path / "slow.py"
    slow.write_text(f"ZYGOTE = {str(starter._ZYGOTE)!r}\n{SLOW_ROOM}")
    monkeypatch.setattr(starter, "_ZYGOTE", slow)
    begin = starter.start

    def begin_and_stop(packages: list[str]) -> starter.Room | None:
        room = begin(packages)
        threading.Thread(target=container.stop, args=(0,)).start()
        return room

    monkeypatch.setattr(starter, "start", begin_and_stop)
    container = Container(tmp_path / "job")
    container.root.mkdir()
    began = time.monotonic()
    assert container.run(["sleep", "20"], ENVIRONMENT, print) in (128 + signal.SIGTERM, 128 + signal.SIGKILL)
    assert time.monotonic() - began < 10


def test_a_package_that_starts_threads_is_left_to_the_jobs(
    run: Run, anew: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fork would be without them; the packages of others are still warm, and jobs under way go on."""
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "sklearn.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()"
    )
    environment = {**starter.jobs.environment(), "PYTHONPATH": str(folder)}
    monkeypatch.setattr(starter.jobs, "environment", lambda: environment)
    inner: list[Outcome] = []

    def other(_line: str) -> None:
        inner.append(run("try:\n    import sklearn\nexcept ImportError:\n    print('its own')"))

    assert run("print('first')\nimport time\ntime.sleep(0.1)\nprint", on_line=other) == (0, ["first"])
    assert inner == [(0, ["its own"])]
    assert starter.jobs.refused == {"sklearn"}
    assert run(IS_WARM) == (0, ["True"])


def test_another_interpreter_is_started_when_packages_were_installed(
    run: Run, anew: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = "import os\nprint(os.getsid(os.getppid()))"
    run(ask)
    first = starter.jobs.zygote
    monkeypatch.setattr(starter, "_installed", lambda: {"site-packages": 1})
    run(ask)
    assert starter.jobs.zygote is not first


def test_an_interpreter_that_is_asked_for_a_room_is_not_ended_when_another_one_follows(
    anew: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packages are installed, and another job starts, before the room of the first is there."""
    room_of = starter._Zygote.room
    others: list[starter.Room | None] = []

    def late(zygote: starter._Zygote, packages: list[str], outputs: int) -> starter.Room | None:
        if not others:
            others.append(None)
            monkeypatch.setattr(starter, "_installed", lambda: {"site-packages": 1})
            others[0] = starter.start([])
        return room_of(zygote, packages, outputs)

    monkeypatch.setattr(starter._Zygote, "room", late)
    room = starter.start([])
    assert room is not None and others[0] is not None
    assert room._zygote is not others[0]._zygote
    assert os.getsid(room.pid) == room.pid
    for each in (room, others[0]):
        for stream in each.streams:
            stream.close()
        each.wait_for_end()
        each.reap()


@pytest.mark.parametrize("argv", [["python3"], ["/bin/sh", "-c", 'python3 "$@"; true', "--"]], ids=["itself", "shell"])
def test_other_options_get_a_new_interpreter_of_the_same_installation(run: Run, argv: list[str]) -> None:
    ask = "import sys; print(sys.prefix, 'numpy' in sys.modules)"
    assert run("import numpy", "-c", ask, argv=argv) == (0, [f"{sys.prefix} False"])


def test_it_can_be_switched_off(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(starter.VARIABLE, "0")
    assert run(IS_WARM) == (0, ["False"])
