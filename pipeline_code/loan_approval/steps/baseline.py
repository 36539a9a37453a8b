"""What the applications of the training period look like: the baseline that the endpoint's traffic is held against.

Output `data-quality/statistics.json` and `data-quality/constraints.json`, in Model Monitor's formats, and
`data-quality/calibration.json`: how far the months of the training period lie from one another, beyond which a later
window is said to have drifted.
"""

from __future__ import annotations

import argparse
from typing import Any, Dict, Optional, Sequence

from loan_approval.monitor import MODEL
from loan_approval.schema import DATE, SEEN_NAMES
from loan_approval.steps import job
from loan_approval.steps.dataset import read_table
from monitoring import data_quality, drift
from monitoring.summary import Summary


def transform(applications: Any) -> Dict[str, Dict[str, Any]]:
    """The documents by their names, of a frame with the schema's inputs and the day of approval."""
    months = [summary(month) for _, month in applications.groupby(applications[DATE].str[:7], sort=True)]
    return {
        "statistics": summary(applications).statistics(),
        "constraints": data_quality.constraints(MODEL.features),
        "calibration": drift.calibrate(months).document(),
    }


def summary(applications: Any) -> Summary:
    made = Summary(MODEL.features)
    made.add({name: applications[name].tolist() for name in SEEN_NAMES})
    return made


def main(argv: Optional[Sequence[str]] = None) -> None:
    argparse.ArgumentParser(description="Data quality baseline of the training period").parse_args(argv)
    applications = read_table(job.input_folder("baseline"))
    folder = job.output_folder("data-quality")
    for name, document in transform(applications).items():
        job.write_json(folder / f"{name}.json", document)
    months = applications[DATE].str[:7].nunique()
    print(f"baseline of {len(applications)} applications in {months} months, {len(MODEL.features)} features")


if __name__ == "__main__":
    job.run(main)
