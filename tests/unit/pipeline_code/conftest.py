"""The sample of loans, and a model trained on it once, for all tests of the pipeline's code."""

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from loan_approval.schema import INPUTS
from loan_approval.steps import dataset, features, train

from . import histories

LOANS = Path(__file__).parents[3] / "data" / "loans" / "sba_sample.csv.gz"
SPLIT = features.Split("2000-10-01", "2002-09-30", "2002-10-01", "2002-12-31", validation_months=3)
PERIODS = ["--train-from", SPLIT.train_from, "--train-to", SPLIT.train_to]
PERIODS += ["--test-from", SPLIT.test_from, "--test-to", SPLIT.test_to]


@pytest.fixture(scope="session")
def texts() -> pd.DataFrame:
    """Loans approved up to the end of 2002, every cell as it stands in the file."""
    frame = dataset.read_text(LOANS)
    return frame[frame["ApprovalDate"] <= "2002-12-31"]


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> features.Parts:
    folder = tmp_path_factory.mktemp("raw")
    (folder / LOANS.name).symlink_to(LOANS)
    return features.transform(features.with_history(dataset.read_table(folder), histories.as_of), SPLIT)


@pytest.fixture(scope="session")
def channels(parts: features.Parts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("channels")
    for name, part in vars(parts).items():
        (folder / name).mkdir()
        part.to_csv(folder / name / f"{name}.csv", index=False)
    return folder


@pytest.fixture(scope="session")
def model_dir(channels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the training step leaves behind, with few rounds."""
    folder = tmp_path_factory.mktemp("model")
    places = ["--train", str(channels / "train"), "--validation", str(channels / "validation")]
    train.main([*places, "--model_dir", str(folder), "--num_round", "20"])
    return folder


@pytest.fixture(scope="session")
def applications() -> list[dict[str, Any]]:
    """A hundred applications as a client would send them."""
    with gzip.open(LOANS, "rt", newline="") as lines:
        rows = [row for row, _ in zip(csv.DictReader(lines), range(100), strict=False)]
    return [{field.name: field.read_text(row[field.name]) for field in INPUTS} for row in rows]


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A job's own /opt/ml."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    yield tmp_path
