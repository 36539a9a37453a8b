"""The model of docs/bring-your-own-model.md, copied from there: the definition is good, the code works."""

import functools
import importlib
import json
import re
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mlops_constructs.definition_check import findings
from tests.docs.pages import fences
from tests.pipeline_context import CONTEXT

PAGE = "docs/bring-your-own-model.md"
NAME = "late_payment"


class Regression:
    """Stands for scikit-learn's, which is not installed: the wiring is tested. The larger an amount, the later paid."""

    def __init__(self, C: float) -> None:  # noqa: N803 (scikit-learn's own name)
        self.c = C

    def fit(self, rows: Any, _labels: Any) -> "Regression":
        self.most = float(np.max(rows))
        return self

    def predict_proba(self, rows: Any) -> Any:
        late = np.asarray(rows, dtype=float)[:, 0] / self.most
        return np.column_stack([1 - late, late])


def _area(labels: Any, said: Any) -> float:
    labels, said = np.asarray(labels), np.asarray(said)
    return float(np.mean(said[labels == 1][:, None] > said[labels == 0]))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The page's files as a checkout would have them, on the import path."""
    for fence in fences(PAGE):
        if found := re.match(r"# (pipeline_code/\S+)\n", fence.text):
            target = tmp_path / found[1]
            target.parent.mkdir(parents=True, exist_ok=True)
            (target.parent / "__init__.py").touch()
            target.write_text(fence.text)
    (tmp_path / "pipeline_code" / NAME / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "pipeline_code")
    # Reading and writing by pickle is joblib's, too.
    monkeypatch.setitem(sys.modules, "joblib", _module("joblib", dump=_dump, load=_load))
    monkeypatch.setitem(sys.modules, "sklearn", _module("sklearn"))
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", _module("lm", LogisticRegression=Regression))
    monkeypatch.setitem(sys.modules, "sklearn.metrics", _module("metrics", roc_auc_score=_area))
    yield tmp_path / "pipeline_code"
    for name in [each for each in sys.modules if each.split(".")[0] == NAME]:
        del sys.modules[name]


def _module(name: str, **members: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(members)
    return module


def _dump(model: Regression, path: Path) -> None:
    path.write_text(json.dumps([model.c, model.most]))


def _load(path: Path) -> Regression:
    c, most = json.loads(path.read_text())
    model = Regression(C=c)
    model.most = most
    return model


@functools.cache
def _rows() -> str:
    return "amount,days,late\n" + "".join(f"{100 + n},{n % 30},{int(n > 60)}\n" for n in range(100))


def test_the_definition_is_one_that_sagemaker_takes(folder: Path) -> None:
    definition = importlib.import_module(f"{NAME}.definition").definition(replace(CONTEXT, model=NAME))
    assert list(findings(definition)) == []
    assert [step["Name"] for step in definition["Steps"]] == ["TrainModel", "EvaluateModel", "RegisterModel"]


def _train(folder: Path, tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "invoices.csv").write_text(_rows())
    model = tmp_path / "model"
    train = importlib.import_module(f"{NAME}.steps.train")
    train.main(["--c", "1.0", "--threshold", "0.5", "--train", str(tmp_path / "data"), "--model_dir", str(model)])
    return model


def test_it_trains_and_answers_in_the_form_that_is_counted(folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    model = _train(folder, tmp_path)
    assert (model / "code" / NAME / "inference.py").exists()
    monkeypatch.setenv("MODEL_VERSION", "7")
    inference = importlib.import_module(f"{NAME}.inference")
    loaded = inference.model_fn(str(model))
    rows = inference.input_fn(
        '{"instances": [{"amount": 190, "days": 3}, {"amount": 10, "days": 3}]}', "application/json"
    )
    told = json.loads(inference.output_fn(inference.predict_fn(rows, loaded), "application/json"))["predictions"]
    assert [each["decision"] for each in told] == ["decline", "approve"]
    assert {each["model_version"] for each in told} == {"7"}
    with pytest.raises(ValueError, match="send application/json"):
        inference.input_fn("1,2", "text/csv")


@pytest.mark.parametrize(("least", "passes"), [(0.9, True), (1.1, False)])
def test_its_gate_stops_what_is_not_good_enough(
    least: float, passes: bool, folder: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    model, base = _train(folder, tmp_path), tmp_path / "ml"
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(base))
    for name in ("model", "raw"):
        (base / "processing" / "input" / name).mkdir(parents=True)
    (base / "processing" / "input" / "raw" / "invoices.csv").write_text(_rows())
    with tarfile.open(base / "processing" / "input" / "model" / "model.tar.gz", "w:gz") as archive:
        archive.add(model, arcname=".")
    evaluate = importlib.import_module(f"{NAME}.steps.evaluate")
    if passes:
        evaluate.main(["--min-auc", str(least)])
    else:
        with pytest.raises(Exception, match="gate failed"):
            evaluate.main(["--min-auc", str(least)])
    report = base / "processing" / "output" / "evaluation" / "evaluation.json"
    assert json.loads(report.read_text())["auc"]["value"] == 1.0
