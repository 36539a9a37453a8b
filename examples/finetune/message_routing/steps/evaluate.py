"""Measure the fine-tuned model on the test messages, beside the base model under a layer of its own.

Output `evaluation/evaluation.json`: accuracy with its interval, the mean over teams of the area under the ROC curve
(each against the others), both also of the base model, and in how many cases which of the two was right more often.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict, dataclass
from math import comb, sqrt
from pathlib import Path
from statistics import mean
from typing import Any, Dict, List, Optional, Sequence, Tuple

from message_routing import messages, router
from message_routing.messages import TEAMS, Message
from monitoring.archive import extract
from monitoring.auc import auc
from monitoring.steps import job

Z = 1.959964
"""Of a 95 % interval."""


@dataclass(frozen=True)
class Share:
    value: float
    lower: float
    upper: float


def share(right: int, rows: int) -> Share:
    """A share with its 95 % interval, by Wilson's formula (1927)."""
    value, square = right / rows, Z * Z
    middle, width = value + square / (2 * rows), Z * sqrt(value * (1 - value) / rows + square / (4 * rows * rows))
    return Share(value, (middle - width) / (1 + square / rows), (middle + width) / (1 + square / rows))


def at_least(wins: int, losses: int) -> float:
    """Probability that a fair coin shows heads at least `wins` times: the sign test, one-sided."""
    tossed = wins + losses
    return sum(comb(tossed, heads) for heads in range(wins, tossed + 1)) / 2.0**tossed


def measure(shares: Sequence[Sequence[float]], rows: Sequence[Message]) -> Tuple[Dict[str, Any], List[bool]]:
    """Figures of one model, and whether it was right, row by row."""
    chosen = [max(range(len(TEAMS)), key=each.__getitem__) for each in shares]
    right = [team == row.label for team, row in zip(chosen, rows)]
    areas = {
        team: auc([row.label == index for row in rows], [each[index] for each in shares]).value
        for index, team in enumerate(TEAMS)
    }
    recall = {team: mean(hit for hit, row in zip(right, rows) if row.team == team) for team in TEAMS}
    figures = {"accuracy": asdict(share(sum(right), len(right))), "auc": mean(areas.values())}
    return {**figures, "auc_by_team": areas, "recall_by_team": recall}, right


def compare(ours: Sequence[bool], base: Sequence[bool], cases: Sequence[str]) -> Dict[str, Any]:
    """The fine-tuned model beside the base model on the same messages, case by case.

    Messages of one case say nearly the same and are one piece of evidence: it is for the model that was right on more
    of them.
    """
    gained: Dict[str, int] = {}
    for mine, other, case in zip(ours, base, cases):
        gained[case] = gained.get(case, 0) + mine - other
    wins, losses = sum(each > 0 for each in gained.values()), sum(each < 0 for each in gained.values())
    return {
        "cases": len(gained),
        "won": wins,
        "lost": losses,
        "accuracy_difference": mean(mine - other for mine, other in zip(ours, base)),
        "p_not_better": at_least(wins, losses),
    }


def main(argv: Optional[Sequence[str]] = None) -> None:
    argparse.ArgumentParser(description="Evaluate beside the base model").parse_args(argv)
    rows, _ = messages.read(messages.files(job.input_folder("test")))
    texts = [each.text for each in rows]
    archives = sorted(job.input_folder("model").glob("*.tar.gz"))
    if len(archives) != 1:
        raise job.StepError(f"model: {len(archives)} archives, expected one model.tar.gz")
    with tempfile.TemporaryDirectory() as work:
        folder = extract(archives[0], Path(work) / "candidate")
        metadata = router.metadata_of(folder)
        ours, right = measure(router.Router(folder).shares(texts).tolist(), rows)
        base, base_right = measure(router.Router(folder, adapted=False).shares(texts).tolist(), rows)
    compared = compare(right, base_right, [each.case for each in rows])
    evaluation = {
        "rows": len(rows),
        **ours,
        "base": base,
        "against_base": compared,
        **{name: metadata[name] for name in ("parameters", "adaptation", "device")},
    }
    job.write_json(job.output_folder("evaluation") / "evaluation.json", evaluation)
    print(
        f"accuracy {ours['accuracy']['value']:.4f} (95 % interval {ours['accuracy']['lower']:.4f} to "
        f"{ours['accuracy']['upper']:.4f}), base model {base['accuracy']['value']:.4f}, which is "
        f"worse in {compared['won']} of {compared['cases']} cases and better in {compared['lost']}"
    )


if __name__ == "__main__":
    job.run(main)
