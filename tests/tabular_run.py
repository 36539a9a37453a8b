"""What the tests of models of declared fields share: a whole run of the pipeline's steps, in one process."""

import dataclasses
import importlib
import json
import shutil
import tarfile
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from mlops.cdk import ROOT
from mlops_constructs.pipeline_context import PipelineContext
from tests.pipeline_context import CONTEXT
from tests.unit.lambdas.conftest import LAMBDAS, load_folder

JSON = "application/json"


class TabularRun:
    """/opt/ml of the jobs, one after the other, on the data of the model: up to the gate, which is not asked."""

    def __init__(self, name: str, base: Path) -> None:
        self.name, self.base = name, base
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SAGEMAKER_BASE_DIR", str(base))
            patch.setenv("MODEL_VERSION", "3")
            self._run()
            self.model = importlib.import_module(f"{name}.inference").model_fn(str(base / "model"))

    def _run(self) -> None:
        raw, model = self.base / "processing" / "input" / "raw", self.base / "model"
        shutil.copytree(ROOT / "data" / self.name, raw)
        self._step("validate")
        self._step("features")
        self._step("train", "--train", str(self.base / "processing" / "output" / "train"), "--model_dir", str(model))
        (raw.parent / "model").mkdir()
        with tarfile.open(raw.parent / "model" / "model.tar.gz", "w:gz") as members:
            members.add(model, arcname=".")
        for part in ("test", "baseline"):
            shutil.copytree(self.base / "processing" / "output" / part, raw.parent / part)
        self._step("evaluate")

    def _step(self, step: str, *arguments: str) -> None:
        importlib.import_module(f"{self.name}.steps.{step}").main(list(arguments))

    def read(self, place: str) -> Any:
        return json.loads((self.base / "processing" / "output" / place).read_text())

    @cached_property
    def samples(self) -> list[dict[str, Any]]:
        lines = (samples_of(self.name) / "requests.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def answer(self, inference: Any, request: dict[str, Any]) -> dict[str, Any]:
        predictions = inference.predict_fn(inference.input_fn(json.dumps(request), JSON), self.model)
        answer: dict[str, Any] = json.loads(inference.output_fn(predictions, JSON))
        return answer


def samples_of(name: str) -> Path:
    return ROOT / "pipeline_code" / name / "samples"


def response_problem(name: str, answer: dict[str, Any]) -> str:
    """What the tests of a release would find wrong with an answer; "" if nothing."""
    schema = json.loads((samples_of(name) / "response.schema.json").read_text())
    return str(load_folder(LAMBDAS / "release_tests", "release_tests").response_schema.problem(answer, schema))


def context_of(name: str) -> PipelineContext:
    return dataclasses.replace(CONTEXT, model=name)
