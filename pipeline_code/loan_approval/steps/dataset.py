"""Read the loans: one CSV file, gzipped or not, or several below one prefix."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, List

from loan_approval.schema import FIELDS, Kind
from loan_approval.steps.job import StepError

CROSS_FITTED_FILE = "cross_fitted.csv"
"""Lies beside the model: what train.py says of each row by a model that did not learn from it."""


def data_files(folder: Path) -> List[Path]:
    """Every CSV file below `folder`, sorted; raises StepError if there is none."""
    files = sorted(path for path in folder.rglob("*") if path.name.endswith((".csv", ".csv.gz")))
    if not files:
        raise StepError(f"input: no .csv or .csv.gz file below {folder}; check the parameter InputDataUri")
    return files


def digest(files: List[Path]) -> str:
    """SHA-256 of the one file, or of the list of the files' SHA-256 if there are several."""
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def read_text(path: Path) -> Any:
    """A frame of texts exactly as they stand in the file, empty cells as missing."""
    import pandas as pd

    return pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])


def read_table(folder: Path) -> Any:
    """A frame of validated rows that hold at least the inputs: numbers as floats, coded categories as integers, the
    rest as texts."""
    import pandas as pd

    types = {}
    for field in FIELDS:
        if field.kind is Kind.NUMERIC:
            types[field.name] = "float64"
        elif field.kind is not Kind.CATEGORICAL or not field.has_numeric_levels:
            types[field.name] = "str"
    frames = [pd.read_csv(path, dtype=types, keep_default_na=False, na_values=[""]) for path in data_files(folder)]
    coded = {field.name: "int64" for field in FIELDS if field.has_numeric_levels}
    return pd.concat(frames, ignore_index=True).astype(coded)
