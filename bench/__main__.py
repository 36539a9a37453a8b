"""`python -m bench [--quick] [name …]`: run benchmarks, keep each as JSON in build/bench, and write report.md there."""

import argparse
import importlib
import json
import multiprocessing
import shlex
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import machine, report

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "build" / "bench"
if str(ROOT / "pipeline_code") not in sys.path:
    sys.path.insert(0, str(ROOT / "pipeline_code"))  # where the code of the pipelines, which some measure, is at home


@dataclass(frozen=True)
class Benchmark:
    """A module of this package with a `measure`; quick: the arguments that make it short, empty where none do."""

    quick: Mapping[str, Any] = field(default_factory=dict)


BENCHMARKS: Mapping[str, Benchmark] = {
    "coldstart": Benchmark({"repeats": 5}),
    "synth": Benchmark({"repeats": 1}),
    "scale": Benchmark({"models": (1, 10)}),
    "loop": Benchmark(),
    "verdict": Benchmark({"replications": 2_000}),
    "controller": Benchmark({"schedules": 500}),
    "drift": Benchmark({"baselines": 20}),
    "fairness": Benchmark({"seeds": 3}),
    "monitoring": Benchmark({"rows": 20_000}),
    "features": Benchmark({"rows": 100_000, "records": 1_000_000}),
}


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, or all. Returns the process's exit code: 1 if one failed or missed its limit."""
    given = _parser().parse_args(arguments)
    unknown = sorted(set(given.names) - set(BENCHMARKS))
    if unknown:
        print(f"bench: {unknown[0]!r} is not a benchmark; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    OUTPUT.mkdir(parents=True, exist_ok=True)
    troubles = [trouble for name in given.names or BENCHMARKS if (trouble := _run(name, given.quick))]
    for trouble in troubles:
        print(f"bench: {trouble}", file=sys.stderr)
    print(f"report: {OUTPUT / report.NAME}", file=sys.stderr)
    return 1 if troubles else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHMARKS)}; all without one")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, where a benchmark has some")
    return parser


def _run(name: str, quick: bool) -> str:
    """What went wrong, "" if nothing. One benchmark that fails does not keep the others from their figures."""
    print(f"bench: {name}", file=sys.stderr)
    smaller = BENCHMARKS[name].quick if quick else {}
    # The load is that of before: a benchmark's own is no disturbance.
    head = {
        "benchmark": name,
        "machine": machine.describe(),
        "command": shlex.join(["python", "-m", "bench", *(["--quick"] if smaller else []), name]),
        "quick": bool(smaller),
        "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    begun = time.perf_counter()
    # In a process of its own: the memory of one that starts another counts as the peak of that one, too.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        result = pool.submit(_measure, name, smaller).result()
    text = json.dumps({**head, "took_seconds": round(time.perf_counter() - begun, 1), **result}, indent=2)
    (OUTPUT / f"{name}.json").write_text(text + "\n")
    print(text)
    (OUTPUT / report.NAME).write_text(report.render(report.read(OUTPUT, list(BENCHMARKS)), list(BENCHMARKS)))
    if "failed" in result:
        return f"{name} failed: {result['failed'].splitlines()[0]}"
    return "" if result.get("holds", True) else f"{name}: a limit is missed, see {report.NAME}"


def _measure(name: str, smaller: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return dict(importlib.import_module(f"bench.{name}").measure(**smaller))
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
