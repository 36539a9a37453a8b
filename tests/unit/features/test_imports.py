"""What an endpoint reads features with is light, and runs on the Python of prebuilt images."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = Path(__file__).parents[3] / "pipeline_code"
MODULES = sorted((CODE / "features").glob("*.py"))
HEAVY = {"numpy", "pandas", "sklearn", "monitoring", "boto3"}


def imported(module: str) -> set[str]:
    """Those of HEAVY that importing it brings in, in an interpreter of its own."""
    probe = f"import sys, {module}; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(CODE)}
    done = subprocess.run([sys.executable, "-c", probe], env=environment, check=True, capture_output=True, text=True)
    return HEAVY & set(done.stdout.split())


@pytest.mark.parametrize("module", ["features.online", "features.group", "features.ingest", "features.describe"])
def test_reading_and_writing_records_imports_nothing_heavy(module: str) -> None:
    assert imported(module) == set()


def test_something_heavy_would_be_seen() -> None:
    assert imported("features.offline") >= {"monitoring"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_it_is_written_for_the_python_of_prebuilt_images(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 9))
