"""The bank's loans: the file that trains the model, and the applications that are replayed."""

import csv
import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from loan_approval.schema import INPUTS, LABEL

DATA_FILE = Path(__file__).resolve().parents[2] / "data" / "loans" / "sba_sample.csv.gz"


@dataclass(frozen=True)
class Loan:
    """One row of the file. application: what was known when it was made; outcome: "1" if it was charged off later.

    charged_off: the month in which that was known, "" without a charge-off; age_days: of the loan on that day.
    """

    name: str
    month: str
    application: dict[str, Any]
    outcome: str
    charged_off: str = ""
    age_days: int = 0


def upload(s3: Any, bucket: str, model: str, until: str, months: bytes, source: Path = DATA_FILE) -> str:
    """Put the loans approved up to a day ("2006-10-31"), and what banks did in the months before, as the snapshot of
    that day, and return its S3 prefix.

    SageMaker's step cache compares the addresses of inputs, not what is behind them: an address made from
    the content is what keeps a cached step honest.
    """
    body = book(until, source)
    prefix = f"{model}/until={until}/{hashlib.sha256(body + months).hexdigest()[:12]}/"
    # The loans last: they are what a training may be waiting for.
    s3.put_object(Bucket=bucket, Key=f"{prefix}bank_months.csv.gz", Body=months)
    s3.put_object(Bucket=bucket, Key=f"{prefix}loans.csv.gz", Body=body)
    return f"s3://{bucket}/{prefix}"


def begin_again(s3: Any, bucket: str, model: str, until: str) -> None:
    """Remove the snapshots of later days, which an earlier demo left on this state: its bank has a future to come."""
    later: list[str] = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{model}/until="):
        keys = (item["Key"] for item in page.get("Contents", []))
        later += [key for key in keys if key.split("/")[1].removeprefix("until=") > until]
    for key in later:
        s3.delete_object(Bucket=bucket, Key=key)


def book(until: str, source: Path = DATA_FILE) -> bytes:
    """The file's rows approved up to `until`, with their outcomes as known today; the same bytes for the same rows."""
    with gzip.open(source, "rt", newline="") as file:
        header = file.readline()
        day = header.rstrip().split(",").index("ApprovalDate")
        rows = [row for row in file if row.split(",", day + 1)[day] <= until]
    return gzip.compress("".join((header, *rows)).encode(), compresslevel=1, mtime=0)


def approved_in(first_month: str, last_month: str, source: Path = DATA_FILE) -> Iterator[Loan]:
    """Yield the loans that were approved in these months ("2007-01"), both included, in the file's order."""
    with gzip.open(source, "rt", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=1):
            month = row["ApprovalDate"][:7]
            if first_month <= month <= last_month:
                application = {field.name: _value(row[field.name]) for field in INPUTS}
                yield Loan(f"loan-{number:06d}", month, application, row[LABEL], *_charged_off(row))


def applications(year: int, per_month: int, source: Path = DATA_FILE) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (inference id, application) for the first `per_month` approvals of each month of `year`."""
    seen: dict[str, int] = {}
    for loan in approved_in(f"{year}-01", f"{year}-12", source):
        if seen.setdefault(loan.month, 0) < per_month:
            seen[loan.month] += 1
            yield loan.name, loan.application


def _charged_off(row: dict[str, str]) -> tuple[str, int]:
    """Month of the charge-off and the loan's age; one that was paid in full after all is good, as its label says."""
    if row[LABEL] != "1":
        return "", 0
    day = datetime.strptime(row["ChgOffDate"], "%d-%b-%y")
    return day.strftime("%Y-%m"), (day - datetime.fromisoformat(row["ApprovalDate"])).days


def _value(text: str) -> str | float | None:
    try:
        return float(text)
    except ValueError:
        return text or None
