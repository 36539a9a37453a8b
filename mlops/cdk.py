"""Runs the pinned CDK command line, and tells of its output what a person wants to see."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from mlops.errors import CommandError

ROOT = Path(__file__).resolve().parents[1]
CDK = ROOT / "node_modules" / ".bin" / "cdk"
_FLAGS = ("--no-notices", "--no-version-reporting", "--ci")


def cdk(
    *arguments: str,
    environment: Mapping[str, str],
    stage: str,
    each_line: Callable[[str], None],
    folder: Path = ROOT,
) -> None:
    """Run one CDK command for one environment of `config/` and hand over its output line by line.

    `folder` is the checkout whose app is run; without an app in it, as for `bootstrap`, nothing is synthesised.

    Raises CommandError with the last lines when it exits with anything but 0.
    """
    if not CDK.exists():
        raise CommandError(f"{CDK}: not found; run `npm ci`")
    command = [str(CDK), *arguments, *_FLAGS, "-c", f"env={stage}"]
    tail: list[str] = []
    with subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # a group of its own, to end with all that it started
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,
    ) as process:
        assert process.stdout is not None
        try:
            for raw in process.stdout:
                text = raw.rstrip()
                if text:
                    tail = [*tail[-19:], text]
                    each_line(text)
        except BaseException:
            _end(process)
            raise
    if process.returncode:
        raise CommandError(f"cdk {arguments[0]} ended with {process.returncode}:\n  " + "\n  ".join(tail))


def _end_with_parent() -> None:
    """A killed run must not leave a deployment behind that goes on beside the next one's (prctl(2))."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def _end(process: "subprocess.Popen[str]") -> None:
    """End an interrupted command and the app that it may be synthesizing; what CloudFormation was asked goes on."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)
            return


def is_news(text: str) -> bool:
    """Whether a line of a deployment tells how a stack came out, rather than one of its resources."""
    return any(mark in text for mark in ("✅", "❌", "⏳", "Total time", "Synthesis time", "failed", "Error"))
