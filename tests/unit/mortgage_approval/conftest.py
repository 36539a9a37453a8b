"""The mortgage applications, and whole runs of the pipeline's steps in one process."""

import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from monitoring.steps import job
from mortgage_approval.schema import ENCODER, FIELDS, INPUTS
from mortgage_approval.steps import evaluate, features, gate, train, validate
from tabular import files
from tests.once import once

MORTGAGES = Path(__file__).parents[3] / "data" / "mortgages" / "hmda.csv.gz"
LIMITS = '{"bias":{"DI":[0.8,1.25]},"max_attribution_share":0.5}'


class Run:
    """What a run of the pipeline left behind: /opt/ml of its jobs, one after the other; and what the gate said."""

    def __init__(self, base: Path) -> None:
        self.base, self.model_dir = base, base / "model"
        self.refusal = (base / "refusal.txt").read_text()

    @classmethod
    def make(cls, base: Path, *, mitigation: str = "none", threshold: float = 0.25) -> None:
        """Run the steps; SAGEMAKER_BASE_DIR is `base`."""
        inputs, outputs, model = base / "processing" / "input", base / "processing" / "output", base / "model"
        (inputs / "raw").mkdir(parents=True)
        shutil.copy(MORTGAGES, inputs / "raw")
        validate.main([])
        features.main([])
        hyperparameters = ["--mitigation", mitigation, "--decision_threshold", str(threshold)]
        train.main(["--train", str(outputs / "train"), "--model_dir", str(model), *hyperparameters])
        (inputs / "model").mkdir()
        with tarfile.open(inputs / "model" / "model.tar.gz", "w:gz") as members:
            members.add(model, arcname=".")
        cls._hand_on(base, "test", "baseline")
        evaluate.main([])
        cls._hand_on(base, "evaluation", "bias", "explainability")
        (base / "refusal.txt").write_text(refusal(LIMITS))

    @staticmethod
    def _hand_on(base: Path, *names: str) -> None:
        for name in names:
            shutil.copytree(base / "processing" / "output" / name, base / "processing" / "input" / name)

    def read(self, place: str) -> Any:
        return json.loads((self.base / "processing" / "output" / place).read_text())

    def metric(self, name: str, facet: str, place: str = "bias/analysis.json") -> dict[str, Any]:
        document = self.read(place)
        stages = [stage for key, stage in document.items() if key.endswith("_bias_metrics")]
        groups = [group for stage in stages for group in stage["facets"][facet]]
        return next(each for group in groups for each in group["metrics"] if each["name"] == name)


def refusal(limits: str) -> str:
    """What the gate says against the model; nothing if it passes."""
    try:
        gate.main(["--min-auc", "0.65", "--limits", limits])
    except job.StepError as error:
        return str(error)
    return ""


@pytest.fixture
def refused(run: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """The gate of other limits, after all other steps of `run()`."""

    def judge(limits: str) -> str:
        shutil.copytree(run().base / "processing" / "input", tmp_path / "processing" / "input")
        monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
        return refusal(limits)

    return judge


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """Runs the steps; the same run only once, whichever process asks. Nobody changes what it left behind."""

    def start(**parameters: Any) -> Run:
        def make(base: Path) -> None:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("SAGEMAKER_BASE_DIR", str(base))
                Run.make(base, **parameters)

        name = "-".join(["mortgages", *(f"{key}-{value}" for key, value in sorted(parameters.items()))])
        return Run(once(tmp_path_factory, name.replace(".", ""), make))

    return start


@pytest.fixture(scope="session")
def applications() -> pd.DataFrame:
    return files.read_rows([MORTGAGES], FIELDS)


@pytest.fixture(scope="session")
def parts(applications: pd.DataFrame) -> features.Parts:
    return features.transform(applications, 0.3)


@pytest.fixture(scope="session")
def requested(parts: features.Parts) -> list[dict[str, Any]]:
    """A hundred applications as a client would send them."""
    texts = parts.test[list(ENCODER.names)].head(100).astype(str).to_dict("records")
    return [{field.name: field.read_text(row[field.name]) for field in INPUTS} for row in texts]
