"""What decisions mean, for models of every kind."""

from dataclasses import replace

import pytest

from monitoring import labels
from monitoring.model import BINARY, MULTICLASS, REGRESSION, MonitoredModel

LENDER = MonitoredModel(BINARY, (), list, list, positive="1", favourable="approve", outcomes_of=("approve",))
DETECTOR = MonitoredModel(BINARY, (), list, list, positive="1", favourable="1")
SORTER = MonitoredModel(MULTICLASS, (), list, list, favourable="gold")


@pytest.mark.parametrize(
    ("model", "decision", "label"),
    [
        (LENDER, "approve", "0"),
        (LENDER, "decline", "1"),
        (DETECTOR, "1", "1"),
        (DETECTOR, "0", "0"),
        (SORTER, "silver", "silver"),
        (replace(SORTER, problem=REGRESSION), "12.5", "12.5"),
    ],
)
def test_the_label_that_a_decision_predicts(model, decision, label):
    assert labels.predicted(model, decision) == label


@pytest.mark.parametrize(
    ("model", "outcome", "hoped"),
    [(LENDER, "0", True), (LENDER, "1", False), (DETECTOR, "1", True), (SORTER, "gold", True), (SORTER, "1", False)],
)
def test_the_outcome_that_people_hope_for(model, outcome, hoped):
    assert labels.is_hoped_for(model, outcome) is hoped


def test_outcomes_become_known_of_some_decisions_or_of_all():
    assert labels.is_followed(LENDER, "approve")
    assert not labels.is_followed(LENDER, "decline")
    assert labels.is_followed(DETECTOR, "0")


@pytest.mark.parametrize("text", ["1", "1.0", "01", "1e0", "+1"])
def test_spellings_of_one_number_are_one_outcome(text):
    assert labels.outcome(LENDER, text) == "1"
    assert labels.outcome(LENDER, text.replace("1", "0", 1)) == "0"


@pytest.mark.parametrize("text", ["true", "maybe", "2", "nan", "0.5", "-1", "1,0"])
def test_an_outcome_in_other_words_is_none_of_a_binary_model(text):
    assert labels.outcome(LENDER, text, "") is None
    assert labels.outcome(LENDER, text, text) == text
    assert labels.outcome(SORTER, text) == text


def test_words_that_are_no_numbers_are_compared_as_they_are():
    named = replace(LENDER, positive="charged off")
    assert labels.outcome(named, "charged off") == "charged off"
    assert labels.outcome(named, "Charged off") is None
    assert labels.outcome(named, "0.0") == "0"


def test_what_no_news_means_is_an_outcome_in_any_spelling():
    assert labels.outcome(LENDER, "1.0", "1.0") == "1"
