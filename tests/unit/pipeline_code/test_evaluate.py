"""The evaluation step end to end, with a champion that has code of its own."""

import contextlib
import csv
import io
import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from loan_approval.inference import model_fn
from loan_approval.monitor import MODEL, matured
from loan_approval.steps import evaluate, expectations, job
from monitoring import attribution, bias, calibration, quality
from monitoring.archive import extract
from monitoring.findings import Window
from monitoring.model import Explanation

ARN = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/loans/3"

# An older version of the model: another feature, another file, and no idea of this one's code.
OLD_SCORER = """
import argparse, csv, pathlib
parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--model-dir"):
    parser.add_argument(name, type=pathlib.Path)
arguments = parser.parse_args()
weight = float((arguments.model_dir / "weight.txt").read_text())
rows = list(csv.DictReader(arguments.input.open()))
assert "bad" not in rows[0] and "ChgOffDate" not in rows[0], "the outcome was shown"
lines = [str(min(0.99, weight * len(row["bank"]))) for row in rows]
arguments.output.write_text("probability\\n" + "\\n".join(lines) + "\\n")
"""


def archive(folder: Path, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as members:
        members.add(folder, arcname=".")
    return path


@pytest.fixture
def old_model(tmp_path):
    package = tmp_path / "old" / "code" / "loan_approval"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "score.py").write_text(OLD_SCORER)
    (tmp_path / "old" / "weight.txt").write_text("0.02")
    return tmp_path / "old"


class FakeAws:
    """SSM, SageMaker and S3 of one account: a release parameter, a package and its archive."""

    def __init__(self, value: str, model: Path | None = None, container: dict | None = None) -> None:
        self.value, self.model = value, model
        self.container = {"ModelDataUrl": "s3://artifacts/loans/model.tar.gz"} if container is None else container

    def client(self, _service: str) -> "FakeAws":
        return self

    def get_parameter(self, Name: str) -> dict:  # noqa: N803
        assert Name == "/champion"
        return {"Parameter": {"Value": self.value}}

    def describe_model_package(self, ModelPackageName: str) -> dict:  # noqa: N803
        assert ModelPackageName == ARN
        return {"InferenceSpecification": {"Containers": [self.container]}}

    def download_file(self, bucket: str, key: str, path: str) -> None:
        assert (bucket, key) == ("artifacts", "loans/model.tar.gz")
        assert self.model
        archive(self.model, Path(path))


@pytest.fixture(scope="module")
def packed(model_dir, tmp_path_factory):
    return archive(model_dir, tmp_path_factory.mktemp("packed") / "model.tar.gz")


def given(base: Path, channels: Path, packed: Path) -> Path:
    """Copies of the step's inputs below `base`."""
    folder = base / "processing" / "input"
    for name in ("test", "baseline"):
        shutil.copytree(channels / name, folder / name)
    (folder / "model").mkdir()
    shutil.copy(packed, folder / "model" / "model.tar.gz")
    return base


@pytest.fixture
def inputs(base, channels, packed):
    return given(base, channels, packed)


@pytest.fixture(scope="module")
def first(channels, packed, tmp_path_factory):
    """Where the step has run without a champion, and what it said: to be read by many, and changed by none."""
    base, said = given(tmp_path_factory.mktemp("first"), channels, packed), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setenv("SAGEMAKER_BASE_DIR", str(base))
        run(patch)
    return base, said.getvalue()


@pytest.fixture(scope="module")
def everything(parts, model_dir):
    """What the monitors' baselines are of: all loans, and probabilities that no loan's own model gave it."""
    held_out = pd.read_csv(model_dir / "cross_fitted.csv")["probability"]
    ours = model_fn(str(model_dir)).probabilities(expectations.inputs(parts.test))
    return pd.concat([parts.baseline, parts.test]), np.concatenate([held_out, ours])


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def run(monkeypatch, aws=None):
    if aws is None:
        monkeypatch.delenv("CHAMPION_PARAMETER", raising=False)
    else:
        monkeypatch.setenv("CHAMPION_PARAMETER", "/champion")
        monkeypatch.setattr("boto3.client", aws.client)
    evaluate.main([])


def written(base, name="evaluation/evaluation.json"):
    return json.loads((base / "processing" / "output" / name).read_text())


def test_evaluation_without_champion(first):
    base, said = first
    document = written(base)
    assert document["champion"] is None
    assert document["period"] == {"first": "2002-10-02", "last": "2002-12-31", "rows": 1800, "charged_off": 243}
    area = document["auc"]["value"]
    assert 0.6 < area < 0.72, "a higher one is a leak, a lower one a bug"
    assert document["binary_classification_metrics"]["auc"]["value"] == area
    assert document["auc"]["lower"] < area < document["auc"]["upper"]
    assert 0.15 < document["ks"] < 0.35
    assert document["brier"]["value"] < document["brier"]["base_rate"]
    assert 0.25 in [row["threshold"] for row in document["decision_table"]]
    assert f"AUC {area:.4f}" in said


def test_no_champion_yet_is_no_comparison(inputs, monkeypatch):
    run(monkeypatch, FakeAws("none"))
    assert written(inputs)["champion"] is None


def test_champion_scores_the_same_loans_with_its_own_code(inputs, old_model, monkeypatch, parts):
    run(monkeypatch, FakeAws(ARN, old_model))
    found = written(inputs)["champion"]
    assert (found["model_package_arn"], found["version"]) == (ARN, "3")
    predictions = rows_of(inputs / "processing/output/evaluation/predictions.csv")
    expected = [min(0.99, 0.02 * len(bank)) for bank in parts.test["bank"]]
    assert [float(row["champion_probability"]) for row in predictions] == pytest.approx(expected)
    gap = found["auc_difference"]
    assert gap["value"] == pytest.approx(written(inputs)["auc"]["value"] - found["auc"]["value"])
    assert gap["lower"] < gap["value"] < gap["upper"]


def test_the_same_model_as_champion_differs_by_nothing(inputs, model_dir, monkeypatch):
    run(monkeypatch, FakeAws(ARN, model_dir))
    gap = written(inputs)["champion"]["auc_difference"]
    assert (gap["value"], gap["standard_error"]) == (0.0, 0.0)


def test_a_champion_that_cannot_score_stops_the_step_with_its_words(inputs, old_model, monkeypatch):
    (old_model / "weight.txt").write_text("heavy")
    with pytest.raises(job.StepError, match=rf"champion {ARN}: could not score: (.|\n)*'heavy'"):
        run(monkeypatch, FakeAws(ARN, old_model))


def test_a_champion_without_code_stops_the_step(inputs, old_model, monkeypatch):
    shutil.rmtree(old_model / "code")
    with pytest.raises(job.StepError, match="has no folder code/"):
        run(monkeypatch, FakeAws(ARN, old_model))


def test_a_champion_without_model_data_stops_the_step(inputs, monkeypatch):
    with pytest.raises(job.StepError, match="has no ModelDataUrl"):
        run(monkeypatch, FakeAws(ARN, container={"Image": "x"}))


def test_an_archive_cannot_write_outside_its_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as members:
        members.add(tmp_path / "file", arcname="../escaped")
    with pytest.raises(tarfile.TarError):
        extract(tmp_path / "evil.tar.gz", tmp_path / "inside")
    assert not (tmp_path / "escaped").exists()


def test_baseline_of_model_quality_is_the_evaluations(first):
    base, _ = first
    statistics = written(base, "model-quality/statistics.json")
    assert statistics["binary_classification_metrics"] == written(base)["binary_classification_metrics"]
    limits = written(base, "model-quality/constraints.json")["binary_classification_constraints"]
    assert limits["auc"]["threshold"] < statistics["binary_classification_metrics"]["auc"]["value"]


WINDOW = Window.read("2003-01-01T00:00:00Z/2003-02-01T00:00:00Z")


def matured_labels(loans, days):
    rows = loans[["ApprovalDate", "ChgOffDate", "bad"]].to_dict("records")
    return np.array([matured(row, days) for row in rows])


def test_outcomes_are_expected_of_approved_loans_with_labels_as_old_as_asked(inputs, first, monkeypatch, everything):
    monkeypatch.delenv("CHAMPION_PARAMETER", raising=False)
    found = {730: written(first[0], "model-quality/outcomes.json")}
    for days in (365, 100_000):
        evaluate.main(["--label-maturity-days", str(days)])
        found[days] = written(inputs, "model-quality/outcomes.json")
    loans, probabilities = everything
    approved = probabilities <= 0.25
    for days, document in found.items():
        labels = matured_labels(loans, days)
        assert (document["rows"], document["known"]) == (16200, int(approved.sum()))
        assert document["events"] == int(labels[approved].sum())
    assert found[365]["events"] < found[730]["events"] < found[100_000]["events"]


def test_quality_is_expected_of_approved_loans_only(first):
    base, _ = first
    statistics = written(base, "model-quality/outcome_statistics.json")
    assert statistics["dataset"]["item_count"] == written(base, "model-quality/outcomes.json")["known"]
    matrix = statistics["binary_classification_metrics"]["confusion_matrix"]
    assert matrix["0"]["1"] == matrix["1"]["1"] == 0, "an approved loan is predicted not to be charged off"
    assert "binary_classification_constraints" in written(base, "model-quality/outcome_constraints.json")


def test_the_report_on_bias_knows_every_outcome_and_the_constraints_only_what_a_window_will_know(parts):
    """Acceptance of good loans needs outcomes of declined ones, and nobody learns those."""
    probabilities = np.random.default_rng(1).uniform(0, 0.5, len(parts.test))
    explanation = Explanation(("GrAppv",), np.ones((2, 1)))
    documents = expectations.transform(parts.test, probabilities, 0.25, 730, explanation)
    found = {}
    for name in ("analysis", "constraints"):
        facets = documents[f"bias/{name}.json"]["post_training_bias_metrics"]["facets"]
        assert set(facets) == {facet.name for facet in MODEL.facets}
        found[name] = {each["name"]: each["value"] for each in facets["NewExist"][0]["metrics"]}
    assert found["analysis"]["DPPL"] == found["constraints"]["DPPL"], "decisions are known of everybody"
    assert found["analysis"]["DCAcc"] is not None
    assert found["constraints"].get("DCAcc") is None


def test_baselines_are_read_by_the_monitors_that_compare_with_them(first, everything, parts, model_dir):
    """The baseline judged against itself breaches nothing."""
    base, _ = first
    loans, probabilities = everything
    approved = probabilities <= 0.25
    labels = matured_labels(loans, 730)
    expected = written(base, "model-quality/outcomes.json")
    judgement = calibration.judge(expected, probabilities[approved], labels[approved].astype(float), WINDOW)
    assert judgement.metrics["calibration_ratio"] == pytest.approx(1)
    statistics = written(base, "model-quality/outcome_statistics.json")
    assert not quality.judge(MODEL.problem, statistics, statistics, WINDOW, int(approved.sum())).breached
    columns = {facet.name: loans[facet.name].tolist() for facet in MODEL.facets}
    outcomes = [not label if known else None for label, known in zip(labels, approved, strict=True)]
    counts = bias.counts(MODEL.facets, columns, approved.tolist(), outcomes)
    assert not bias.judge(written(base, "bias/constraints.json"), counts, WINDOW).breached
    assert MODEL.explain
    explanation = MODEL.explain(model_dir, {name: parts.test[name].tolist() for name in parts.test})
    assert not attribution.judge(written(base, "explainability/analysis.json"), explanation, WINDOW).breached


def test_of_many_loans_the_same_part_is_explained(inputs, first, monkeypatch, parts):
    every = written(first[0], "explainability/analysis.json")["uncertainty"]
    monkeypatch.setattr(evaluate, "EXPLAINED", 500)
    some = []
    for _ in range(2):
        run(monkeypatch)
        some.append(written(inputs, "explainability/analysis.json"))
    assert some[0] == some[1]
    assert (every["rows"], some[0]["uncertainty"]["rows"]) == (len(parts.test), 500)
    variances = [np.trace(each["covariance"]) for each in (every, some[0]["uncertainty"])]
    assert variances[1] > 2 * variances[0], "fewer rows say less"


def test_cross_fitted_probabilities_of_other_loans_are_refused(inputs, monkeypatch):
    path = inputs / "processing" / "input" / "baseline" / "baseline.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(job.StepError, match="14400 loans that are not the 14399 of the baseline"):
        run(monkeypatch)


def test_a_test_period_with_one_outcome_is_refused(inputs, monkeypatch):
    path = inputs / "processing" / "input" / "test" / "test.csv"
    rows = rows_of(path)
    with path.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "bad": "0.0"} for row in rows)
    with pytest.raises(job.StepError, match="one outcome only"):
        run(monkeypatch)


def test_a_missing_model_is_named(inputs, monkeypatch):
    (inputs / "processing/input/model/model.tar.gz").unlink()
    with pytest.raises(job.StepError, match=r"model: 0 archives .* expected one"):
        run(monkeypatch)


def test_worse_scores_show_in_the_comparison():
    rng = np.random.default_rng(0)
    labels = (rng.random(2000) < 0.2).astype(float)
    good, bad = labels + rng.normal(0, 1, 2000), labels + rng.normal(0, 4, 2000)
    gap = evaluate.compare(labels, bad, good)["auc_difference"]
    assert gap["upper"] < 0
