"""Real samples of AWS, in a folder beside this repository; a clone by itself has none."""

import json
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "fixtures"


def sample_folder() -> Path:
    """The folder of the samples; the test that asks is skipped where it is absent."""
    if not _FOLDER.is_dir():
        pytest.skip("real AWS samples are not beside this clone")
    return _FOLDER


def sample(name: str) -> Any:
    """One JSON sample by its path in the folder, for example `events/model_package.json`."""
    return json.loads((sample_folder() / name).read_text())
