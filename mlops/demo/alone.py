"""The bank without the platform: what its first version would have decided on every loan, had nobody looked again."""

import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loan_approval.schema import SEEN_NAMES
from mlops.demo.history import BankHistory
from mlops.demo.loans import Loan
from mlops.errors import CommandError
from monitoring import archive
from tabular.model_file import METADATA_FILE


def approved_by(s3: Any, package: Mapping[str, Any], loans: Sequence[Loan], banks: BankHistory) -> set[str]:
    """Names of the loans that a version approves, by its own code and threshold, in a process of its own."""
    place = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"].removeprefix("s3://")
    bucket, _, key = place.partition("/")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        s3.download_file(bucket, key, str(folder / "model.tar.gz"))
        model = archive.extract(folder / "model.tar.gz", folder / "model")
        threshold = json.loads((model / METADATA_FILE).read_text())["decision_threshold"]
        probabilities = _score(model, loans, folder, banks)
    # As the endpoint does: the decision is made on the probability that it answers.
    return {loan.name for loan, each in zip(loans, probabilities, strict=True) if round(each, 6) <= threshold}


def _score(model: Path, loans: Sequence[Loan], folder: Path, banks: BankHistory) -> list[float]:
    rows, scores = folder / "rows.csv", folder / "scores.csv"
    with rows.open("w", newline="") as file:
        writer = csv.DictWriter(file, SEEN_NAMES)
        writer.writeheader()
        writer.writerows({**loan.application, **known} for loan, known in zip(loans, banks.of(loans), strict=True))
    command = [sys.executable, "-m", "loan_approval.score", "--input", str(rows), "--output", str(scores)]
    done = subprocess.run(
        [*command, "--model-dir", str(model)],
        cwd=model / "code",
        env=os.environ | {"PYTHONPATH": str(model / "code"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise CommandError(f"version 1 could not score the loans: {done.stderr.strip()[-400:]}")
    return [float(line) for line in scores.read_text().splitlines()[1:]]
