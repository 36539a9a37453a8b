"""Today's champion: which model package it is, and how it scores rows with its own code.

The champion's archive carries the code it was made by, so its features need not be this version's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Optional
from urllib.parse import urlparse

import numpy as np
from numpy.typing import NDArray

from loan_approval.steps.job import StepError
from monitoring.archive import extract

NO_CHAMPION = "none"
SCORER = "loan_approval.score"
SHOWN_ERROR = 400


@dataclass(frozen=True)
class Champion:
    """A registered version and its extracted model.tar.gz."""

    package_arn: str
    model_dir: Path

    @property
    def version(self) -> str:
        return self.package_arn.rsplit("/", 1)[-1]


def fetch(parameter: str, folder: Path, client: Callable[[str], Any]) -> Optional[Champion]:
    """The package that the SSM parameter names, downloaded below `folder`; None if there is none yet.

    `client` makes the client of a service; raises StepError if the package has no model data.
    """
    package_arn = client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]
    if package_arn == NO_CHAMPION:
        return None
    package = client("sagemaker").describe_model_package(ModelPackageName=package_arn)
    container = package["InferenceSpecification"]["Containers"][0]
    if "ModelDataUrl" not in container:
        raise StepError(f"champion {package_arn}: has no ModelDataUrl; only versions of this pipeline can be compared")
    place = urlparse(container["ModelDataUrl"])
    archive = folder / "champion.tar.gz"
    client("s3").download_file(place.netloc, place.path.lstrip("/"), str(archive))
    return Champion(package_arn, extract(archive, folder / "champion"))


class Scoring:
    """A run of the champion's scorer, started at once, so that it overlaps with what the caller does meanwhile."""

    def __init__(self, champion: Champion, rows: Path, output: Path) -> None:
        self._champion, self._output = champion, output
        code = champion.model_dir / "code"
        if not code.is_dir():
            raise StepError(f"champion {champion.package_arn}: its model.tar.gz has no folder code/")
        arguments = ["--input", str(rows), "--output", str(output), "--model-dir", str(champion.model_dir)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", SCORER, *arguments],
            cwd=code,
            env={**os.environ, "PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def probabilities(self) -> NDArray[np.float64]:
        """One probability a row; raises StepError with the end of the scorer's output if it failed."""
        output, _ = self._process.communicate()
        if self._process.returncode:
            raise StepError(f"champion {self._champion.package_arn}: could not score: {output.strip()[-SHOWN_ERROR:]}")
        return np.loadtxt(self._output, skiprows=1, ndmin=1)
