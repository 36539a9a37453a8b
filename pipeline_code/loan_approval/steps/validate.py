"""Refuse data that no model should learn from, with the rows and the rules named.

Output `validation/validation.json`: rows, SHA-256 of the input, columns, rules checked and their failures.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import zlib
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from loan_approval import schema
from loan_approval.steps import job
from loan_approval.steps.dataset import data_files, digest, read_text
from loan_approval.steps.rules import RULES, Failure, Period, check


def transform(
    frame: Any, files: Sequence[Path], periods: Sequence[Period], max_duplicate_share: float, today: str
) -> Tuple[Dict[str, Any], List[Failure]]:
    """Contents of validation.json for a frame of texts read from `files`, and the broken rules."""
    failures = check(frame, periods, max_duplicate_share, today)
    broken = {failure.rule for failure in failures}
    known = {field.name for field in schema.FIELDS}
    report = {
        "passed": not failures,
        "rows": len(frame),
        "sha256": digest(list(files)),
        "files": [path.name for path in files],
        "columns": list(frame.columns),
        "unused_columns": [name for name in frame.columns if name not in known],
        "duplicates": int(frame.duplicated().sum()),
        "rules": [{"rule": r, "meaning": m, "passed": r not in broken} for r, m in RULES.items()],
        "failures": [{"rule": f.rule, "subject": f.subject, "rows": f.count, "detail": f.detail} for f in failures],
    }
    return report, failures


def describe(failures: Sequence[Failure], files: Sequence[Tuple[str, int]]) -> str:
    """A few lines for people: one a failure, with the lines of the files where it is first seen."""
    lines = [f"validation failed: {len(failures)} {'rule' if len(failures) == 1 else 'rules'} broken"]
    for failure in failures:
        rows = failure.detail or f"{failure.count} row{'' if failure.count == 1 else 's'}"
        places = ", ".join(f"{_line(position, files)} {shown}".rstrip() for position, shown in failure.first)
        lines.append(f"{failure.subject}: {failure.rule}: {rows}{f' (first: {places})' if places else ''}")
    return "\n".join(lines)


def _line(position: Optional[int], files: Sequence[Tuple[str, int]]) -> str:
    """Name and line of a row, given the files' row counts in order; the header is line 1."""
    rest = position or 0
    for name, rows in files:
        if rest < rows:
            return f"{name} line {rest + 2}"
        rest -= rows
    return f"row {position}"


def read(files: Sequence[Path]) -> Tuple[Any, List[Tuple[str, int]]]:
    """All rows as texts, and how many each file holds; raises StepError for a file that is no table."""
    import pandas as pd

    frames = []
    for path in files:
        try:
            frames.append(read_text(path))
        except pd.errors.EmptyDataError:
            raise _unreadable(path, "rows: it is empty") from None
        except (pd.errors.ParserError, UnicodeDecodeError, gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise _unreadable(path, f"columns: not a CSV table ({error})") from None
    counts = [(files[position].name, len(frame)) for position, frame in enumerate(frames)]
    return pd.concat(frames, ignore_index=True), counts


def _unreadable(path: Path, finding: str) -> job.StepError:
    return job.StepError(f"validation failed: 1 rule broken\n{path.name}: {finding}")


def main(argv: Optional[Sequence[str]] = None) -> None:
    parser = argparse.ArgumentParser(description="Validate the raw loans")
    for option in ("--train-from", "--train-to", "--test-from", "--test-to"):
        parser.add_argument(option, required=True, help="year-month-day, included")
    parser.add_argument("--max-duplicate-share", type=float, default=0.001, help="equal rows that may be chance")
    arguments = parser.parse_args(argv)
    periods = [
        Period("training", arguments.train_from, arguments.train_to),
        Period("test", arguments.test_from, arguments.test_to),
    ]
    files = data_files(job.input_folder("raw"))
    frame, counts = read(files)
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    report, failures = transform(frame, files, periods, arguments.max_duplicate_share, today)
    job.write_json(job.output_folder("validation") / "validation.json", report)
    if failures:
        raise job.StepError(describe(failures, counts))
    print(f"validated {len(frame)} loans of {', '.join(path.name for path in files)}: {len(RULES)} rules hold")


if __name__ == "__main__":
    job.run(main)
