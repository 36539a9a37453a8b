"""Score a file of raw applications with a model and the code that came with it.

    python3 -m loan_approval.score --input rows.csv --output probabilities.csv --model-dir /path/to/model

This command line is the one thing that two versions of a model must have in common: a newer version's evaluation
runs it from the older version's own archive, so that their features may differ.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Optional, Sequence

from loan_approval.inference import FORM, model_fn
from tabular.serving import Columns


def read_columns(path: Path) -> Columns:
    """What the model sees of all rows of a CSV file with a header; raises RequestError that names row and field.

    History is what the file has of it, never what is known today.
    """
    with path.open(newline="", encoding="utf-8") as lines:
        rows = [FORM.read_row(row, index, text=True) for index, row in enumerate(csv.DictReader(lines))]
    return FORM.columns_of(rows)


def main(argv: Optional[Sequence[str]] = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--input", type=Path, required=True, help="CSV with a header, the schema's inputs and history")
    parser.add_argument("--output", type=Path, required=True, help="CSV with one column, probability")
    parser.add_argument("--model-dir", type=Path, required=True, help="folder with the extracted model.tar.gz")
    arguments = parser.parse_args(argv)
    probabilities = model_fn(str(arguments.model_dir)).probabilities(read_columns(arguments.input))
    arguments.output.write_text("probability\n" + "".join(f"{value}\n" for value in probabilities.tolist()))


if __name__ == "__main__":
    main()
