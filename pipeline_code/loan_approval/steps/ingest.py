"""Put what is known of the banks into the feature store: one record a bank and month, known from the next month on.

Input `raw`: files `bank_months*.csv` (or .csv.gz) beside the loans, with the columns bank, month (year-month),
approvals and charge_offs: what a bank did in a month, as it stood in its books at the month's end. A charge-off counts
in the month in which it was made, also if the loan was paid after all later: nobody knew that yet.

Output `ingested/ingested.json`: how many records were written, how many the store had already, and the times of
each bank that the next step waits for. Records that are not newer than what the online store holds are not sent again.
"""

from __future__ import annotations

import argparse
import os
import zlib
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from loan_approval.schema import HISTORY_NAMES
from loan_approval.steps import job
from loan_approval.steps.dataset import bank_month_files, read_text

MONTHS = 12
"""How far a record looks back; a bank's first months have none."""

COLUMNS = ("bank", "month", "approvals", "charge_offs")
SHARE_DIGITS = 6
FEATURE_GROUP = "FEATURE_GROUP"
"""The variable of a job that names the feature group."""


def transform(months: Any) -> List[Dict[str, Any]]:
    """Records of a frame with COLUMNS, ordered by time: bank, known_from and HISTORY_NAMES.

    A bank without a row for a month did nothing in it. Raises StepError for what is no month of a bank.
    """
    import pandas as pd

    checked = _checked(months)
    if checked.empty:
        raise job.StepError("bank_months: no row; fill the file, or leave it out")
    every = pd.period_range(checked["month"].min(), checked["month"].max(), freq="M")
    counts = checked.set_index(["month", "bank"])[["approvals", "charge_offs"]].unstack("bank", fill_value=0)
    looked_back = counts.reindex(every, fill_value=0).rolling(MONTHS).sum().dropna()
    records = []
    for month, row in zip(looked_back.index + 1, looked_back.to_dict("records")):
        known_from = f"{month.strftime('%Y-%m')}-01T00:00:00Z"
        for bank in counts["approvals"].columns:
            approvals, charge_offs = int(row["approvals", bank]), int(row["charge_offs", bank])
            share = round(charge_offs / approvals, SHARE_DIGITS) if approvals else None
            values = dict(zip(HISTORY_NAMES, (approvals, charge_offs, share)))
            records.append({"bank": bank, "known_from": known_from, **values})
    return records


def _checked(months: Any) -> Any:
    """The frame with months as periods and counts as whole numbers."""
    import pandas as pd

    if missing := [name for name in COLUMNS if name not in months.columns]:
        raise job.StepError(f"bank_months: {', '.join(missing)} not in the header; it needs {', '.join(COLUMNS)}")
    made = pd.DataFrame({"bank": months["bank"]})
    made["month"] = pd.to_datetime(months["month"], format="%Y-%m", errors="coerce").dt.to_period("M")
    for name in ("approvals", "charge_offs"):
        numbers = pd.to_numeric(months[name], errors="coerce")
        made[name] = numbers.where((numbers >= 0) & (numbers % 1 == 0))
    wrong = made.isna()
    if wrong.to_numpy().any():
        line, name = next(
            (line, name) for line, row in enumerate(wrong.to_dict("records")) for name in COLUMNS if row[name]
        )
        raise job.StepError(
            f"bank_months line {line + 2}: {name} {months[name].iloc[line]!r}: "
            + {"bank": "a name", "month": "year-month, such as 2002-09"}.get(name, "a whole number of 0 or more")
            + " is needed"
        )
    double = made.duplicated(["bank", "month"])
    if double.any():
        row = made[double].iloc[0]
        raise job.StepError(f"bank_months: {row['bank']} has {row['month']} twice; one row a bank and month")
    return made


def read(files: Sequence[Path]) -> Any:
    """All rows as texts; raises StepError for a file that is no table."""
    import pandas as pd

    frames = []
    for path in files:
        try:
            frames.append(read_text(path))
        except (ValueError, OSError, EOFError, zlib.error) as error:  # pandas' own errors are ValueErrors
            raise job.StepError(f"{path.name}: not a CSV table ({error})") from None
    return pd.concat(frames, ignore_index=True)


def main(argv: Optional[Sequence[str]] = None) -> None:
    argparse.ArgumentParser(description="Ingest the banks' history").parse_args(argv)
    files = bank_month_files(job.input_folder("raw"))
    done: Dict[str, Any] = {"written": 0, "older": 0, "awaited": {}}
    if files:
        records = transform(read(files))
        import boto3

        from features.describe import described
        from features.ingest import ingest
        from features.online import OnlineStore

        group = described(boto3.client("sagemaker"), os.environ[FEATURE_GROUP])
        found = ingest(OnlineStore(boto3.client("sagemaker-featurestore-runtime")), group, records)
        done = {"written": found.written, "older": found.older, "awaited": found.awaited}
        if not records:
            print(f"no bank has {MONTHS} months yet: nothing to ingest")
        print(f"{found.written} records of {len(done['awaited'])} banks written, {found.older} were there")
    else:
        print("no bank_months file beside the loans: the feature store keeps what it has")
    job.write_json(job.output_folder("ingested") / "ingested.json", done)


if __name__ == "__main__":
    job.run(main)
