"""Split the rows, make features of what the model learns from, and describe it for the monitors.

The test rows are a random part, drawn with a fixed seed, the same share of each outcome. Where rows have dates, a later
period tells more of what a model will meet: see `loan_approval/steps/features.py`.

Outputs: `train/train.csv` (label and features), `test/test.csv` and `baseline/baseline.csv` (raw rows, the latter those
of train in their order), `data-quality/statistics.json` and `data-quality/constraints.json`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Dict, Optional, Sequence

import numpy as np

from monitoring import data_quality
from monitoring.steps import job
from tabular import files, traffic
from tabular.task import Task

SEED = 2026
TEST_SHARE = 0.3


@dataclass(frozen=True)
class Parts:
    """Frames: train holds label and features as numbers, test and baseline the schema's fields."""

    train: Any
    test: Any
    baseline: Any


Split = Callable[[Any, float], Parts]
"""(rows, test share) to the three frames."""


def transform(task: Task, rows: Any, test_share: float, seed: int = SEED, alike: Sequence[str] = ()) -> Parts:
    """Three frames of the rows; raises StepError if one of them is empty.

    alike: columns besides the outcome, of each combination of which the test rows are the same share.
    """
    is_test = np.zeros(len(rows), dtype=bool)
    rng = np.random.default_rng(seed)
    for _, places in sorted(rows.groupby([task.label, *alike]).indices.items()):
        is_test[rng.permutation(places)[: round(test_share * len(places))]] = True
    fields = [field.name for field in task.fields]
    learned, test = rows.loc[~is_test, fields], rows.loc[is_test, fields]
    for name, part in {"train": learned, "test": test}.items():
        if part.empty:
            raise job.StepError(f"{name}: no {task.row} left of {len(rows)} with a test share of {test_share:g}")
    return Parts(_features(task, learned), test, learned)


def _features(task: Task, rows: Any) -> Any:
    import pandas as pd

    names = list(task.encoder.names)
    matrix = task.encoder.encode({name: rows[name].tolist() for name in names})
    frame = pd.DataFrame(matrix, columns=names)
    frame.insert(0, task.label, np.array(task.is_positive(rows), dtype=int))
    return frame


def describe(task: Task, baseline: Any) -> Dict[str, Any]:
    """What rows look like, in Model Monitor's formats: documents by their names."""
    columns = {name: baseline[name].tolist() for name in task.encoder.names}
    watched = [traffic.feature(field) for field in task.inputs]
    return {
        "statistics": data_quality.statistics(columns, watched),
        "constraints": data_quality.constraints(watched),
    }


def main(task: Task, argv: Optional[Sequence[str]] = None, split: Optional[Split] = None) -> None:
    """split: the model's own way to divide the rows, instead of `transform`."""
    parser = argparse.ArgumentParser(description="Split the rows and make features")
    parser.add_argument("--test-share", type=float, default=TEST_SHARE, help="of the rows, 0 to 1")
    share = parser.parse_args(argv).test_share
    divide = split or partial(transform, task)
    parts = divide(files.read_rows(files.tables(job.input_folder("raw")), task.fields), share)
    for name, part in vars(parts).items():
        part.to_csv(job.output_folder(name) / f"{name}.csv", index=False)
        print(f"{name}: {len(part)} {task.row}s")
    for name, document in describe(task, parts.baseline).items():
        job.write_json(job.output_folder("data-quality") / f"{name}.json", document)
