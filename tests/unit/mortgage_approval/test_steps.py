"""The steps' own functions: what is refused, how rows are divided, what training is made of."""

import json
import shutil

import pandas as pd
import pytest

from bench import fairness
from monitoring.steps import job
from mortgage_approval.definition import HYPERPARAMETERS, THRESHOLD
from mortgage_approval.schema import ENCODER, FIELDS, LABEL, PROTECTED, RACE
from mortgage_approval.steps import evaluate, features, train, validate
from tabular import files
from tests.unit.mortgage_approval.conftest import MORTGAGES

PARAMETERS = {"max_depth": 3, "eta": 0.1, "seed": 1, "nthread": 1}


@pytest.fixture
def texts():
    return files.read_text(MORTGAGES)


class TestValidation:
    def test_the_data_are_good(self, texts):
        assert validate.transform(texts) == []
        assert validate.outcomes(texts)["afam"]["yes"] == {"no": 243, "yes": 96}

    @pytest.mark.parametrize(
        ("column", "cell", "says"),
        [
            ("pirat", "many", "pirat: 'many' is not a number"),
            ("pirat", "-0.1", "pirat: -0.1 is below 0"),
            ("lvrat", "80", "lvrat: 80.0 is above 2"),
            ("chist", "2.5", "chist: 2.5 is not a whole number"),
            ("mhist", "5", "mhist: 5.0 is above 4"),
            ("phist", "maybe", "phist: 'maybe' is not one of no, yes"),
            ("deny", None, "deny: missing"),
            ("afam", "", "afam: missing"),
        ],
    )
    def test_a_cell_that_the_endpoint_would_refuse_is_named(self, texts, column, cell, says):
        texts.loc[[4, 7], column] = cell
        (failure,) = validate.transform(texts)
        assert str(failure) == f"{says}, 2 times (first: row 5, 8)"

    def test_an_absent_column_is_named(self, texts):
        (failure,) = validate.transform(texts.drop(columns=["afam", "unemp"]))
        assert failure.column == "unemp, afam"

    def test_a_group_that_is_too_small_to_be_measured_is_refused(self, texts):
        black_and_denied = (texts[RACE] == "yes") & (texts[LABEL] == "yes")
        few = texts.drop(texts[black_and_denied].index[validate.MIN_ROWS - 1 :])
        (failure,) = validate.transform(few)
        assert str(failure) == "afam: fewer than 20 rows with afam yes and deny yes, 19 times"

    def test_the_step_ends_with_what_is_wrong(self, texts, tmp_path, monkeypatch):
        monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
        raw = tmp_path / "processing" / "input" / "raw"
        raw.mkdir(parents=True)
        texts.assign(unemp="high").to_csv(raw / "applications.csv", index=False)
        with pytest.raises(job.StepError, match="unemp: 'high' is not a number, 2380 times"):
            validate.main([])
        report = json.loads((tmp_path / "processing/output/validation/validation.json").read_text())
        assert report["passed"] is False


class TestSplit:
    def test_every_application_is_in_one_part(self, applications, parts):
        assert (len(parts.train), len(parts.test), len(parts.baseline)) == (1665, 715, 1665)
        both = pd.concat([parts.baseline, parts.test]).sort_index()
        assert both.equals(applications[[field.name for field in FIELDS]])

    def test_parts_have_the_same_shares_of_outcome_and_race(self, parts):
        for column in (LABEL, RACE):
            shares = [(part[column] == "yes").mean() for part in (parts.test, parts.baseline)]
            assert shares[0] == pytest.approx(shares[1], abs=0.002)

    def test_the_seed_decides(self, applications, parts):
        assert features.transform(applications, 0.3).test.equals(parts.test)
        assert not features.transform(applications, 0.3, seed=1).test.equals(parts.test)

    def test_what_is_protected_is_no_feature(self, parts):
        assert not set(PROTECTED).intersection(ENCODER.names)
        assert list(parts.train.columns) == [LABEL, *ENCODER.names, RACE]

    def test_outcomes_of_the_test_do_not_reach_the_training(self, applications, parts):
        changed = applications.copy()
        changed.loc[parts.test.index, "pirat"] = 1.0
        again = features.transform(changed, 0.3)
        assert again.train.equals(parts.train)
        assert not again.test.equals(parts.test)

    def test_input_is_not_changed(self, applications):
        before = applications.copy()
        features.transform(applications, 0.3)
        assert applications.equals(before)

    def test_an_empty_part_is_named(self, applications):
        with pytest.raises(job.StepError, match="test: no application left of 2380 with a test share of 0"):
            features.transform(applications, 0.0)


class TestTraining:
    def test_same_input_gives_the_same_bytes(self, run, tmp_path):
        first = run()
        train.main(["--train", str(first.base / "processing/output/train"), "--model_dir", str(tmp_path)])
        for name in ("xgboost-model", "model.json", "cross_fitted.csv"):
            assert (tmp_path / name).read_bytes() == (first.model_dir / name).read_bytes()

    def test_race_reaches_the_model_through_weights_only(self, parts):
        """Without mitigation it does not matter who is black; with it, nothing but the weights changes."""
        others = parts.train.assign(**{RACE: parts.train[RACE].sample(frac=1, random_state=1).to_numpy()})
        plain, shuffled = (train.fit(each, PARAMETERS, 5, train.NONE).save_raw() for each in (parts.train, others))
        assert plain == shuffled
        plain, shuffled = (
            train.fit(each, PARAMETERS, 5, train.REWEIGHING).save_raw() for each in (parts.train, others)
        )
        assert plain != shuffled

    @pytest.mark.parametrize("mitigation", [train.NONE, train.REWEIGHING])
    def test_the_label_of_a_row_does_not_reach_its_own_cross_fitted_probability(self, parts, mitigation):
        """Nor do the weights, which are those of the rows that are learned from."""
        changed = parts.train.copy()
        changed.loc[0, LABEL] = 1 - changed.loc[0, LABEL]
        before, after = (train.held_out(each, PARAMETERS, 5, mitigation) for each in (parts.train, changed))
        assert before[0] == after[0]
        assert (before != after).any()

    def test_every_hyperparameter_of_the_definition_is_an_argument_and_a_default(self):
        parsed = vars(train._arguments(["--train", "a", "--model_dir", "b"]))
        assert {name: float(parsed[name]) for name in HYPERPARAMETERS} == {
            name: float(value) for name, value in HYPERPARAMETERS.items()
        }
        assert (parsed["decision_threshold"], parsed["mitigation"]) == (THRESHOLD, train.NONE)

    def test_the_benchmark_of_the_documentation_trains_as_the_pipeline_does(self):
        given = {name: float(value) for name, value in HYPERPARAMETERS.items()}
        assert {**fairness.PARAMETERS, "num_round": fairness.ROUNDS, "seed": fairness.SEEDS[0]} == given

    @pytest.mark.parametrize(("option", "value"), [("--mitigation", "hope"), ("--learning_rate", "1")])
    def test_what_is_unknown_is_refused(self, option, value, capsys):
        with pytest.raises(SystemExit):
            train.main(["--train", "a", "--model_dir", "b", option, value])
        assert value in capsys.readouterr().err

    def test_the_model_says_what_made_it_and_brings_its_code(self, run):
        folder = run().model_dir
        metadata = json.loads((folder / "model.json").read_text())
        assert metadata["features"] == list(ENCODER.names)
        assert (metadata["decision_threshold"], metadata["mitigation"]) == (0.25, "none")
        for name in ("mortgage_approval/inference.py", "tabular/serving.py", "monitoring/limits.py"):
            assert (folder / "code" / name).is_file()


def test_cross_fitted_rows_of_other_data_stop_the_evaluation(run, tmp_path, monkeypatch):
    """As a cached training step would leave them behind."""
    base = tmp_path / "ml"
    shutil.copytree(run().base / "processing" / "input", base / "processing" / "input")
    table = base / "processing" / "input" / "baseline" / "baseline.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(base))
    with pytest.raises(job.StepError, match="1665 rows that are not the 1664 of the baseline"):
        evaluate.main([])
