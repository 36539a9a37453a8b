"""Refuse data that no model should learn from, with the rows and the rules named.

Every cell is read as the endpoint would read it. Output `validation/validation.json`: rows, SHA-256 of the input, how
many rows have the positive outcome, and what is wrong.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from monitoring.steps import job
from tabular import files
from tabular.fields import Field
from tabular.task import Task

MIN_ROWS = 20
"""Rows that each outcome must have: below, no figure of the model says anything."""

SHOWN = 3
NOTHING: Mapping[str, Callable[[Any], Any]] = MappingProxyType({})


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


def transform(frame: Any, fields: Sequence[Field]) -> List[Failure]:
    """Everything that is wrong with the cells of a frame of texts; empty if they are good."""
    absent = [field.name for field in fields if field.name not in frame.columns]
    if absent or frame.empty:
        return [Failure(", ".join(absent) or "rows", "not there", 1)]
    return [failure for field in fields for failure in _cells(field, frame[field.name].tolist())]


def _cells(field: Field, cells: Sequence[Any]) -> List[Failure]:
    wrong: Dict[str, List[int]] = {}
    for row, cell in enumerate(cells, 1):
        text = cell if isinstance(cell, str) else ""
        if field.nullable and not text.strip():
            continue
        try:
            field.read_text(text)
        except ValueError as error:
            wrong.setdefault(str(error), []).append(row)
    return [Failure(field.name, finding, len(rows), rows[:SHOWN]) for finding, rows in wrong.items()]


def too_few(task: Task, frame: Any) -> List[Failure]:
    """Outcomes that hardly a row has, of a frame whose cells are good."""
    read = [task.outcome.read_text(cell) for cell in frame[task.label].tolist()]
    counts = {level: read.count(level) for level in task.outcome.levels}
    needed = f"fewer than {MIN_ROWS} rows with {task.label}"
    return [Failure(task.label, f"{needed} {level}", n) for level, n in counts.items() if n < MIN_ROWS]


def examine(task: Task, frame: Any) -> List[Failure]:
    """Everything that is wrong with a frame of texts; empty if the data are good."""
    return transform(frame, task.fields) or too_few(task, frame)


def main(
    task: Task,
    argv: Optional[Sequence[str]] = None,
    check: Optional[Callable[[Any], List[Failure]]] = None,
    told: Mapping[str, Callable[[Any], Any]] = NOTHING,
) -> None:
    """check: what is wrong with a frame of texts, instead of `examine`.

    told: what the report says besides of data that are good, by its name.
    """
    argparse.ArgumentParser(description="Validate the raw data").parse_args(argv)
    import pandas as pd

    tables = files.tables(job.input_folder("raw"))
    frame = pd.concat([files.read_text(path) for path in tables], ignore_index=True)
    failures = (check or partial(examine, task))(frame)
    report = {
        "passed": not failures,
        "rows": len(frame),
        "sha256": files.digest(tables),
        **{name: None if failures else tell(frame) for name, tell in told.items()},
        "failures": [str(failure) for failure in failures],
    }
    job.write_json(job.output_folder("validation") / "validation.json", report)
    if failures:
        raise job.StepError("validation failed\n" + "\n".join(map(str, failures)))
    print(f"validated {len(frame)} {task.row}s: every cell is as the schema says")
