"""Cold start of each Lambda handler: import and first call, beside a bare boto3 client of the same services.

Each in a fresh interpreter, interleaved, as medians. The handler gets an ordinary event (coldstart_calls.py), from a
folder made as its asset is: its modules beside the package `shared`, sources only, since Lambda compiles them at each
cold start. The bare side makes the same calls, with the same parameters, by clients of boto3 and nothing else; boto3 is
compiled on both sides. CPU time is what counts, as other processes do not lengthen it; wall-clock time stands beside.

What AWS answers is at hand on both sides (coldstart_child.py), so that a difference is the handler's own.
"""

import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CHILD = Path(__file__).with_name("coldstart_child.py")
REPEATS = 21
LIMIT = 1.2
"""Times the CPU of the bare clients that a handler may take."""

KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR")
AWS = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "PYTHONDONTWRITEBYTECODE": "1",
}
SIDES = ("bare", "handler")


class ColdStartError(RuntimeError):
    """A handler's first call did not come to its end; the text says whose and why."""


def measure(repeats: int = REPEATS) -> dict[str, Any]:
    """By handler: milliseconds of CPU and wall clock of both sides, their ratio, and the services that were called."""
    from bench.coldstart_calls import calls

    with tempfile.TemporaryDirectory() as folder, _answers_taken() as url:
        prepared = {name: _prepared(Path(folder), name, call) for name, call in calls(url).items()}
        rounds = [{name: _round(each, number) for name, each in prepared.items()} for number in range(repeats)]
        handlers = {
            name: _figures([each[name] for each in rounds], prepared[name]["services"], len(prepared[name]["calls"]))
            for name in prepared
        }
    worst = max(handlers, key=lambda name: handlers[name]["ratio"])
    return {
        "repeats": repeats,
        "limit": LIMIT,
        "handlers": handlers,
        "worst": {"handler": worst, "ratio": handlers[worst]["ratio"]},
        "holds": handlers[worst]["ratio"] <= LIMIT,
    }


def _prepared(folder: Path, name: str, call: Any) -> dict[str, Any]:
    """The handler's folder, its environment, and the calls that it makes, found out by one run that is not measured."""
    asset = folder / name
    left_out = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
    shutil.copytree(ROOT / "lambdas" / name, asset, ignore=left_out)
    shutil.copytree(ROOT / "lambdas" / "shared", asset / "shared", ignore=left_out)
    file = folder / f"{name}.pickle"
    file.write_bytes(pickle.dumps({"answers": dict(call.answers), "event": call.event, "calls": None}))
    kept = {key: os.environ[key] for key in KEPT if key in os.environ}
    found = {"name": name, "asset": str(asset), "file": str(file), "environ": {**kept, **AWS, **call.environ}}
    _run(found, "handler")
    asked = pickle.loads(file.read_bytes())["calls"]
    return {**found, "calls": asked, "services": sorted({service for service, _, _ in asked})}


def _round(prepared: dict[str, Any], number: int) -> dict[str, dict[str, float]]:
    """Both sides once; who is first takes turns."""
    return {side: _run(prepared, side) for side in (SIDES if number % 2 else SIDES[::-1])}


def _run(prepared: dict[str, Any], side: str) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", str(CHILD), prepared["asset"] * (side == "handler"), prepared["file"]]
    done = subprocess.run(command, env=prepared["environ"], capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise ColdStartError(f"{side} of {prepared['name']} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _figures(rounds: list[dict[str, dict[str, float]]], services: list[str], calls: int) -> dict[str, Any]:
    """Ratios are medians of the rounds' own: what slows a machine for seconds slows both sides of a round."""
    found: dict[str, Any] = {"services": services, "calls": calls}
    for kind, ratio in (("cpu_ms", "ratio"), ("wall_ms", "wall_ratio")):
        found[kind] = round(median(each["handler"][kind] for each in rounds), 1)
        found[f"bare_{kind}"] = round(median(each["bare"][kind] for each in rounds), 1)
        found[ratio] = round(median(each["handler"][kind] / each["bare"][kind] for each in rounds), 3)
    return found


class _Taker(BaseHTTPRequestHandler):
    """Takes what a custom resource answers, as the bucket behind CloudFormation's address does."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def _answers_taken() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Taker)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/answer"
    finally:
        server.shutdown()
        server.server_close()
