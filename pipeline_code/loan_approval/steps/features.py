"""Split the loans by the day of approval, and make features of what the model learns from.

Where the model has a feature store, each loan first gets what was known of its bank when the day of its approval began
(features/as_of.py). What a bank did on that day or later, and with it what became of the loan itself, is not in it.

Outputs: `train/train.csv` and `validation/validation.csv` (label and features), `test/test.csv` and
`baseline/baseline.csv` (raw rows and history: each version of the model makes its own features of the test, and the
endpoint is monitored on what applicants send). The baseline has the loans of train and then those of validation, in
their order, so that what training says of each row can be laid beside it. `joined/joined.json`: as of which moment the
feature store was read, under which run, and of how many rows something was known.

The validation rows are the last months of the training period, not a random part of it: a model is used on loans
approved after those it learned from, and a random split would hide what that costs.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Tuple

from loan_approval import schema
from loan_approval.encoding import FEATURES, encode
from loan_approval.steps import job
from loan_approval.steps.dataset import read_table
from loan_approval.steps.ingest import FEATURE_GROUP

NOW = "now"
OFFLINE_SECONDS = 1800
"""What was ingested is in the offline store after some fifteen minutes (developer guide: offline store)."""

Known = Mapping[str, Mapping[str, Any]]
Join = Callable[[Sequence[Tuple[str, str, str]]], Known]
"""From rows (name, bank, moment) to what was known of the bank at the moment, by the row's name."""


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
    """Four frames of the loans with their history; raises StepError if one of them is empty."""
    import pandas as pd

    days = loans[schema.DATE]
    learning = loans[days.between(split.train_from, split.train_to)]
    is_late = learning[schema.DATE] >= split.validation_from
    early, late = learning[~is_late], learning[is_late]
    parts = Parts(
        train=_features(early),
        validation=_features(late),
        test=loans[days.between(split.test_from, split.test_to)],
        baseline=pd.concat([early, late])[[field.name for field in (*schema.FIELDS, *schema.HISTORY)]],
    )
    for name, part in vars(parts).items():
        if part.empty:
            raise job.StepError(f"{name}: no loan left of {len(loans)} with {split}; check the four dates")
    return parts


def _features(loans: Any) -> Any:
    import pandas as pd

    matrix = encode({name: loans[name].tolist() for name in schema.SEEN_NAMES})
    frame = pd.DataFrame(matrix, columns=list(FEATURES))
    frame.insert(0, schema.LABEL, loans[schema.LABEL].to_numpy(int))
    return frame


def with_history(loans: Any, join: Join) -> Any:
    """The loans with HISTORY_NAMES, NaN where nothing was known; a bank and a day are asked for once."""
    import pandas as pd

    asked = pd.DataFrame({"bank": loans["bank"].map(schema.bank_of), "day": loans[schema.DATE]})
    pairs = asked.drop_duplicates().reset_index(drop=True)
    rows = [(str(row), bank, f"{day}T00:00:00Z") for row, (bank, day) in enumerate(pairs.itertuples(index=False))]
    known = join(rows)
    for name in schema.HISTORY_NAMES:
        pairs[name] = pd.Series([known.get(row, {}).get(name) for row, _, _ in rows], dtype="float64")
    found = asked.merge(pairs, on=["bank", "day"], how="left", validate="many_to_one")
    return loans.assign(**{name: found[name].to_numpy() for name in schema.HISTORY_NAMES})


def _feature_store(run: str, as_of: datetime.datetime) -> Join:
    """The join of the feature group that the job's environment names; waits until what was ingested can be read."""
    import boto3

    from features.describe import described
    from features.offline import OfflineStore

    clients = {name: boto3.client(name) for name in ("athena", "s3", "sagemaker")}
    store = OfflineStore(
        **clients,
        workgroup=os.environ["FEATURES_WORKGROUP"],
        rows_table=os.environ["FEATURES_ROWS_TABLE"],
        rows_uri=os.environ["FEATURES_ROWS_URI"],
        results_uri=os.environ["FEATURES_RESULTS_URI"],
    )
    group = described(clients["sagemaker"], os.environ[FEATURE_GROUP])
    awaited = json.loads((job.input_folder("ingested") / "ingested.json").read_text())["awaited"]
    store.wait_for(group, awaited, OFFLINE_SECONDS)

    def join(rows: Sequence[Tuple[str, str, str]]) -> Known:
        found: Known = store.join(rows, group, run=run, as_of=as_of)
        return found

    return join


def _moment(text: str) -> datetime.datetime:
    """`now`, or a moment of ISO 8601, in UTC."""
    if text == NOW:
        return datetime.datetime.now(datetime.timezone.utc)
    try:
        moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither {NOW} nor a moment such as 2026-11-21T00:00:00Z"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)


def main(argv: Optional[Sequence[str]] = None) -> None:
    parser = argparse.ArgumentParser(description="Split the loans and make features")
    for option in ("--train-from", "--train-to", "--test-from", "--test-to"):
        parser.add_argument(option, required=True, help="year-month-day, included")
    parser.add_argument("--validation-months", type=int, default=3, help="at the end of the training period")
    parser.add_argument(
        "--features-as-of", type=_moment, default=NOW, help="what the feature store got later is unseen"
    )
    parser.add_argument("--run", default="by-hand", help="name of this run below the places of rows and results")
    given = vars(parser.parse_args(argv))
    as_of, run = given.pop("features_as_of"), given.pop("run")
    join = _feature_store(run, as_of) if FEATURE_GROUP in os.environ else _nothing_known
    loans = with_history(read_table(job.input_folder("raw")), join)
    parts = transform(loans, Split(**given))
    known = int(loans[schema.HISTORY_NAMES[0]].notna().sum())
    joined: Dict[str, Any] = {"as_of": as_of.isoformat(), "run": run, "rows": len(loans), "known": known}
    job.write_json(job.output_folder("joined") / "joined.json", joined)
    print(f"history known of {known} of {len(loans)} loans, as of {joined['as_of']}")
    for name, part in vars(parts).items():
        part.to_csv(job.output_folder(name) / f"{name}.csv", index=False)
        print(f"{name}: {len(part)} loans")


def _nothing_known(_rows: Sequence[Tuple[str, str, str]]) -> Known:
    """Of a model without a feature store."""
    return {}


if __name__ == "__main__":
    job.run(main)
