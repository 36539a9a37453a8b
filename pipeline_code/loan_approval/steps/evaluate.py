"""Measure the new model on loans approved after those it learned from, and today's champion on the same loans.

Outputs: `evaluation/evaluation.json` and `evaluation/predictions.csv`; `model-quality/statistics.json` and
`model-quality/constraints.json` of the test loans in Model Monitor's formats; and what the monitors compare the version
with once it serves (expectations.py): `model-quality/outcomes.json`, `model-quality/outcome_statistics.json` and
`model-quality/outcome_constraints.json`, `bias/analysis.json` and `bias/constraints.json`,
`explainability/analysis.json`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
from numpy.typing import NDArray

from loan_approval import metrics, monitor
from loan_approval.schema import DATE, LABEL, OUTCOMES
from loan_approval.steps import champion as champions
from loan_approval.steps import expectations, job
from loan_approval.steps.champion import Champion, Scoring
from loan_approval.steps.dataset import read_table
from monitoring import model_quality
from monitoring.auc import auc, auc_difference
from tabular import model_file

Array = NDArray[np.float64]

THRESHOLDS = (0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.40, 0.50)
"""Thresholds of the decision table, besides the model's own."""

EXPLAINED, EXPLAINED_SEED = 5000, 20021001
"""Loans of the test period that are explained: as many as the monitor explains of a window's predictions."""


def transform(labels: Array, probabilities: Array, threshold: float) -> Dict[str, Any]:
    """What is measured of one model, apart from the period and the champion.

    `binary_classification_metrics` has Model Monitor's names, so that conditions and metadata find them where they
    do for any other model.
    """
    statistics = model_quality.statistics(labels, probabilities, threshold)
    return {
        **statistics,
        "auc": asdict(auc(labels, probabilities)),
        "ks": metrics.kolmogorov_smirnov(labels, probabilities),
        "brier": metrics.brier(labels, probabilities),
        "calibration": metrics.calibration(labels, probabilities),
        "decision_threshold": threshold,
        "decision_table": metrics.decision_table(labels, probabilities, sorted({*THRESHOLDS, threshold})),
    }


def compare(labels: Array, ours: Array, theirs: Array) -> Dict[str, Any]:
    """The champion's AUC on the same loans, and the paired difference (ours minus theirs)."""
    return {"auc": asdict(auc(labels, theirs)), "auc_difference": asdict(auc_difference(labels, ours, theirs))}


def _cross_fitted(folder: Path, learned: Any) -> Array:
    """Probability of each loan that the model learned from; raises StepError if they are other loans than `learned`."""
    import pandas as pd

    table = pd.read_csv(folder / model_file.CROSS_FITTED_FILE)
    if table[LABEL].tolist() != learned[LABEL].tolist():
        raise job.StepError(
            f"{model_file.CROSS_FITTED_FILE}: {len(table)} loans that are not the {len(learned)} of the baseline, in "
            "their order; run the pipeline again without cached steps"
        )
    return table["probability"].to_numpy(np.float64)


def _some(loans: Any) -> Any:
    """All loans, or EXPLAINED of them, always the same."""
    if len(loans) <= EXPLAINED:
        return loans
    chosen = np.random.default_rng(EXPLAINED_SEED).choice(len(loans), EXPLAINED, replace=False)
    return loans.iloc[np.sort(chosen)]


def _find_champion(work: Path) -> Optional[Champion]:
    parameter = os.environ.get("CHAMPION_PARAMETER")
    if not parameter:
        return None
    import boto3

    return champions.fetch(parameter, work, boto3.client)


def _lines(evaluation: Dict[str, Any]) -> List[str]:
    area, own = evaluation["auc"], evaluation["decision_threshold"]
    decision = next(row for row in evaluation["decision_table"] if row["threshold"] == own)
    lines = [
        f"test: {evaluation['period']['rows']} loans approved {evaluation['period']['first']} to "
        f"{evaluation['period']['last']}, {evaluation['period']['charged_off']} charged off",
        f"AUC {area['value']:.4f} (95 % interval {area['lower']:.4f} to {area['upper']:.4f}), "
        f"KS {evaluation['ks']:.4f}, Brier {evaluation['brier']['value']:.4f}",
        f"calibration: expected {evaluation['calibration']['expected']:.4f}, observed "
        f"{evaluation['calibration']['observed']:.4f}, slope {evaluation['calibration']['slope']:.3f}",
        f"approving up to {own:g}: {decision['approval_rate']:.1%} of loans, of which "
        + (f"{decision['charge_off_rate']:.1%} charged off" if decision["approved"] else "none"),
    ]
    if evaluation["champion"]:
        gap = evaluation["champion"]["auc_difference"]
        lines.append(
            f"champion {evaluation['champion']['version']}: AUC {evaluation['champion']['auc']['value']:.4f}, "
            f"difference {gap['value']:+.4f} (95 % interval {gap['lower']:+.4f} to {gap['upper']:+.4f})"
        )
    return lines


def main(argv: Optional[Sequence[str]] = None) -> None:
    parser = argparse.ArgumentParser(description="Evaluate on the test period")
    parser.add_argument("--label-maturity-days", type=int, default=730, help="from an approval to its matured label")
    days = parser.parse_args(argv).label_maturity_days
    import pandas as pd  # here and below: what takes longer to import than to use comes when the step needs it

    loans, learned = read_table(job.input_folder("test")), read_table(job.input_folder("baseline"))
    labels = loans[LABEL].to_numpy(np.float64)
    if len(np.unique(labels)) != 2:
        raise job.StepError(f"test: {len(loans)} loans with one outcome only; choose a test period with both")
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        champion, scoring = _find_champion(work), None
        if champion:
            rows = work / "rows.csv"
            loans.drop(columns=list(OUTCOMES)).to_csv(rows, index=False)  # no model is shown the outcome
            scoring = Scoring(champion, rows, work / "probabilities.csv")
        from loan_approval.inference import model_fn  # imports XGBoost, while the champion already scores

        folder = model_file.unpack(job.input_folder("model"), work)
        model = model_fn(str(folder))
        ours = model.probabilities(expectations.inputs(loans))
        known = pd.concat([learned, loans], ignore_index=True)
        probabilities = np.concatenate([_cross_fitted(folder, learned), ours])
        explanation = monitor.explain(folder, expectations.inputs(_some(loans)))
        theirs = scoring.probabilities() if scoring else None
    evaluation = transform(labels, ours, model.decision_threshold)
    evaluation["period"] = {
        "first": loans[DATE].min(),
        "last": loans[DATE].max(),
        "rows": len(loans),
        "charged_off": int(labels.sum()),
    }
    evaluation["champion"] = None
    predictions = {LABEL: labels.astype(int), "probability": ours}
    if champion and theirs is not None:
        named = {"model_package_arn": champion.package_arn, "version": champion.version}
        evaluation["champion"] = {**named, **compare(labels, ours, theirs)}
        predictions["champion_probability"] = theirs
    _write(evaluation, type(loans)(predictions))
    expected = expectations.transform(known, probabilities, model.decision_threshold, days, explanation)
    for place, document in expected.items():
        output, file = place.split("/")
        job.write_json(job.output_folder(output) / file, document)
    print("\n".join(_lines(evaluation)))


def _write(evaluation: Dict[str, Any], predictions: Any) -> None:
    folder, quality = job.output_folder("evaluation"), job.output_folder("model-quality")
    job.write_json(folder / "evaluation.json", evaluation)
    predictions.to_csv(folder / "predictions.csv", index=False)
    statistics = {key: evaluation[key] for key in ("version", "dataset", "binary_classification_metrics")}
    job.write_json(quality / "statistics.json", statistics)
    job.write_json(quality / "constraints.json", model_quality.constraints(statistics))


if __name__ == "__main__":
    job.run(main)
