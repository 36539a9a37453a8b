"""Measure the model: how well it ranks, and what it decides by.

Outputs: `evaluation/evaluation.json`; `model-quality/statistics.json`, `model-quality/constraints.json` and
`model-quality/outcomes.json`; `explainability/analysis.json`. Ranking is measured on the test rows; what a window of
outcomes is compared with, on all rows, each scored by a model that did not learn from it.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

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


BIAS = "bias/analysis.json"
TOLD = ("DPL", "DPPL", "DI", "RD")
"""Metrics of bias that the log tells, where a model measures them."""


@dataclass(frozen=True)
class Scored:
    """A frame with the schema's fields, and a probability of each row that was not made from it."""

    rows: Any
    probabilities: Array


Also = Callable[[Scored, Scored, float], Documents]
"""(learned, test, threshold) to documents."""


def nothing(_learned: Scored, _test: Scored, _threshold: float) -> Documents:
    return {}


def pooled(learned: Scored, test: Scored) -> Scored:
    import pandas as pd

    probabilities = np.concatenate([learned.probabilities, test.probabilities])
    return Scored(pd.concat([learned.rows, test.rows]), probabilities)


def transform(task: Task, learned: Scored, test: Scored, threshold: float, explanation: Explanation) -> Documents:
    """Documents by their place: output, then file."""
    everything = pooled(learned, test)
    positive = {name: task.is_positive(part.rows) for name, part in {"train": learned, "test": test}.items()}
    labels = np.array(positive["test"], dtype=np.float64)
    quality = model_quality.statistics(labels, test.probabilities, threshold)
    evaluation = {
        **quality,
        "auc": asdict(auc(labels, test.probabilities)),
        "champion": None,
        "decision_threshold": threshold,
        "rows": {name: len(part) for name, part in positive.items()},
        task.called: {name: sum(part) for name, part in positive.items()},
        "approval_rate": float((everything.probabilities <= threshold).mean()),
    }
    outcomes = [float(each) for each in (*positive["train"], *positive["test"])]
    return {
        "evaluation/evaluation.json": evaluation,
        "model-quality/statistics.json": quality,
        "model-quality/constraints.json": model_quality.constraints(quality),
        "model-quality/outcomes.json": calibration.baseline(everything.probabilities.tolist(), outcomes, final=True),
        "explainability/analysis.json": attribution.baseline(explanation),
    }


def _lines(task: Task, documents: Documents) -> List[str]:
    evaluation = documents["evaluation/evaluation.json"]
    area, shares = evaluation["auc"], limits.shares(documents["explainability/analysis.json"])
    largest = ", ".join(f"{name} {share:.0%}" for name, share in list(shares.items())[:3])
    return [
        f"test: {evaluation['rows']['test']} {task.row}s, {evaluation[task.called]['test']} {task.called}",
        f"AUC {area['value']:.4f} (95 % interval {area['lower']:.4f} to {area['upper']:.4f})",
        f"approving up to {evaluation['decision_threshold']:g}: {evaluation['approval_rate']:.1%} of all",
        *(limits.told(documents[BIAS], TOLD) if BIAS in documents else ()),
        f"decided by: {largest}",
    ]


def main(task: Task, argv: Optional[Sequence[str]] = None, also: Also = nothing) -> None:
    """also: what is measured of the model besides."""
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
    if said[task.label].tolist() != [int(each) for each in task.is_positive(learned)]:
        raise job.StepError(
            f"{model_file.CROSS_FITTED_FILE}: {len(said)} rows that are not the {len(learned)} of the baseline; "
            "run the pipeline again without cached steps"
        )
    parts = Scored(learned, said["probability"].to_numpy(np.float64)), Scored(test, ours)
    threshold = model.decision_threshold
    documents = {**transform(task, *parts, threshold, explanation), **also(*parts, threshold)}
    for place, document in documents.items():
        output, file = place.split("/")
        job.write_json(job.output_folder(output) / file, document)
    print("\n".join(_lines(task, documents)))
