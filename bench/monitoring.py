"""Rows a second and peak memory of the two steps that read what an endpoint saw: a day, and with as many outcomes.

`python -m bench.monitoring [ROWS]` measures another number of rows; `… STEP FOLDER` measures one step, in a process
of its own. The files are made before the clock starts and are read through the steps' own functions.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS = 200_000
ROOT = Path(__file__).resolve().parents[1]


def measure(rows: int = ROWS) -> dict[str, Any]:
    from bench import monitoring_files

    with tempfile.TemporaryDirectory() as folder:
        monitoring_files.write(Path(folder), rows)
        found = {name: _run(name, folder, rows) for name in STEPS}
    return {"rows": rows, "columns": 20, **found}


def _run(name: str, folder: str, rows: int) -> dict[str, Any]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "pipeline_code")])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-m", "bench.monitoring", name, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"rows_per_second": round(rows / measured["seconds"]), **measured}


def inputs(root: Path) -> int:
    """Summary, sample and counts of a day, and its statistics.json."""
    from bench.monitored import MODEL
    from bench.monitoring_files import ENDPOINT, VERSION, WINDOW, FolderS3
    from monitoring import distributed
    from monitoring.collect import Captured
    from monitoring.workers import OneProcess

    s3 = FolderS3(root)
    captured = Captured(s3, "s3://capture/loans", ENDPOINT)
    seen = distributed.see(OneProcess(s3, root), captured, WINDOW, MODEL, VERSION)
    json.dumps(seen.summary.statistics())
    return seen.rows


def outcomes(root: Path) -> int:
    """A day joined with its outcomes, and their statistics.json."""
    from bench.monitored import MODEL
    from bench.monitoring_files import ENDPOINT, VERSION, WINDOW, FolderS3, until
    from monitoring import distributed, quality
    from monitoring.collect import Captured
    from monitoring.workers import OneProcess

    s3 = FolderS3(root)
    captured = Captured(s3, "s3://capture/loans", ENDPOINT)
    found = distributed.follow(OneProcess(s3, root), captured, WINDOW, MODEL, VERSION, until(), "")
    known = found.known
    quality.statistics(MODEL.problem, known.outcomes, known.scores, known.decisions)
    return len(known)


STEPS: dict[str, Callable[[Path], int]] = {"inputs": inputs, "outcomes": outcomes}


def main(arguments: list[str]) -> None:
    if len(arguments) < 2:
        print(json.dumps(measure(*map(int, arguments)), indent=2))
        return
    name, folder = arguments
    start = time.perf_counter()
    STEPS[name](Path(folder))
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": round(seconds, 2), "peak_mb": round(peak, 1)}))


if __name__ == "__main__":
    main(sys.argv[1:])
