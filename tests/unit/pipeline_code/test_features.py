import pytest

from loan_approval.encoding import FEATURES
from loan_approval.schema import FIELDS, HISTORY, OUTCOMES
from loan_approval.steps import dataset, features, job
from loan_approval.steps.features import Split

from . import histories
from .conftest import LOANS, PERIODS, SPLIT


@pytest.fixture(scope="module")
def loans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    (folder / LOANS.name).symlink_to(LOANS)
    return features.with_history(dataset.read_table(folder), histories.as_of)


def test_parts_hold_what_each_consumer_needs(parts):
    assert list(parts.train.columns) == list(parts.validation.columns) == ["bad", *FEATURES]
    assert set(OUTCOMES) < set(parts.test.columns)
    assert list(parts.baseline.columns) == [field.name for field in (*FIELDS, *HISTORY)]


def test_the_baseline_has_the_rows_of_train_and_validation_in_their_order(loans, parts):
    """Also of data that are not in the order of their days."""
    shuffled = features.transform(loans.sample(frac=1, random_state=1), SPLIT)
    for split in (parts, shuffled):
        labels = [*split.train["bad"], *split.validation["bad"]]
        amounts = [*split.train["GrAppv"], *split.validation["GrAppv"]]
        assert split.baseline["bad"].tolist() == labels
        assert split.baseline["GrAppv"].tolist() == amounts


def test_every_loan_of_a_period_is_in_exactly_one_part(parts):
    assert [len(part) for part in vars(parts).values()] == [12600, 1800, 1800, 14400]


def test_validation_is_the_end_of_the_training_period():
    assert SPLIT.validation_from == "2002-07-01"
    assert Split("2000-01-01", "2002-03-31", "", "", validation_months=1).validation_from == "2002-03-01"


def test_test_loans_are_later_than_all_others(parts):
    assert parts.test["ApprovalDate"].min() > SPLIT.train_to


def test_outcomes_of_the_test_period_do_not_reach_the_training(loans, parts):
    """Leakage: changing every label of the test period leaves what the model learns from as it was."""
    changed = loans.copy()
    is_test = changed["ApprovalDate"] > SPLIT.train_to
    changed.loc[is_test, "bad"] = 1 - changed.loc[is_test, "bad"]
    again = features.transform(changed, SPLIT)
    assert again.train.equals(parts.train)
    assert again.validation.equals(parts.validation)
    assert not again.test.equals(parts.test)


def test_input_is_not_changed(loans):
    before = loans.copy()
    features.transform(loans, SPLIT)
    assert loans.equals(before)


def test_an_empty_part_is_named(loans):
    with pytest.raises(job.StepError, match="test: no loan left"):
        features.transform(loans, Split("2000-10-01", "2002-09-30", "1990-01-01", "1990-12-31", 3))


def test_the_step_writes_one_file_a_part(base, parts):
    raw = base / "processing" / "input" / "raw"
    raw.mkdir(parents=True)
    (raw / LOANS.name).symlink_to(LOANS)
    features.main([*PERIODS, "--validation-months", "3"])
    for name, part in vars(parts).items():
        lines = (base / "processing" / "output" / name / f"{name}.csv").read_text().splitlines()
        assert len(lines) == len(part) + 1
