"""Let a model into the registry only if it is good enough, not clearly worse than today's champion, and within limits.

Inputs: `evaluation/evaluation.json`, and where limits ask for them `bias/analysis.json` and
`explainability/analysis.json`. Output `gate/gate.json`: passed, the reasons in words, and the limits that were broken.
A model that fails ends the step, and with it the pipeline, with those reasons.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, Dict, List, Optional, Sequence

from monitoring import limits as limits_
from monitoring.limits import Broken, LimitError, Limits
from monitoring.steps import job

ANALYSIS = "analysis.json"


@dataclass(frozen=True)
class Rule:
    """What a model must reach. `tolerance` is the loss of AUC against the champion that nobody would mind."""

    min_auc: float
    tolerance: float
    confidence: float
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Verdict:
    """The reasons are all those for passing, or all those against."""

    passed: bool
    reasons: List[str]
    broken: List[Broken] = field(default_factory=list)

    def document(self) -> Dict[str, Any]:
        return {**vars(self), "broken": [vars(each) for each in self.broken]}


def decide(
    evaluation: Dict[str, Any],
    rule: Rule,
    bias: Optional[Dict[str, Any]] = None,
    explanation: Optional[Dict[str, Any]] = None,
) -> Verdict:
    """Judge evaluation.json and the two analyses; raises LimitError for a limit of what they do not hold.

    Against the champion the burden of proof is on failure: the model fails if even the upper bound of the paired
    difference (one-sided, at `confidence`) lies below minus `tolerance`. On a test of a few thousand rows two equal
    models differ by chance, and a gate that asked for "not lower" would refuse every second one. Limits are judged by
    the value itself, and their intervals only told.
    """
    checks = [_minimum(evaluation["auc"], rule)]
    if evaluation.get("champion"):
        checks.append(_against(evaluation["champion"], rule))
    broken = limits_.judge(bias, explanation, rule.limits)
    checks += [(False, each.text) for each in broken]
    checks += [(True, text) for text in limits_.kept(bias, explanation, rule.limits)]
    against = [reason for passed, reason in checks if not passed]
    return Verdict(not against, against or [reason for _, reason in checks], broken)


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


def _analysis(name: str) -> Optional[Dict[str, Any]]:
    """analysis.json of an input; None where the step has none."""
    path = job.input_folder(name) / ANALYSIS
    if not path.is_file():
        return None
    document: Dict[str, Any] = json.loads(path.read_text())
    return document


def main(argv: Optional[Sequence[str]] = None) -> None:
    parser = argparse.ArgumentParser(description="Gate before the registry")
    parser.add_argument("--min-auc", type=float, required=True)
    parser.add_argument("--tolerance", type=float, default=0.01, help="loss of AUC against the champion")
    parser.add_argument("--confidence", type=float, default=0.95, help="of the one-sided comparison")
    parser.add_argument("--limits", default="{}", help="JSON, as monitoring.limits reads it")
    arguments = parser.parse_args(argv)
    try:
        rule = Rule(arguments.min_auc, arguments.tolerance, arguments.confidence, Limits.read(arguments.limits))
        evaluation = json.loads((job.input_folder("evaluation") / "evaluation.json").read_text())
        verdict = decide(evaluation, rule, _analysis("bias"), _analysis("explainability"))
    except LimitError as error:
        raise job.StepError(f"gate: {error}") from None
    job.write_json(job.output_folder("gate") / "gate.json", verdict.document())
    if not verdict.passed:
        raise job.StepError("gate failed: " + "; ".join(verdict.reasons))
    print("gate passed: " + "; ".join(verdict.reasons))


if __name__ == "__main__":
    job.run(main)
