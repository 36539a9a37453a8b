"""The files that a step reads: one CSV file, gzipped or not, or several below one prefix."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from monitoring.steps.job import StepError
from tabular.fields import Field, Kind

EMPTY = [""]
"""What a missing value is in a file; texts such as NA and None are names."""


def csv_files(folder: Path) -> List[Path]:
    return sorted(path for path in folder.rglob("*") if path.name.endswith((".csv", ".csv.gz")))


def tables(folder: Path, besides: Tuple[str, ...] = ()) -> List[Path]:
    """Every CSV file below `folder`, sorted, but those whose names begin like one of `besides`; raises StepError if
    there is none."""
    found = [path for path in csv_files(folder) if not path.name.startswith(besides)]
    if not found:
        raise StepError(f"input: no .csv or .csv.gz file below {folder}; check the parameter InputDataUri")
    return found


def digest(files: Sequence[Path]) -> str:
    """SHA-256 of the one file, or of the list of the files' SHA-256 if there are several."""
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def read_text(path: Path) -> Any:
    """A frame of texts exactly as they stand in the file, empty cells as missing."""
    import pandas as pd

    return pd.read_csv(path, dtype=str, keep_default_na=False, na_values=EMPTY)


def read_rows(files: Sequence[Path], fields: Sequence[Field]) -> Any:
    """A frame of validated rows that hold at least the inputs: numbers as floats, coded categories as integers, the
    rest as texts."""
    import pandas as pd

    types: Dict[str, str] = {}
    for field in fields:
        if field.kind is Kind.NUMERIC:
            types[field.name] = "float64"
        elif not field.has_numeric_levels:
            types[field.name] = "str"
    frames = [pd.read_csv(path, dtype=types, keep_default_na=False, na_values=EMPTY) for path in files]
    coded = {field.name: "int64" for field in fields if field.has_numeric_levels}
    return pd.concat(frames, ignore_index=True).astype(coded)
