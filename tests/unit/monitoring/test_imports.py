"""A step runs for seconds, of which libraries that it hardly uses would take the most: what importing may bring in."""

import json
import os
import subprocess
import sys
from pathlib import Path

CODE = Path(__file__).parents[3] / "pipeline_code"

HEAVY = ("scipy.stats", "scipy.sparse", "sklearn", "pandas", "xgboost")

STEPS = (
    *("monitoring.steps.inputs", "monitoring.steps.outcomes", "monitoring.steps.report"),
    *("loan_approval.monitor", "loan_approval.steps.baseline", "loan_approval.steps.evaluate"),
)
WHILE_JUDGING = (
    *("monitoring.summary", "monitoring.data_quality", "monitoring.drift", "monitoring.attribution"),
    *("monitoring.quality", "monitoring.calibration", "monitoring.bias", "monitoring.documents", "monitoring.report"),
)
"""What the monitoring steps import once there is something to judge."""

PROBE = """
import importlib, json, sys
heavy, found = sys.argv[1].split(","), {}
for module in sys.argv[2:]:
    before = set(sys.modules)
    importlib.import_module(module)
    brought = [name for name in heavy if name in sys.modules and name not in before]
    if brought:
        found[module] = brought
print(json.dumps(found))
"""


def brought_in(*modules: str) -> dict[str, list[str]]:
    """Heavy libraries by the module that first imports them, in an interpreter of its own."""
    command = [sys.executable, "-c", PROBE, ",".join(HEAVY), *modules]
    environment = {**os.environ, "PYTHONPATH": str(CODE)}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_steps_and_judges_import_nothing_heavy():
    assert brought_in(*STEPS, *WHILE_JUDGING) == {}


def test_a_heavy_library_would_be_seen():
    assert brought_in("monitoring.findings", "pandas") == {"pandas": ["pandas"]}
