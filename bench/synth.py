"""Synthesis of each environment, beside importing aws_cdk alone, with and without template validation."""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.process import Measured, median_of, run

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = ("local", "dev", "staging", "prod")
REPEATS = 3


def measure(repeats: int = REPEATS) -> dict[str, Any]:
    """Seconds and peak MB as medians of `repeats` runs; ratios are to the import alone, in the same rounds."""
    rounds = [_round() for _ in range(repeats)]
    baseline = median_of([each["import aws_cdk"] for each in rounds])
    return {
        "repeats": repeats,
        "import_aws_cdk": _figures(baseline, baseline),
        "environments": {
            environment: {
                validation: _figures(median_of([each[f"{environment} {validation}"] for each in rounds]), baseline)
                for validation in ("validation_off", "validation_on")
            }
            for environment in ENVIRONMENTS
        },
    }


def _round() -> dict[str, Measured]:
    """Everything once, interleaved, so that what else the machine does falls on all alike."""
    measured = {"import aws_cdk": run([sys.executable, "-c", "import aws_cdk"], os.environ)}
    for environment in ENVIRONMENTS:
        for validation in ("off", "on"):
            measured[f"{environment} validation_{validation}"] = _synth(environment, validation == "on")
    return measured


def _synth(environment: str, validation: bool) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        context = json.loads((ROOT / "cdk.json").read_text())["context"] | {"env": environment}
        return run(
            [sys.executable, str(ROOT / "app.py")],
            os.environ
            | {
                "CDK_OUTDIR": folder,
                "CDK_CONTEXT_JSON": json.dumps(context),
                "CDK_VALIDATION": str(validation).lower(),
            },
        )


def _figures(measured: Measured, baseline: Measured) -> dict[str, float]:
    return {
        "seconds": round(measured.seconds, 2),
        "peak_mb": round(measured.peak_mb, 1),
        "ratio": round(measured.seconds / baseline.seconds, 2),
        "memory_ratio": round(measured.peak_mb / baseline.peak_mb, 2),
    }
