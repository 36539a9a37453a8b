"""Measure the model: how well it ranks, and what it decides by.

Outputs: `evaluation/evaluation.json`; `model-quality/statistics.json`, `model-quality/constraints.json` and
`model-quality/outcomes.json`; `explainability/analysis.json`. Ranking is measured on the test rows; what a window of
outcomes is compared with, on all rows, each scored by a model that did not learn from it.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
from numpy.typing import NDArray

from monitoring import attribution, calibration, limits, model_quality
from monitoring.auc import auc
from monitoring.model import Explanation
from monitoring.steps import job
from tabular import files, model_file
from tabular.scoring import Handlers
from tabular.task import Task

Array = NDArray[np.float64]
Documents = Dict[str, Dict[str, Any]]


def transform(
    learned: Sequence[bool],
    cross_fitted: Array,
    test: Sequence[bool],
    ours: Array,
    threshold: float,
    explanation: Explanation,
) -> Documents:
    """Documents by their place: output, then file.

    learned, test: whether the outcome was the positive one, with a probability of each row that was not made from it.
    """
    everything, probabilities = [*learned, *test], np.concatenate([cross_fitted, ours])
    labels = np.array(test, dtype=np.float64)
    quality = model_quality.statistics(labels, ours, threshold)
    evaluation = {
        **quality,
        "auc": asdict(auc(labels, ours)),
        "champion": None,
        "decision_threshold": threshold,
        "rows": {"train": len(learned), "test": len(test)},
        "positive": {"train": sum(learned), "test": sum(test)},
        "approval_rate": float((probabilities <= threshold).mean()),
    }
    outcomes = calibration.baseline(probabilities.tolist(), [float(each) for each in everything], final=True)
    return {
        "evaluation/evaluation.json": evaluation,
        "model-quality/statistics.json": quality,
        "model-quality/constraints.json": model_quality.constraints(quality),
        "model-quality/outcomes.json": outcomes,
        "explainability/analysis.json": attribution.baseline(explanation),
    }


def _lines(documents: Documents) -> List[str]:
    evaluation = documents["evaluation/evaluation.json"]
    area, shares = evaluation["auc"], limits.shares(documents["explainability/analysis.json"])
    largest = ", ".join(f"{name} {share:.0%}" for name, share in list(shares.items())[:3])
    return [
        f"test: {evaluation['rows']['test']} rows, {evaluation['positive']['test']} of them positive",
        f"AUC {area['value']:.4f} (95 % interval {area['lower']:.4f} to {area['upper']:.4f})",
        f"approving up to {evaluation['decision_threshold']:g}: {evaluation['approval_rate']:.1%} of all",
        f"decided by: {largest}",
    ]


def main(task: Task, argv: Optional[Sequence[str]] = None) -> None:
    argparse.ArgumentParser(description="Measure the model").parse_args(argv)
    import pandas as pd

    learned, test = (files.read_rows(files.tables(job.input_folder(n)), task.fields) for n in ("baseline", "test"))
    handlers, names = Handlers(task), task.encoder.names
    with tempfile.TemporaryDirectory() as work:
        folder = model_file.unpack(job.input_folder("model"), Path(work))
        model = handlers.model_fn(str(folder))
        columns = {name: test[name].tolist() for name in names}
        ours, explanation = model.probabilities(columns), handlers.explain(folder, columns)
        said = pd.read_csv(folder / model_file.CROSS_FITTED_FILE)
    positive = task.is_positive(learned)
    if said[task.label].tolist() != [int(each) for each in positive]:
        raise job.StepError(
            f"{model_file.CROSS_FITTED_FILE}: {len(said)} rows that are not the {len(learned)} of the baseline; "
            "run the pipeline again without cached steps"
        )
    cross_fitted = said["probability"].to_numpy(np.float64)
    threshold = model.decision_threshold
    documents = transform(positive, cross_fitted, task.is_positive(test), ours, threshold, explanation)
    for place, document in documents.items():
        output, file = place.split("/")
        job.write_json(job.output_folder(output) / file, document)
    print("\n".join(_lines(documents)))
