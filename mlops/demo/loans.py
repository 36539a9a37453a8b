"""The bank's loans: the file that trains the model, and the applications that are replayed."""

import csv
import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loan_approval.schema import INPUTS

DATA_FILE = Path(__file__).resolve().parents[2] / "data" / "loans" / "sba_sample.csv.gz"


def upload(s3: Any, bucket: str, model: str, source: Path = DATA_FILE) -> str:
    """Put the loans where their content says, and return the S3 prefix.

    SageMaker's step cache compares the addresses of inputs, not what is behind them: an address made from
    the content is what keeps a cached step honest.
    """
    body = source.read_bytes()
    prefix = f"{model}/{hashlib.sha256(body).hexdigest()[:12]}/"
    s3.put_object(Bucket=bucket, Key=f"{prefix}{source.name}", Body=body)
    return f"s3://{bucket}/{prefix}"


def applications(year: int, per_month: int, source: Path = DATA_FILE) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (inference id, application) for the first `per_month` approvals of each month of `year`.

    An application holds what was known when it was made; what became of the loan is left out.
    """
    seen: dict[str, int] = {}
    with gzip.open(source, "rt", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=1):
            month = row["ApprovalDate"][:7]
            if month.startswith(f"{year}-") and seen.setdefault(month, 0) < per_month:
                seen[month] += 1
                yield f"loan-{number:06d}", {field.name: _value(row[field.name]) for field in INPUTS}


def _value(text: str) -> str | float | None:
    try:
        return float(text)
    except ValueError:
        return text or None
