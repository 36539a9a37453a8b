"""Whether this machine has what the command line, the synthesis and the local AWS need."""

import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from local_aws.env import START
from local_aws.state import Home
from mlops.cdk import CDK, ROOT
from mlops.doctor.finding import Finding, bad, ok, warn

OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20
FREE_DISK_GB, SCARCE_DISK_GB = 3.0, 1.0
FREE_MEMORY_GB, SCARCE_MEMORY_GB = 2.0, 1.0
_GB = 1024**3


def python(version: tuple[int, ...] = sys.version_info[:3]) -> Iterator[Finding]:
    shown = ".".join(map(str, version))
    if version < OLDEST_PYTHON:
        yield bad(f"Python {shown}: older than 3.11", "install Python 3.11 or newer: make install PYTHON=/path/to/it")
    else:
        yield ok(f"Python {shown}")


def node() -> Iterator[Finding]:
    """The CDK, and every synthesis, runs in it."""
    install = f"install Node.js {OLDEST_NODE} or newer"
    path = shutil.which("node")
    if path is None:
        yield bad("Node.js: not found on PATH", install)
        return
    try:
        said = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=20, check=True
        ).stdout.strip()
        major = int(said.lstrip("v").partition(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        yield bad(f"Node.js: {path} does not work ({error})", install)
        return
    yield ok(f"Node.js {said}") if major >= OLDEST_NODE else bad(f"Node.js {said}: older than {OLDEST_NODE}", install)


def cdk(root: Path = ROOT) -> Iterator[Finding]:
    """The pinned command line of the CDK."""
    command = root / CDK.relative_to(ROOT)
    pinned = json.loads((root / "package.json").read_text())["devDependencies"]["aws-cdk"]
    if not command.exists():
        yield bad(f"CDK: {command.relative_to(root)} is not there", "npm ci")
        return
    found = json.loads((root / "node_modules" / "aws-cdk" / "package.json").read_text())["version"]
    yield ok(f"CDK {found}") if found == pinned else warn(f"CDK {found}: {pinned} is pinned", "npm ci")


def packages(pins: Path = ROOT / "requirements" / "dev.txt") -> Iterator[Finding]:
    """Python's packages, against the versions that are pinned."""
    wanted = list(_pinned(pins.read_text(encoding="utf-8")))
    wrong = [text for name, version in wanted if (text := _differs(name, version))]
    if not wrong:
        yield ok(f"Python packages: {len(wanted)} as pinned")
        return
    shown = ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
    yield warn(f"Python packages: {shown}", f"make install, or .venv/bin/pip install -r requirements/{pins.name}")


def disk(home: Path) -> Iterator[Finding]:
    """Where the local AWS keeps its state."""
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(there).free / _GB
    remedy = "make room: a demo takes about 1 GB; `make clean` removes build/, LOCAL_AWS_HOME names another folder"
    yield _enough(f"disk: {free:.1f} GB free below {there}", free, FREE_DISK_GB, SCARCE_DISK_GB, remedy)


def memory(table: Path = Path("/proc/meminfo")) -> Iterator[Finding]:
    """Said on Linux only, which tells it in a file."""
    if not table.exists():
        return
    found = re.search(r"^MemAvailable:\s+(\d+) kB", table.read_text(), re.MULTILINE)
    if found:
        free = int(found[1]) * 1024 / _GB
        remedy = "end other programs: training jobs and endpoints run as processes of this machine"
        yield _enough(f"memory: {free:.1f} GB available", free, FREE_MEMORY_GB, SCARCE_MEMORY_GB, remedy)


def local_server(home: Home) -> Iterator[Finding]:
    """Whether the local AWS runs, or could."""
    server = home.running()
    if server is not None:
        yield ok(f"local AWS: runs at {server.url} (process {server.pid})")
        return
    kept = home.path / "port"
    port = int(text) if kept.exists() and (text := kept.read_text().strip()).isdigit() else 0
    if (why := _taken(port)) is not None:
        yield bad(
            f"local AWS: does not run, and port {port} of its state is taken ({why})",
            "end what listens there, or set LOCAL_AWS_PORT to another port",
        )
        return
    yield warn("local AWS: does not run", f"{START}, or mlops demo --keep")


def _taken(port: int) -> str | None:
    """Why a port of the loopback cannot be listened on; None if it can. 0: any."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            return error.strerror or str(error)
    return None


def _pinned(text: str) -> Iterator[tuple[str, str]]:
    """Names and versions of what is pinned for this Python and this system; others have pins of their own."""
    for line in text.splitlines():
        if line[:1].isalnum() and "==" in line:
            wanted = Requirement(line.rstrip("\\ "))
            if wanted.marker is None or wanted.marker.evaluate():
                yield wanted.name, str(wanted.specifier).removeprefix("==")


def _enough(what: str, found: float, plenty: float, scarce: float, remedy: str) -> Finding:
    if found >= plenty:
        return ok(what)
    return warn(what, remedy) if found >= scarce else bad(what, remedy)


def _differs(name: str, version: str) -> str:
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"{name} is missing"
    return "" if found == version else f"{name} {found} in place of {version}"
