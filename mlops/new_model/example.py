"""The data of a model that was given none: real loans, a part of those in data/loans, drawn with a fixed seed."""

import csv
import gzip
import random
from pathlib import Path

from loan_approval.schema import INPUTS
from mlops.new_model.table import Table

FILE = Path("data") / "loans" / "sba_sample.csv.gz"
TARGET, POSITIVE = "bad", "1"
YEAR = "2007"
ROWS, SEED = 3000, 2026
COLUMNS = (
    *("naics2", "NoEmp", "NewExist", "CreateJob", "RetainedJob", "franchise", "UrbanRural", "RevLineCr", "LowDoc"),
    *("GrAppv", "SBA_Appv", "samestate", TARGET),
)
"""Known when a loan is asked for, but for the outcome; the bank's name is not among them (data/loans/SOURCE.md)."""
SOURCE = """- **Source:** {rows} of the {all} loans in data/loans that were approved in 2007, drawn with seed {seed}
  by `mlops new-model`; records of the US Small Business Administration, see data/loans/SOURCE.md.
- **Licence:** work of the United States government, in the public domain (17 U.S.C. § 105)."""


MEANINGS = {field.name: field.meaning for field in INPUTS}


def table(root: Path) -> tuple[Table, str]:
    """The rows in the order of the file, and the note on their source."""
    with gzip.open(root / FILE, "rt", newline="") as file:
        header, *loans = csv.reader(file)
    day, places = header.index("ApprovalDate"), [header.index(name) for name in COLUMNS]
    known = [row for row in loans if row[day].startswith(YEAR)]
    # No secret depends on it.
    drawn = sorted(random.Random(SEED).sample(range(len(known)), ROWS))  # noqa: S311
    rows = tuple(tuple(known[number][place] for place in places) for number in drawn)
    return Table(COLUMNS, rows), SOURCE.format(rows=ROWS, all=f"{len(known):,}", seed=SEED)
