"""Which packages the warm interpreter imports for a container."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from local_aws.warm.packages import named_below


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("import numpy", ["numpy"]),
        ("import os, numpy as np, boto3", ["boto3", "numpy"]),
        ("from scipy.stats import norm", ["scipy"]),
        ("    import xgboost  # only here", ["xgboost"]),
        ("# import numpy", []),
        ("from .numpy import x", []),
        ("import numpyro", []),
        ("print('import numpy')", []),
    ],
)
def test_what_code_imports_is_found(tmp_path: Path, line: str, names: list[str]) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "step.py").write_text(f"x = 1\n{line}\n")
    assert named_below(tmp_path) == names


def test_archives_of_code_are_read_and_what_is_none_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "step.txt").write_text("import numpy")
    with tarfile.open(tmp_path / "code.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "step.txt", "monitoring/step.py")
    (tmp_path / "broken.tar.gz").write_bytes(b"no archive")
    assert named_below(tmp_path) == ["numpy"]
