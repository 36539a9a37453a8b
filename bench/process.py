"""Runs a command and measures it: wall-clock seconds and peak memory."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Measured:
    """Seconds of wall-clock time, and the resident memory, in MB, of the largest process it ran."""

    seconds: float
    peak_mb: float


def run(command: Sequence[str], environment: Mapping[str, str]) -> Measured:
    """Run one command to its end. Raises RuntimeError, with its error output, when it fails."""
    start = time.perf_counter()
    with subprocess.Popen(
        command, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        errors = process.stderr.read()
        # wait4 tells the peak of this child and of those it waited for; getrusage would mix all runs.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{errors[-2000:]}")
    return Measured(seconds, usage.ru_maxrss / 1024)


def median_of(runs: Sequence[Measured]) -> Measured:
    """The median of each figure by itself."""
    return Measured(median(run.seconds for run in runs), median(run.peak_mb for run in runs))
