import contextlib
import io
import json
import re

import pandas as pd
import pytest
import xgboost

from loan_approval.definition import FIXED, HYPERPARAMETERS, METRICS, THRESHOLD
from loan_approval.encoding import FEATURES
from loan_approval.steps import train
from monitoring.auc import auc


def arguments(channels, model_dir, *more):
    places = ["--train", str(channels / "train"), "--validation", str(channels / "validation")]
    return [*places, "--model_dir", str(model_dir), "--num_round", "20", *more]


@pytest.fixture(scope="module")
def again(channels, tmp_path_factory):
    """The step of `model_dir` once more: where it left the model, and what it said."""
    folder, said = tmp_path_factory.mktemp("again"), io.StringIO()
    with contextlib.redirect_stdout(said):
        train.main(arguments(channels, folder))
    return folder, said.getvalue()


@pytest.mark.parametrize("name", ["xgboost-model", "model.json", "cross_fitted.csv"])
def test_same_input_gives_the_same_bytes(again, model_dir, name):
    folder, _ = again
    assert (folder / name).read_bytes() == (model_dir / name).read_bytes()


def test_cross_fitted_probabilities_come_from_models_that_did_not_see_the_row(parts, model_dir):
    """They rank worse than the model does on its own training rows, and not worse than it does on later ones."""
    everything = pd.concat([parts.train, parts.validation], ignore_index=True)
    table = pd.read_csv(model_dir / "cross_fitted.csv")
    assert table["bad"].tolist() == everything["bad"].tolist()
    held_out = auc(table["bad"], table["probability"]).value
    booster = xgboost.Booster(model_file=bytearray((model_dir / "xgboost-model").read_bytes()))
    seen = train.validation_auc(booster, everything)
    metadata = json.loads((model_dir / "model.json").read_text())
    assert metadata["validation_auc"] < held_out < seen - 0.03


def test_the_label_of_a_row_does_not_reach_its_own_cross_fitted_probability(parts):
    parameters = {"seed": 1, "max_depth": 3, "nthread": 1}
    table = parts.validation.reset_index(drop=True)
    changed = table.copy()
    changed.loc[0, "bad"] = 1 - changed.loc[0, "bad"]
    before, after = (train.held_out(each, parameters, 5) for each in (table, changed))
    assert before[0] == after[0]
    assert (before != after).any()


def test_seed_is_a_parameter(channels, model_dir, tmp_path):
    train.main(arguments(channels, tmp_path, "--seed", "2"))
    assert (tmp_path / "xgboost-model").read_bytes() != (model_dir / "xgboost-model").read_bytes()


def test_the_last_metric_in_the_log_is_the_reported_one(again):
    """SageMaker takes the last match of the definition's pattern for the job's metric."""
    folder, said = again
    (pattern,) = METRICS.values()
    reported = re.findall(pattern, said)
    assert len(reported) > 1
    assert float(reported[-1]) == pytest.approx(
        json.loads((folder / "model.json").read_text())["validation_auc"], abs=1e-6
    )


def test_the_last_line_of_the_log_is_one_that_sagemakers_own_definition_matches(again):
    """Its XGBoost algorithm's: a round in brackets, then the metric."""
    _, said = again
    assert re.fullmatch(r"\[\d+\]\tvalidation-auc:0\.\d+", said.splitlines()[-1])


def test_reported_metric_comes_from_a_model_that_did_not_see_the_validation_rows(parts, model_dir):
    metadata = json.loads((model_dir / "model.json").read_text())
    parameters = {key: value for key, value in metadata["hyperparameters"].items() if key != "num_round"}
    unseen = train.fit(parts.train, parameters, 20)
    assert train.validation_auc(unseen, parts.validation) == metadata["validation_auc"]


def test_the_model_says_what_made_it(model_dir):
    metadata = json.loads((model_dir / "model.json").read_text())
    assert metadata["features"] == list(FEATURES)
    assert metadata["decision_threshold"] == 0.25
    assert metadata["hyperparameters"]["num_round"] == 20
    assert metadata["rows"] == {"train": 12600, "validation": 1800}


def test_the_model_brings_the_code_that_it_was_made_by(model_dir):
    code = model_dir / "code"
    assert (code / "loan_approval" / "inference.py").is_file()
    assert (code / "loan_approval" / "score.py").is_file()
    assert (code / "monitoring" / "auc.py").is_file()
    assert not list(code.rglob("__pycache__"))


def test_every_hyperparameter_of_the_definition_is_an_argument(channels, tmp_path):
    given = {
        **HYPERPARAMETERS,
        **FIXED,
        "decision_threshold": "0.3",
        "num_round": "1",
        "_tuning_objective_metric": "validation:auc",
    }
    options = [text for name, value in given.items() for text in (f"--{name}", value)]
    train.main([*arguments(channels, tmp_path), *options])
    made = json.loads((tmp_path / "model.json").read_text())["hyperparameters"]
    assert {
        name: float(HYPERPARAMETERS[name]) for name in HYPERPARAMETERS if name != "num_round"
    }.items() <= made.items()


def test_defaults_of_the_definition_and_of_the_script_agree():
    parsed = vars(train._arguments(["--train", "a", "--validation", "b", "--model_dir", "c"]))
    assert {name: parsed[name] for name in HYPERPARAMETERS} == {n: float(v) for n, v in HYPERPARAMETERS.items()}
    assert {name: parsed[name] for name in FIXED} == {n: float(v) for n, v in FIXED.items()}
    assert parsed["decision_threshold"] == THRESHOLD


def test_an_unknown_hyperparameter_is_refused(channels, tmp_path, capsys):
    with pytest.raises(SystemExit):
        train.main(arguments(channels, tmp_path, "--learning_rate", "0.1"))
    assert "--learning_rate" in capsys.readouterr().err


def test_a_missing_channel_is_named(capsys):
    with pytest.raises(SystemExit):
        train.main([])
    assert "--train or its SM_ variable is needed" in capsys.readouterr().err
