"""Refuse data that no model should learn from, with the rows and the rules named.

Every cell is read as the endpoint would read it. Output `validation/validation.json`: rows, SHA-256 of the input, how
many rows of each facet have each outcome, and what is wrong.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence

from monitoring.steps import job
from mortgage_approval.schema import FIELDS, LABEL, NO, PROTECTED, YES
from tabular import files
from tabular.fields import Field

MIN_ROWS = 20
"""Applications that each facet must have of each outcome, on either side: below, no metric of it says anything."""

SHOWN = 3


@dataclass(frozen=True)
class Failure:
    """What is wrong with a column, how often, and the first rows of the data where it is so, counted from 1."""

    column: str
    finding: str
    count: int
    first: Sequence[int] = ()

    def __str__(self) -> str:
        rows = f" (first: row {', '.join(map(str, self.first))})" if self.first else ""
        return f"{self.column}: {self.finding}, {self.count} times{rows}"


def transform(frame: Any) -> List[Failure]:
    """Everything that is wrong with a frame of texts; empty if the data are good."""
    absent = [field.name for field in FIELDS if field.name not in frame.columns]
    if absent or frame.empty:
        return [Failure(", ".join(absent) or "rows", "not there", 1)]
    failures = [failure for field in FIELDS for failure in _cells(field, frame[field.name].tolist())]
    return failures or _groups(frame)


def _cells(field: Field, cells: Sequence[Any]) -> List[Failure]:
    wrong: Dict[str, List[int]] = {}
    for row, cell in enumerate(cells, 1):
        try:
            field.read_text(cell if isinstance(cell, str) else "")
        except ValueError as error:
            wrong.setdefault(str(error), []).append(row)
    return [Failure(field.name, finding, len(rows), rows[:SHOWN]) for finding, rows in wrong.items()]


def _groups(frame: Any) -> List[Failure]:
    failures = []
    for facet in PROTECTED:
        for side in (NO, YES):
            for outcome in (NO, YES):
                count = int(((frame[facet] == side) & (frame[LABEL] == outcome)).sum())
                if count < MIN_ROWS:
                    needed = f"fewer than {MIN_ROWS} rows with {facet} {side} and {LABEL} {outcome}"
                    failures.append(Failure(facet, needed, count))
    return failures


def outcomes(frame: Any) -> Dict[str, Dict[str, Dict[str, int]]]:
    """Rows by facet, its value, and outcome."""
    return {
        facet: {
            str(side): {str(outcome): len(rows) for outcome, rows in part.groupby(LABEL)}
            for side, part in frame.groupby(facet)
        }
        for facet in PROTECTED
    }


def main(argv: Optional[Sequence[str]] = None) -> None:
    argparse.ArgumentParser(description="Validate the raw applications").parse_args(argv)
    import pandas as pd

    tables = files.tables(job.input_folder("raw"))
    frame = pd.concat([files.read_text(path) for path in tables], ignore_index=True)
    failures = transform(frame)
    report = {
        "passed": not failures,
        "rows": len(frame),
        "sha256": files.digest(tables),
        "outcomes": outcomes(frame) if not failures else None,
        "failures": [str(failure) for failure in failures],
    }
    job.write_json(job.output_folder("validation") / "validation.json", report)
    if failures:
        raise job.StepError("validation failed\n" + "\n".join(map(str, failures)))
    print(f"validated {len(frame)} applications: every cell is as the schema says")


if __name__ == "__main__":
    job.run(main)
