"""Refuse data that no model should learn from, as `tabular.steps.validate` does, and groups too small to be measured.

Output `validation/validation.json` tells besides how many rows of each facet have each outcome.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, List

from monitoring.steps import job
from mortgage_approval.schema import FIELDS, LABEL, NO, PROTECTED, TASK, YES
from tabular.steps import validate
from tabular.steps.validate import Failure

MIN_ROWS = 20
"""Applications that each facet must have of each outcome, on either side: below, no metric of it says anything."""


def transform(frame: Any) -> List[Failure]:
    """Everything that is wrong with a frame of texts; empty if the data are good."""
    return validate.transform(frame, FIELDS) or _groups(frame)


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


main = partial(validate.main, TASK, check=transform, told={"outcomes": outcomes})

if __name__ == "__main__":
    job.run(main)
