"""An image's command as a local process that sees a folder of ours at /opt/ml, as a SageMaker container does.

Two ways, chosen once per server. "namespace": a user and mount namespace of its own (Linux, no root needed).
"rewrite", where the system refuses namespaces: /opt/ml is replaced by the real path in the arguments, the environment
and the staged text files, and replaced back in what the command wrote. In both, `python3` is the server's own
interpreter: the image named in a request decides nothing here.

The command's first process is a fork of the warm interpreter (`local_aws.warm`), or where there is none a new one.
"""

import contextlib
import functools
import io
import marshal
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from local_aws.warm import packages, starter

OPT_ML = "/opt/ml"
_LAUNCHER = Path(__file__).with_name("launcher.py")
_LAUNCH = [sys.executable, "-I", "-S", str(_LAUNCHER)]
_TEXT_SUFFIXES = {".py", ".sh", ".json", ".txt", ".cfg", ".ini", ".toml", ".yaml", ".yml", ".env"}
_LARGEST_REWRITTEN_FILE = 1_000_000
_KILLED = 128 + signal.SIGKILL

LineSink = Callable[[str], None]


class Launched(Protocol):
    """A container's first process, which leads a process group; stdout has its stderr too."""

    pid: int
    stdin: IO[bytes]
    stdout: IO[bytes]

    def wait_for_end(self) -> None:
        """Until the process has ended; it is not reaped, so that its id stays its own."""

    def reap(self) -> int:
        """The exit code, or 128 + signal; to be called once, after the end."""


class _Cold:
    """A new interpreter that runs `launcher.py`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            _LAUNCH,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={"PATH": os.environ.get("PATH", os.defpath)},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.pid, self.stdin, self.stdout = self._process.pid, self._process.stdin, self._process.stdout

    def wait_for_end(self) -> None:
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)

    def reap(self) -> int:
        code = self._process.wait()
        return code if code >= 0 else 128 - code


@functools.cache
def namespaces_work() -> bool:
    """Whether a process may have its own /opt here; tried once, by doing it."""
    if not sys.platform.startswith("linux"):
        return False
    with tempfile.TemporaryDirectory(prefix="local-aws-probe-") as folder:
        probe = Container(root=Path(folder))
        spec = probe.specification([], {}, "/", isolated=True)
        result = subprocess.run(_LAUNCH, input=spec, capture_output=True, check=False)
    return result.returncode == 0


@dataclass
class Container:
    """One run of one command below `root` (a folder of its own); `opt_ml` is filled before, and read after, `run`.

    `run` blocks and may be called again for a second command; `stop` may be called from another thread at any time,
    also before `run`, which then does not start anything.
    """

    root: Path
    isolated: bool | None = None
    warm: bool = True
    _process: Launched | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def opt_ml(self) -> Path:
        folder = self.root / "opt_ml"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def pid(self) -> int | None:
        """The process that runs now; the command is its child."""
        process = self._process
        return None if process is None else process.pid

    def path(self, inside: str) -> Path:
        """The real path of a path below /opt/ml; raises ValueError for any other path."""
        relative = os.path.relpath(os.path.normpath(inside), OPT_ML)
        if relative.startswith("..") or not inside.startswith("/"):
            raise ValueError(f"{inside}: not below {OPT_ML}")
        return self.opt_ml / relative

    def run(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        on_line: LineSink,
        *,
        cwd: str = OPT_ML,
        timeout: float | None = None,
    ) -> int:
        """Run to its end and return the exit code; TimeoutError after `timeout` seconds (the command is then dead).

        `on_line` gets each line of stdout and stderr, without its end, as it is written.
        """
        isolated = namespaces_work() if self.isolated is None else self.isolated
        env = self._environment(environment)
        if not isolated:
            replace_in_tree(self.opt_ml, OPT_ML, str(self.opt_ml))
            argv, cwd = [self._real(text) for text in argv], self._real(cwd)
            env = {name: self._real(text) for name, text in env.items()}
        spec = self.specification(argv, env, cwd, isolated=isolated)
        process = self._start(spec)
        if process is None:
            return _KILLED
        try:
            return self._follow(process, on_line, timeout)
        finally:
            if not isolated:
                replace_in_tree(self.opt_ml, str(self.opt_ml), OPT_ML)

    def stop(self, grace: float = 10.0) -> None:
        """SIGTERM to the whole process group, SIGKILL after `grace` seconds; returns at once.

        SageMaker's grace is 120 seconds; a person waiting at this machine gets a shorter one.
        """
        with self._lock:
            self._stopped.set()
            process = self._process
        if process is not None:
            _signal_group(process.pid, signal.SIGTERM)
            timer = threading.Timer(grace, self._kill, [process])
            timer.daemon = True
            timer.start()

    def specification(self, argv: Sequence[str], env: Mapping[str, str], cwd: str, *, isolated: bool) -> bytes:
        """What `launcher.py` reads."""
        mount_point = self.root / "mount"
        mount_point.mkdir(parents=True, exist_ok=True)
        spec = {
            "argv": list(argv),
            "env": dict(env),
            "cwd": cwd,
            "opt_ml": str(self.opt_ml) if isolated else None,
            "mount_point": str(mount_point),
        }
        data = marshal.dumps(spec)
        return len(data).to_bytes(8, "big") + data

    def _environment(self, given: Mapping[str, str]) -> dict[str, str]:
        temporary = self.root / "tmp"
        temporary.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "LC_ALL") if name in os.environ}
        own = {
            "PATH": os.environ.get("PATH", os.defpath),
            "TMPDIR": str(temporary),
            "PYTHONUNBUFFERED": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        env = {**kept, **own, **given}
        return {**env, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"}

    def _real(self, text: str) -> str:
        return text.replace(OPT_ML, str(self.opt_ml))

    def _start(self, spec: bytes) -> Launched | None:
        # Packages are imported before the lock is taken: a stop need not wait for them.
        room = starter.start(packages.named_below(self.opt_ml)) if self.warm and not self.stopped else None
        with self._lock:
            process: Launched = room or _Cold()
            self._process = process
            if self._stopped.is_set():
                _signal_group(process.pid, signal.SIGKILL)
        with contextlib.suppress(BrokenPipeError):  # stopped before it could read: `_follow` sees how it ended
            process.stdin.write(spec)
            process.stdin.flush()
        return process

    def _follow(self, process: Launched, on_line: LineSink, timeout: float | None) -> int:
        reader = threading.Thread(target=_read_lines, args=(process.stdout, on_line), daemon=True)
        reader.start()
        overdue = threading.Event()
        timer = threading.Timer(timeout, self._expire, [process, overdue]) if timeout else None
        if timer:
            timer.daemon = True
            timer.start()
        # Not reaped yet, so that the group's id still belongs to it: what the command left behind dies with it.
        process.wait_for_end()
        _signal_group(process.pid, signal.SIGKILL)
        with self._lock:
            code = process.reap()
            self._process = None
        if timer:
            timer.cancel()
        reader.join()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
        if overdue.is_set():
            raise TimeoutError
        return code

    def _expire(self, process: Launched, overdue: threading.Event) -> None:
        overdue.set()
        self._kill(process)

    def _kill(self, process: Launched) -> None:
        with self._lock:
            if self._process is process:
                _signal_group(process.pid, signal.SIGKILL)


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return  # it ended by itself in the meantime (macOS answers EPERM for a group of zombies)


def _read_lines(stream: IO[bytes], on_line: LineSink) -> None:
    for line in stream:
        on_line(line.decode(errors="replace").rstrip("\r\n"))


def replace_in_tree(root: Path, old: str, new: str) -> None:
    """Replace `old` by `new` in the text files below `root`, also inside .tar.gz archives."""
    for path in _files(root):
        if path.suffix in _TEXT_SUFFIXES:
            _replace_in_file(path, old.encode(), new.encode())
        elif path.name.endswith(".tar.gz"):
            _replace_in_archive(path, old.encode(), new.encode())


def _files(root: Path) -> Iterable[Path]:
    return [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]


def _replace_in_file(path: Path, old: bytes, new: bytes) -> None:
    if path.stat().st_size > _LARGEST_REWRITTEN_FILE:
        return
    content = path.read_bytes()
    if old in content:
        path.write_bytes(content.replace(old, new))


def _replace_in_archive(path: Path, old: bytes, new: bytes) -> None:
    changed, rewritten = False, io.BytesIO()
    with tarfile.open(path) as source, tarfile.open(fileobj=rewritten, mode="w:gz") as target:
        for member in source:
            content = source.extractfile(member)
            data = content.read() if content else None
            if data and Path(member.name).suffix in _TEXT_SUFFIXES and old in data:
                data, changed = data.replace(old, new), True
                member.size = len(data)
            target.addfile(member, io.BytesIO(data) if data is not None else None)
    if changed:
        path.write_bytes(rewritten.getvalue())


def remove(root: Path) -> None:
    """Delete a container's folder, whatever modes the command left on it."""
    shutil.rmtree(root, ignore_errors=True)
