"""Synthesis of an environment with 1, 10 and 100 models, beside the same resources written plainly."""

import itertools
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.process import Measured, median_of, run
from bench.scale_app import ENVIRONMENT

MODELS = (1, 10, 100)
REPEATS = 3
STACK_LIMIT = 500  # resources of a stack (CloudFormation quotas)
TEMPLATE_LIMIT = 1_000_000  # bytes of a template in S3 (CloudFormation quotas: 1 MB)
POLICY_LIMIT = 6_144  # characters of a managed policy, without white space (IAM quotas)


def measure(models: tuple[int, ...] = MODELS) -> dict[str, Any]:
    """Seconds and peak MB, as medians; ratios compare medians of the same rounds.

    growth: how many times the seconds of the size before, where the models are ten times as many.
    """
    sizes = {number: _size(number) for number in models}
    return {
        "environment": ENVIRONMENT,
        "repeats": {str(number): _repeats(number) for number in models},
        "models": {str(number): figures for number, figures in sizes.items()},
        "growth": {
            f"{more} to {few}": round(sizes[more]["platform"]["seconds"] / sizes[few]["platform"]["seconds"], 2)
            for few, more in itertools.pairwise(models)
        },
    }


def _size(models: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "platform"), Path(folder, "plain")
        # Interleaved, so that what else the machine does falls on both alike.
        rounds = [(_run(str(models), str(ours)), _run(str(theirs), str(ours))) for _ in range(_repeats(models))]
        platform, plain = (median_of(each) for each in zip(*rounds, strict=True))
        return {
            **_templates(ours),
            "platform": _figures(platform),
            "plain": _figures(plain),
            "ratio": round(platform.seconds / plain.seconds, 2),
        }


def _repeats(models: int) -> int:
    """The largest takes minutes, and one odd second matters less there."""
    return 1 if models == max(MODELS) else REPEATS


def _run(*arguments: str) -> Measured:
    environment = os.environ | {"CDK_VALIDATION": "false"}
    return run([sys.executable, "-m", "bench.scale_app", *arguments], environment)


def _figures(measured: Measured) -> dict[str, float]:
    return {"seconds": round(measured.seconds, 2), "peak_mb": round(measured.peak_mb, 1)}


def _templates(assembly: Path) -> dict[str, Any]:
    """How large what was synthesized is, and how near to the limits of AWS."""
    texts = {file.name: file.read_text(encoding="utf-8") for file in assembly.glob("*.template.json")}
    templates = {name: json.loads(text) for name, text in texts.items()}
    counts = {name: len(template["Resources"]) for name, template in templates.items()}
    policies = [
        len(json.dumps(each["Properties"]["PolicyDocument"], separators=(",", ":")))
        for template in templates.values()
        for each in template["Resources"].values()
        if each["Type"] == "AWS::IAM::ManagedPolicy"
    ]
    return {
        "stacks": len(counts),
        "resources": sum(counts.values()),
        "most_resources_of_a_stack": {"measured": max(counts.values()), "limit": STACK_LIMIT},
        "largest_template_bytes": {"measured": max(map(len, texts.values())), "limit": TEMPLATE_LIMIT},
        # As written: what CloudFormation fills in, such as account and region, is longer or shorter than its name.
        "longest_managed_policy": {"measured": max(policies, default=0), "limit": POLICY_LIMIT},
    }
