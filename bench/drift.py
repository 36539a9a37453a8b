"""False alarms, power and speed of the drift detectors, beside PSI, Model Monitor's rule and evidently's default.

Every figure is of single windows, each judged by itself: that several windows have to confirm drift comes on top.

- Real months: 600 loans of each, the 14 inputs that an application brings (what the feature store adds to them is left
  out). Each of the 27 baseline months, October 2000 to December 2002, is held back and judged by a calibration on the
  other 26; then the 24 months of 2003 and 2004, whose inputs did shift, by one on all 27. Nothing is set by these 24.
- Simulated windows: ten independent features (six normal, two lognormal, two of five categories), a baseline of 20
  windows of 1,000 rows, windows of 1,000 to 10,000 rows as they are and with one normal feature shifted by 0.2 of its
  standard deviation. Calibrated on its 20 windows in the same way.
- Speed: a window of 1,000,000 x 20 against a reference of 100,000 rows, each detector in a process of its own.

The detector is the monitor's own code; the others are recomputed (drift_rivals.py), evidently also by its library where
`.venv-evidently` has it.
"""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from bench import drift_evidently, drift_rivals, drift_speed
from bench.drift_rivals import RIVALS, Columns

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT / "pipeline_code") not in sys.path:
    sys.path.insert(0, str(ROOT / "pipeline_code"))

BASELINE, SHIFTED = ("2000-10", "2002-12"), ("2003-01", "2004-12")
WINDOW_SIZES = (1_000, 2_000, 5_000, 10_000)
BASELINE_WINDOWS, BASELINE_ROWS = 20, 1_000
BASELINES, WINDOWS = 200, 10
"""Simulated baselines, and windows of each size judged against each of them; the other rules see the first window."""

SHIFT = 0.2
NORMAL, LOGNORMAL, CATEGORICAL = 6, 2, 2
SHARES = (0.4, 0.25, 0.2, 0.1, 0.05)
SEED = 20261121
DETECTORS = ("ours", *RIVALS)


def measure(baselines: int = BASELINES) -> dict[str, Any]:
    """By detector: months found, false alarms, power, speed, memory; the worst over the sizes of windows.

    baselines: simulated ones.
    """
    start = time.perf_counter()
    speed = drift_speed.measure()
    months = _months()
    simulated = _simulated(baselines)
    library = drift_evidently.version()
    result = {
        "evidently": f"library {library}" if library else "rule recomputed",
        "evidently_on_simulated_windows": "rule recomputed",
        "baseline_months": months.pop("baseline_months"),
        "shifted_months": months.pop("shifted_months"),
        "simulation": {
            "baselines": baselines,
            "windows_of_each_size": baselines * WINDOWS,
            "windows_of_each_size_others": baselines,
            "baseline_rows": BASELINE_WINDOWS * BASELINE_ROWS,
            "shift": SHIFT,
        },
        "detectors": {name: {**months[name], **simulated[name], **speed[name]} for name in DETECTORS},
        "speed": speed,
    }
    print(_table(result), file=sys.stderr)
    return {**result, "seconds": round(time.perf_counter() - start, 1)}


def _months() -> dict[str, Any]:
    from monitoring import drift
    from monitoring.summary import Summary

    months, features = _loans()
    summaries = {month: _summary(columns, features) for month, columns in months.items()}
    baseline = [month for month in months if BASELINE[0] <= month <= BASELINE[1]]
    shifted = [month for month in months if SHIFTED[0] <= month <= SHIFTED[1]]
    references = {month: [other for other in baseline if other != month] for month in baseline + shifted}
    breached = {}
    for month, others in references.items():
        known = [summaries[other] for other in others]
        whole = _as_stored(Summary.merged(known, features))
        breached[month] = drift.judge(whole, drift.calibrate(known), summaries[month], _window()).breached
    rivals = {
        month: drift_rivals.verdicts(_joined(months[other] for other in others), months[month])
        for month, others in references.items()
    }
    by_library = drift_evidently.verdicts(months, references)
    counts: dict[str, Any] = {"baseline_months": len(baseline), "shifted_months": len(shifted)}
    for name in DETECTORS:
        found = breached if name == "ours" else {month: rivals[month][name] for month in rivals}
        more = {}
        if name == "evidently_default" and by_library:
            more = {"months_as_recomputed": sum(found[month] == by_library[month] for month in found)}
            found = by_library
        counts[name] = {
            "false_windows": sum(found[month] for month in baseline),
            "true_windows": sum(found[month] for month in shifted),
            "false": [month for month in baseline if found[month]],
            "missed": [month for month in shifted if not found[month]],
            **more,
        }
    return counts


def _loans() -> tuple[dict[str, Columns], Any]:
    from loan_approval.monitor import MODEL
    from loan_approval.schema import INPUT_NAMES
    from loan_approval.steps.dataset import read_table
    from monitoring.feature import STRING

    loans = read_table(ROOT / "data" / "loans")
    features = tuple(each for each in MODEL.features if each.name in INPUT_NAMES)
    types = {each.name: str if each.inferred_type == STRING else float for each in features}
    months = {
        str(month): {name: rows[name].to_numpy(kind).copy() for name, kind in types.items()}
        for month, rows in loans.groupby(loans["ApprovalDate"].str[:7])
    }
    return months, features


def _simulated(baselines: int) -> dict[str, dict[str, Any]]:
    """By detector: shares of windows that breached, by size, with and without the shift."""
    totals: Counter[tuple[str, int, bool]] = Counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for counts in pool.map(_simulate, range(baselines), chunksize=10):
            totals.update(counts)
    found = {}
    for name in DETECTORS:
        judged = baselines * (WINDOWS if name == "ours" else 1)
        false = {str(size): totals[name, size, False] / judged for size in WINDOW_SIZES}
        power = {str(size): totals[name, size, True] / judged for size in WINDOW_SIZES}
        found[name] = {
            "false_alarm": round(max(false.values()), 4),
            "power": round(min(power.values()), 4),
            "false_alarm_by_rows": false,
            "power_by_rows": power,
        }
    return found


def _simulate(number: int) -> Counter[tuple[str, int, bool]]:
    """One baseline, and how many windows each detector found, by (detector, rows, whether shifted)."""
    from monitoring import drift
    from monitoring.feature import FRACTIONAL, STRING, Feature
    from monitoring.summary import Summary

    random = np.random.default_rng([SEED, number])
    features = [
        Feature(name, STRING if values.dtype.kind == "U" else FRACTIONAL) for name, values in _draw(random, 1).items()
    ]
    windows = [_draw(random, BASELINE_ROWS) for _ in range(BASELINE_WINDOWS)]
    known = [_summary(window, features) for window in windows]
    calibration, whole = drift.calibrate(known), _as_stored(Summary.merged(known, features))
    reference = _joined(windows)
    found: Counter[tuple[str, int, bool]] = Counter()
    for size in WINDOW_SIZES:
        for repetition in range(WINDOWS):
            window = _draw(random, size)
            for shifted in (False, True):
                if shifted:
                    window["x0"] = window["x0"] + SHIFT
                judgement = drift.judge(whole, calibration, _summary(window, features), _window())
                found["ours", size, shifted] += judgement.breached
                if not repetition:
                    for name, breached in drift_rivals.verdicts(reference, window).items():
                        found[name, size, shifted] += breached
    return found


def _draw(random: np.random.Generator, rows: int) -> Columns:
    codes = np.array(list("abcde"))
    normal = random.standard_normal((NORMAL + LOGNORMAL, rows))
    normal[NORMAL:] = np.exp(normal[NORMAL:])
    categories = codes[random.choice(len(SHARES), (CATEGORICAL, rows), p=SHARES)]
    return {f"x{number}": values for number, values in enumerate([*normal, *categories])}


def _summary(columns: Columns, features: Any) -> Any:
    from monitoring.summary import Summary

    summary = Summary(features)
    summary.add(columns)
    return summary


def _as_stored(summary: Any) -> Any:
    """The baseline as the monitor has it: read from statistics.json."""
    from monitoring.summary import Summary

    return Summary.read(json.loads(json.dumps(summary.statistics())), summary.features)


def _joined(windows: Iterable[Columns]) -> Columns:
    parts = list(windows)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _window() -> Any:
    from monitoring.findings import Window

    return Window.read("2026-11-01T00:00:00Z/2026-11-02T00:00:00Z")


def _table(result: dict[str, Any]) -> str:
    lines = [f"{'detector':20}{'false':>7}{'true':>6}{'false alarm':>13}{'power':>8}{'rows/s':>12}{'peak MB':>9}"]
    for name, row in result["detectors"].items():
        lines.append(
            f"{name:20}{row['false_windows']:7}{row['true_windows']:6}{row['false_alarm']:13.2%}{row['power']:8.2%}"
            f"{row['rows_per_second']:12,}{row['peak_mb']:9.0f}"
        )
    return "\n".join(lines)
