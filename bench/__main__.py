"""`python -m bench [name …]`: run benchmarks, print each as JSON, and keep it in build/bench."""

import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import controller, drift, fairness, features, loop, monitoring, scale, synth, verdict

OUTPUT = Path(__file__).resolve().parents[1] / "build" / "bench"
BENCHMARKS: dict[str, Callable[[], dict[str, Any]]] = {
    "synth": synth.measure,
    "scale": scale.measure,
    "loop": loop.measure,
    "verdict": verdict.measure,
    "controller": controller.measure,
    "drift": drift.measure,
    "fairness": fairness.measure,
    "monitoring": monitoring.measure,
    "features": features.measure,
}


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all. Returns the process's exit code."""
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        print(f"bench: {unknown[0]!r} is not a benchmark; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for name in names or list(BENCHMARKS):
        result = {"benchmark": name, "machine": _machine(), **BENCHMARKS[name]()}
        text = json.dumps(result, indent=2)
        (OUTPUT / f"{name}.json").write_text(text + "\n")
        print(text)
    return 0


def _machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
