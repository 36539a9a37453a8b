"""Read the loans: one CSV file, gzipped or not, or several below one prefix. What banks did in a month may lie beside
them, in files whose names begin with `bank_months`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List

from loan_approval.schema import FIELDS
from tabular import files
from tabular.files import digest, read_text

__all__ = ["bank_month_files", "data_files", "digest", "read_table", "read_text"]

BANK_MONTHS = "bank_months"


def data_files(folder: Path) -> List[Path]:
    """Every CSV file of loans below `folder`, sorted; raises StepError if there is none."""
    return files.tables(folder, besides=(BANK_MONTHS,))


def bank_month_files(folder: Path) -> List[Path]:
    """Every CSV file of banks' months below `folder`, sorted."""
    return [path for path in files.csv_files(folder) if path.name.startswith(BANK_MONTHS)]


def read_table(folder: Path) -> Any:
    """A frame of validated loans that holds at least the inputs."""
    return files.read_rows(data_files(folder), FIELDS)
