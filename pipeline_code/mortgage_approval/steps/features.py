"""Split the applications, make features of what the model learns from, and describe it for the monitors.

The data have no dates: all are of 1990. So the test rows are a random part of them, drawn with a fixed seed, the same
share of each combination of outcome and race, since few applicants were black. What a later year would bring, this
split cannot tell.

Outputs: `train/train.csv` (label, features, and race for reweighing), `test/test.csv` and `baseline/baseline.csv` (raw
rows, the latter those of train in their order), `data-quality/statistics.json` and `data-quality/constraints.json`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any, Dict, Optional, Sequence

import numpy as np

from monitoring import data_quality
from monitoring.steps import job
from mortgage_approval.monitor import MODEL
from mortgage_approval.schema import ENCODER, FIELDS, LABEL, RACE, YES
from tabular import files

SEED = 1990


@dataclass(frozen=True)
class Parts:
    """Frames: train holds label, features and race as numbers, test and baseline the schema's fields."""

    train: Any
    test: Any
    baseline: Any


def transform(applications: Any, test_share: float, seed: int = SEED) -> Parts:
    """Three frames of the applications; raises StepError if one of them is empty."""
    is_test = np.zeros(len(applications), dtype=bool)
    rng = np.random.default_rng(seed)
    for _, places in sorted(applications.groupby([LABEL, RACE]).indices.items()):
        is_test[rng.permutation(places)[: round(test_share * len(places))]] = True
    fields = [field.name for field in FIELDS]
    learned, test = applications.loc[~is_test, fields], applications.loc[is_test, fields]
    for name, part in {"train": learned, "test": test}.items():
        if part.empty:
            raise job.StepError(
                f"{name}: no application left of {len(applications)} with a test share of {test_share:g}"
            )
    return Parts(_features(learned), test, learned)


def _features(applications: Any) -> Any:
    import pandas as pd

    matrix = ENCODER.encode({name: applications[name].tolist() for name in ENCODER.names})
    frame = pd.DataFrame(matrix, columns=list(ENCODER.names))
    frame.insert(0, LABEL, (applications[LABEL] == YES).to_numpy(int))
    frame[RACE] = (applications[RACE] == YES).to_numpy(int)
    return frame


def describe(baseline: Any) -> Dict[str, Any]:
    """What applications look like, in Model Monitor's formats: documents by their names."""
    columns = {name: baseline[name].tolist() for name in ENCODER.names}
    return {
        "statistics": data_quality.statistics(columns, MODEL.features),
        "constraints": data_quality.constraints(MODEL.features),
    }


def main(argv: Optional[Sequence[str]] = None) -> None:
    parser = argparse.ArgumentParser(description="Split the applications and make features")
    parser.add_argument("--test-share", type=float, default=0.3, help="of the applications, 0 to 1")
    share = parser.parse_args(argv).test_share
    parts = transform(files.read_rows(files.tables(job.input_folder("raw")), FIELDS), share)
    for name, part in vars(parts).items():
        part.to_csv(job.output_folder(name) / f"{name}.csv", index=False)
        print(f"{name}: {len(part)} applications")
    for name, document in describe(parts.baseline).items():
        job.write_json(job.output_folder("data-quality") / f"{name}.json", document)


if __name__ == "__main__":
    job.run(main)
