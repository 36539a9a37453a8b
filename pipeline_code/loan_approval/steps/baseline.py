"""What the applications of the training period look like: the baseline that the endpoint's traffic is held against.

Output `data-quality/statistics.json` and `data-quality/constraints.json`, in Model Monitor's formats.
"""

from __future__ import annotations

import argparse
from typing import Any, Dict, Optional, Sequence, Tuple

from loan_approval.schema import INPUT_NAMES, INPUTS, Field, Kind
from loan_approval.steps import job
from loan_approval.steps.dataset import read_table
from monitoring import data_quality
from monitoring.data_quality import Feature


def feature(field: Field) -> Feature:
    """What the schema promises of an input, in the monitor's words."""
    if field.kind is Kind.CATEGORICAL:
        domain = field.levels if field.rest is None else ()  # where anything may come, no value is a violation
        return Feature(field.name, data_quality.STRING, domain=tuple(map(str, domain)))
    kind = data_quality.INTEGRAL if field.whole else data_quality.FRACTIONAL
    return Feature(field.name, kind, non_negative=field.minimum is not None and field.minimum >= 0)


def transform(columns: Dict[str, Any]) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """statistics.json and constraints.json of applications, given as one sequence of values an input."""
    features = [feature(field) for field in INPUTS]
    return data_quality.statistics(columns, features), data_quality.constraints(features)


def main(argv: Optional[Sequence[str]] = None) -> None:
    argparse.ArgumentParser(description="Data quality baseline of the training period").parse_args(argv)
    applications = read_table(job.input_folder("baseline"))
    statistics, constraints = transform({name: applications[name].tolist() for name in INPUT_NAMES})
    folder = job.output_folder("data-quality")
    job.write_json(folder / "statistics.json", statistics)
    job.write_json(folder / "constraints.json", constraints)
    print(f"baseline of {statistics['dataset']['item_count']} applications, {len(INPUTS)} features")


if __name__ == "__main__":
    job.run(main)
