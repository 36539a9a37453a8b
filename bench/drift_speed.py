"""Rows a second, and memory beyond the data, to judge a window of 1,000,000 x 20 against a reference of 100,000 rows.

`python -m bench.drift_speed DETECTOR` measures one, in a process of its own, and prints it. The data are in memory
before the clock starts; the monitor gets them batch by batch, as it reads captured predictions, and its baseline as
statistics.json, the others get whole columns and the reference's rows.
"""

import contextlib
import ctypes
import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS, REFERENCE, COLUMNS = 1_000_000, 100_000, 20
BATCH = 50_000
BASELINE_WINDOWS = 10
SEED = 20261121
ROOT = Path(__file__).resolve().parents[1]

Array = NDArray[np.float64]


def measure() -> dict[str, dict[str, Any]]:
    """By detector: rows a second and peak MB beyond the data; evidently's by its library, if it is there."""
    from bench import drift_evidently

    evidently = str(drift_evidently.INTERPRETER) if drift_evidently.version() else sys.executable
    names = ("ours", "psi_0_2", "robust_0_1", "evidently_default", "scipy_ks")
    return {name: _run(evidently if name == "evidently_default" else sys.executable, name) for name in names}


def _run(interpreter: str, name: str) -> dict[str, Any]:
    """The paths make `bench`, and for the monitor `monitoring`, importable in any interpreter."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "pipeline_code")])
    command = [interpreter, "-W", "ignore", "-m", "bench.drift_speed", name]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def main(name: str) -> None:
    random = np.random.default_rng(SEED)
    judge = DETECTORS[name](random.standard_normal((COLUMNS, REFERENCE)))  # imports, and what is made once
    _give_back()
    window = np.empty((COLUMNS, ROWS))  # last, so that the peak so far is what is in memory now
    for column in window:
        random.standard_normal(out=column)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    judge(window)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps(
            {
                "rows_per_second": round(ROWS / seconds),
                "seconds": round(seconds, 3),
                "peak_mb": round((peak - before) / 1024, 1),
            }
        )
    )


def _give_back() -> None:
    """Freed memory to the system, where the C library can: reused, it would be missing in the peak."""
    gc.collect()
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def _ours(reference: Array) -> Callable[[Array], Any]:
    from monitoring import drift
    from monitoring.feature import FRACTIONAL, Feature
    from monitoring.findings import Window
    from monitoring.summary import Summary

    names = [f"x{number}" for number in range(COLUMNS)]
    features = [Feature(name, FRACTIONAL) for name in names]
    known = []
    for part in np.split(reference, BASELINE_WINDOWS, axis=1):
        known.append(Summary(features))
        known[-1].add(dict(zip(names, part, strict=True)))
    calibration = json.dumps(drift.calibrate(known).document())
    statistics = json.dumps(Summary.merged(known, features).statistics())
    day = Window.read("2026-11-01T00:00:00Z/2026-11-02T00:00:00Z")

    def judge(window: Array) -> Any:
        summary = Summary(features)
        for begin in range(0, ROWS, BATCH):
            summary.add(dict(zip(names, window[:, begin : begin + BATCH], strict=True)))
        baseline = Summary.read(json.loads(statistics), features)
        judgement = drift.judge(baseline, drift.Calibration.read(json.loads(calibration)), summary, day)
        return judgement, json.dumps(summary.statistics())

    return judge


def _by_column(rule: Callable[[Array, Array], Any], reference: Array) -> Callable[[Array], Any]:
    return lambda window: [rule(known, values) for known, values in zip(reference, window, strict=True)]


def _psi(reference: Array) -> Callable[[Array], Any]:
    from bench.drift_rivals import psi

    return _by_column(psi, reference)


def _robust(reference: Array) -> Callable[[Array], Any]:
    from bench.drift_rivals import robust

    return _by_column(robust, reference)


def _scipy(reference: Array) -> Callable[[Array], Any]:
    from scipy import stats

    return _by_column(lambda known, values: stats.ks_2samp(known, values, method="asymp"), reference)


def _evidently(reference: Array) -> Callable[[Array], Any]:
    try:
        import evidently  # type: ignore[import-not-found] # noqa: F401
        import pandas as pd
    except ImportError:
        from bench.drift_rivals import evidently_column

        return _by_column(evidently_column, reference)
    from bench.drift_evidently import drifted

    def frame(values: Array) -> Any:
        return pd.DataFrame({f"x{number}": column for number, column in enumerate(values)}, copy=False)

    return lambda window: drifted(frame(reference), frame(window))


DETECTORS: dict[str, Callable[[Array], Callable[[Array], Any]]] = {
    "ours": _ours,
    "psi_0_2": _psi,
    "robust_0_1": _robust,
    "evidently_default": _evidently,
    "scipy_ks": _scipy,
}

if __name__ == "__main__":
    main(sys.argv[1])
