"""Measure the model: how well it ranks, what it does to whom, and what it decides by.

Outputs: `evaluation/evaluation.json`; `model-quality/statistics.json`, `model-quality/constraints.json` and
`model-quality/outcomes.json`; `bias/analysis.json`, `bias/test_analysis.json` and `bias/constraints.json`;
`explainability/analysis.json`.

Ranking is measured on the test rows. Bias before training is that of the labels which the model learns from. Bias after
training is that of the decisions on every application, each by a model that did not learn from it (those of train
cross-fitted, those of test by the model itself), because the 102 black applicants of the test rows alone would leave
an interval of DI some 0.2 wide; theirs is in `test_analysis.json`.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
from numpy.typing import NDArray

from monitoring import attribution, bias, calibration, limits, model_quality
from monitoring.auc import auc
from monitoring.model import Explanation
from monitoring.steps import job
from mortgage_approval import monitor
from mortgage_approval.monitor import FACETS, MODEL
from mortgage_approval.schema import ENCODER, FIELDS, LABEL, YES
from tabular import files, model_file

Array = NDArray[np.float64]
Documents = Dict[str, Dict[str, Any]]

DECISION = "decision"


def transform(
    learned: Any, cross_fitted: Array, test: Any, ours: Array, threshold: float, explanation: Explanation
) -> Documents:
    """Documents by their place: output, then file.

    learned, test: frames with the schema's fields, with a probability of each row that was not made from it.
    """
    import pandas as pd

    everything, probabilities = pd.concat([learned, test]), np.concatenate([cross_fitted, ours])
    training = _counts(learned, [not denied for denied in _denied(learned)])
    decided = _counts(everything, (probabilities <= threshold).tolist())
    tested = _counts(test, (ours <= threshold).tolist())
    labels = np.array(_denied(test), dtype=np.float64)
    quality = model_quality.statistics(labels, ours, threshold)
    evaluation = {
        **quality,
        "auc": asdict(auc(labels, ours)),
        "champion": None,
        "decision_threshold": threshold,
        "rows": {"train": len(learned), "test": len(test)},
        "denied": {"train": sum(_denied(learned)), "test": int(labels.sum())},
        "approval_rate": float((probabilities <= threshold).mean()),
    }
    document = bias.analysis(decided, DECISION, MODEL.favourable, training=training, intervals=True)
    scores, denied = probabilities.tolist(), [float(each) for each in _denied(everything)]
    return {
        "evaluation/evaluation.json": evaluation,
        "model-quality/statistics.json": quality,
        "model-quality/constraints.json": model_quality.constraints(quality),
        "model-quality/outcomes.json": calibration.baseline(scores, denied, final=True),
        "bias/analysis.json": document,
        "bias/test_analysis.json": bias.analysis(tested, DECISION, MODEL.favourable, intervals=True),
        "bias/constraints.json": bias.baseline(decided, DECISION, MODEL.favourable),
        "explainability/analysis.json": attribution.baseline(explanation),
    }


def _denied(applications: Any) -> List[bool]:
    return [label == YES for label in applications[LABEL]]


def _counts(applications: Any, approved: Sequence[bool]) -> bias.Counts:
    columns = {facet.name: applications[facet.name].tolist() for facet in FACETS}
    return bias.counts(FACETS, columns, approved, [not denied for denied in _denied(applications)])


def _lines(documents: Documents) -> List[str]:
    evaluation = documents["evaluation/evaluation.json"]
    area, shares = evaluation["auc"], limits.shares(documents["explainability/analysis.json"])
    largest = ", ".join(f"{name} {share:.0%}" for name, share in list(shares.items())[:3])
    return [
        f"test: {evaluation['rows']['test']} applications, {evaluation['denied']['test']} denied",
        f"AUC {area['value']:.4f} (95 % interval {area['lower']:.4f} to {area['upper']:.4f})",
        f"approving up to {evaluation['decision_threshold']:g}: {evaluation['approval_rate']:.1%} of all",
        *limits.told(documents["bias/analysis.json"], ("DPL", "DPPL", "DI", "RD")),
        f"decided by: {largest}",
    ]


def main(argv: Optional[Sequence[str]] = None) -> None:
    argparse.ArgumentParser(description="Measure the model").parse_args(argv)
    import pandas as pd

    learned, test = (files.read_rows(files.tables(job.input_folder(name)), FIELDS) for name in ("baseline", "test"))
    with tempfile.TemporaryDirectory() as work:
        from mortgage_approval.inference import model_fn

        folder = model_file.unpack(job.input_folder("model"), Path(work))
        model = model_fn(str(folder))
        columns = {name: test[name].tolist() for name in ENCODER.names}
        ours, explanation = model.probabilities(columns), monitor.explain(folder, columns)
        said = pd.read_csv(folder / model_file.CROSS_FITTED_FILE)
    if said[LABEL].tolist() != [int(denied) for denied in _denied(learned)]:
        raise job.StepError(
            f"{model_file.CROSS_FITTED_FILE}: {len(said)} rows that are not the {len(learned)} of the baseline; "
            "run the pipeline again without cached steps"
        )
    cross_fitted = said["probability"].to_numpy(np.float64)
    documents = transform(learned, cross_fitted, test, ours, model.decision_threshold, explanation)
    for place, document in documents.items():
        output, file = place.split("/")
        job.write_json(job.output_folder(output) / file, document)
    print("\n".join(_lines(documents)))


if __name__ == "__main__":
    job.run(main)
