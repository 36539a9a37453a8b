"""Split the loans by the day of approval, and make features of what the model learns from.

Outputs: `train/train.csv` and `validation/validation.csv` (label and features), `test/test.csv` and
`baseline/baseline.csv` (raw rows: each version of the model makes its own features of the test, and the endpoint
is monitored on what applicants send). The baseline has the loans of train and then those of validation, in their order,
so that what training says of each row can be laid beside it.

The validation rows are the last months of the training period, not a random part of it: a model is used on loans
approved after those it learned from, and a random split would hide what that costs.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any, Optional, Sequence

from loan_approval import schema
from loan_approval.encoding import FEATURES, encode
from loan_approval.steps import job
from loan_approval.steps.dataset import read_table


@dataclass(frozen=True)
class Split:
    """Days of approval, year-month-day, all included; `validation_months` end with the training period."""

    train_from: str
    train_to: str
    test_from: str
    test_to: str
    validation_months: int

    @property
    def validation_from(self) -> str:
        import pandas as pd

        after = pd.Timestamp(self.train_to) + pd.Timedelta(days=1)
        return (after - pd.DateOffset(months=self.validation_months)).strftime("%Y-%m-%d")


@dataclass(frozen=True)
class Parts:
    """Frames: train and validation hold the label and FEATURES, test all columns, baseline the schema's fields."""

    train: Any
    validation: Any
    test: Any
    baseline: Any


def transform(loans: Any, split: Split) -> Parts:
    """Four frames of the loans; raises StepError if one of them is empty."""
    import pandas as pd

    days = loans[schema.DATE]
    learning = loans[days.between(split.train_from, split.train_to)]
    is_late = learning[schema.DATE] >= split.validation_from
    early, late = learning[~is_late], learning[is_late]
    parts = Parts(
        train=_features(early),
        validation=_features(late),
        test=loans[days.between(split.test_from, split.test_to)],
        baseline=pd.concat([early, late])[[field.name for field in schema.FIELDS]],
    )
    for name, part in vars(parts).items():
        if part.empty:
            raise job.StepError(f"{name}: no loan left of {len(loans)} with {split}; check the four dates")
    return parts


def _features(loans: Any) -> Any:
    import pandas as pd

    matrix = encode({name: loans[name].tolist() for name in schema.INPUT_NAMES})
    frame = pd.DataFrame(matrix, columns=list(FEATURES))
    frame.insert(0, schema.LABEL, loans[schema.LABEL].to_numpy(int))
    return frame


def main(argv: Optional[Sequence[str]] = None) -> None:
    parser = argparse.ArgumentParser(description="Split the loans and make features")
    for option in ("--train-from", "--train-to", "--test-from", "--test-to"):
        parser.add_argument(option, required=True, help="year-month-day, included")
    parser.add_argument("--validation-months", type=int, default=3, help="at the end of the training period")
    parts = transform(read_table(job.input_folder("raw")), Split(**vars(parser.parse_args(argv))))
    for name, part in vars(parts).items():
        part.to_csv(job.output_folder(name) / f"{name}.csv", index=False)
        print(f"{name}: {len(part)} loans")


if __name__ == "__main__":
    job.run(main)
