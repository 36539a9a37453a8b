"""Let a model into the registry only if it is good enough, and not clearly worse than today's champion.

Output `gate/gate.json`: passed, and the reasons in words. A model that fails ends the step, and with it the pipeline,
with those reasons.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Dict, List, Optional, Sequence

from loan_approval.steps import job


@dataclass(frozen=True)
class Rule:
    """What a model must reach. `tolerance` is the loss of AUC against the champion that nobody would mind."""

    min_auc: float
    tolerance: float
    confidence: float


@dataclass(frozen=True)
class Verdict:
    """The reasons are all those for passing, or all those against."""

    passed: bool
    reasons: List[str]


def decide(evaluation: Dict[str, Any], rule: Rule) -> Verdict:
    """Judge evaluation.json.

    Against the champion the burden of proof is on failure: the model fails if even the upper bound of the paired
    difference (one-sided, at `confidence`) lies below minus `tolerance`. On a test of a few thousand loans two equal
    models differ by chance, and a gate that asked for "not lower" would refuse every second one.
    """
    checks = [_minimum(evaluation["auc"], rule)]
    if evaluation.get("champion"):
        checks.append(_against(evaluation["champion"], rule))
    against = [reason for passed, reason in checks if not passed]
    return Verdict(not against, against or [reason for _, reason in checks])


def _minimum(area: Dict[str, float], rule: Rule) -> "tuple[bool, str]":
    passed = area["value"] >= rule.min_auc
    side = "at least" if passed else "below"
    interval = f"95 % interval {area['lower']:.4f} to {area['upper']:.4f}"
    return passed, f"AUC {area['value']:.4f} ({interval}) is {side} the minimum {rule.min_auc:g}"


def _against(champion: Dict[str, Any], rule: Rule) -> "tuple[bool, str]":
    gap = champion["auc_difference"]
    bound = gap["value"] + NormalDist().inv_cdf(rule.confidence) * gap["standard_error"]
    passed = bound >= -rule.tolerance
    verb = "is not" if passed else "is"
    return passed, (
        f"it {verb} significantly worse than champion {champion['version']} by more than {rule.tolerance:g}: AUC "
        f"difference {gap['value']:+.4f}, upper bound {bound:+.4f} at {rule.confidence:.0%}"
    )


def main(argv: Optional[Sequence[str]] = None) -> None:
    parser = argparse.ArgumentParser(description="Gate before the registry")
    parser.add_argument("--min-auc", type=float, required=True)
    parser.add_argument("--tolerance", type=float, default=0.01, help="loss of AUC against the champion")
    parser.add_argument("--confidence", type=float, default=0.95, help="of the one-sided comparison")
    rule = Rule(**vars(parser.parse_args(argv)))
    verdict = decide(json.loads((job.input_folder("evaluation") / "evaluation.json").read_text()), rule)
    job.write_json(job.output_folder("gate") / "gate.json", vars(verdict))
    if not verdict.passed:
        raise job.StepError("gate failed: " + "; ".join(verdict.reasons))
    print("gate passed: " + "; ".join(verdict.reasons))


if __name__ == "__main__":
    job.run(main)
