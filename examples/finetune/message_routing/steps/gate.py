"""Let a fine-tuned model into the registry only if it is good enough, and better than the base model as it is.

Input `evaluation/evaluation.json`, output `gate/gate.json`: passed, and the reasons in words. A model that fails ends
the step, and with it the pipeline, with those reasons.
"""

from __future__ import annotations

import argparse
import json
from typing import Any, Dict, List, Optional, Sequence, Tuple

from monitoring.steps import job


def decide(evaluation: Dict[str, Any], min_auc: float, error_rate: float) -> Tuple[bool, List[str]]:
    """Whether it passes, and why.

    The burden of proof is on the adapter: it costs a training, an archive and a review, and whoever cannot show that it
    routes better (the sign test over cases, one-sided, at `error_rate`) may serve the base model as well.
    """
    area, compared = evaluation["auc"], evaluation["against_base"]
    enough = area >= min_auc
    better = compared["p_not_better"] <= error_rate
    chance = compared["p_not_better"]
    told = "p < 0.0001" if chance < 0.0001 else f"p = {chance:.4f}"
    accuracies = f"accuracy {evaluation['accuracy']['value']:.4f} against {evaluation['base']['accuracy']['value']:.4f}"
    checks = [
        (enough, f"mean AUC {area:.4f} is {'at least' if enough else 'below'} the minimum {min_auc:g}"),
        (
            better,
            f"it is {'' if better else 'not shown to be '}better than the base model: {accuracies}, {compared['won']} "
            f"of {compared['cases']} cases won, {compared['lost']} lost, {told}",
        ),
    ]
    against = [reason for passed, reason in checks if not passed]
    return not against, against or [reason for _, reason in checks]


def main(argv: Optional[Sequence[str]] = None) -> None:
    parser = argparse.ArgumentParser(description="Gate before the registry")
    parser.add_argument("--min-auc", type=float, required=True)
    parser.add_argument("--error-rate", type=float, default=0.05)
    arguments = parser.parse_args(argv)
    evaluation = json.loads((job.input_folder("evaluation") / "evaluation.json").read_text())
    passed, reasons = decide(evaluation, arguments.min_auc, arguments.error_rate)
    job.write_json(job.output_folder("gate") / "gate.json", {"passed": passed, "reasons": reasons})
    if not passed:
        raise job.StepError("gate failed: " + "; ".join(reasons))
    print("gate passed: " + "; ".join(reasons))


if __name__ == "__main__":
    job.run(main)
