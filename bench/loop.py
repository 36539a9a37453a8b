"""The whole loop: seconds by phase of the demo, and the share that is the model's own computation."""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.process import run

ROOT = Path(__file__).resolve().parents[1]
SUMMARY = ROOT / "build" / "demo" / "summary.json"


def measure() -> dict[str, Any]:
    """Two runs with everything installed: in an empty account, and again on what the first one left."""
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"LOCAL_AWS_HOME": home, "MLOPS_INSTALL_SECONDS": "0"}
        return {"empty_account": _demo(environment), "second_run": _demo(environment)}


def _demo(environment: dict[str, str]) -> dict[str, Any]:
    measured = run([sys.executable, "-m", "mlops", "demo"], environment)
    summary = json.loads(SUMMARY.read_text())
    computed = sum(step["seconds"] for step in summary["steps"].values() if not step["cached"])
    return {
        "seconds": round(measured.seconds, 1),
        "phases": summary["seconds"],
        "model_seconds": round(computed, 1),
        "model_share": round(computed / measured.seconds, 3),
        "steps": summary["steps"],
    }
