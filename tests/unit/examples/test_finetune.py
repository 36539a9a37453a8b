"""The fine-tuning example without its model: its data, how they are split, requests, and the gate."""

import importlib.util
import json

import pytest

from message_routing import answers, messages
from message_routing.steps import gate
from mlops.cdk import ROOT

EXAMPLE = ROOT / "examples" / "finetune"


@pytest.fixture(scope="module")
def rows():
    read, wrong = messages.read(messages.files(EXAMPLE / "data"))
    assert wrong == []
    return read


def evaluation(auc=0.95, won=20, lost=2, chance=0.0001):
    compared = {"cases": 26, "won": won, "lost": lost, "p_not_better": chance}
    return {"auc": auc, "accuracy": {"value": 0.9}, "base": {"accuracy": {"value": 0.3}}, "against_base": compared}


def test_the_messages_are_those_that_their_maker_makes(rows):
    spec = importlib.util.spec_from_file_location("make_messages", EXAMPLE / "make_messages.py")
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    assert [(each.case, each.text, each.team) for each in rows] == maker.messages()


def test_a_case_is_on_one_side_of_the_split_and_stays_there(rows):
    train, test = messages.split(rows, 0.3)
    assert {each.case for each in train}.isdisjoint(each.case for each in test)
    fewer = messages.split([each for each in rows if not each.case.endswith("-3")], 0.3)[1]
    assert {each.case for each in fewer} == {each.case for each in test if not each.case.endswith("-3")}


def test_a_side_without_a_team_is_refused(rows):
    with pytest.raises(ValueError, match="a side has none of"):
        messages.split(rows, 0.0)


def test_what_is_wrong_with_a_file_is_told_with_its_row(tmp_path):
    (tmp_path / "a.csv").write_text("case,text,team\n1,,cards\n2,hello,kitchen\n,hello,cards\n")
    (tmp_path / "b.csv").write_text("text,team\nhello,cards\n")
    _, wrong = messages.read(messages.files(tmp_path))
    assert [each.partition(": ")[0] for each in wrong] == ["a.csv, row 1", "a.csv, row 2", "a.csv, row 3", "b.csv"]
    assert "team 'kitchen' is none of cards" in wrong[1]


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        ("{", answers.JSON, "body: not JSON"),
        ("[]", answers.JSON, 'no list "instances"'),
        ('{"instances": []}', answers.JSON, "send at least one message"),
        ('{"instances": [{"text": "a"}, {"text": " "}]}', answers.JSON, r"instances\[1\].text: missing or empty"),
        ('{"instances": [{"text": 3}]}', answers.JSON, r"instances\[0\].text: missing"),
        ('{"instances": ["a"]}', answers.JSON, "not an object"),
        ("a,b\n", answers.CSV, r"instances\[0\]: 2 values, expected 1"),
        (b"\xff", answers.JSON, "not UTF-8 at byte 0"),
        ("a" * 2001, answers.CSV, "2001 letters, at most 2000"),
    ],
)
def test_a_broken_request_is_the_callers_mistake_and_says_where(body, kind, said):
    with pytest.raises(answers.RequestError, match=said) as refused:
        answers.texts(body, kind)
    assert refused.value.status_code == 400


def test_answers_are_written_in_the_form_that_was_asked_for():
    predictions = [{"team": "cards", "probability": 0.9, "model_version": "3"}]
    assert answers.write(predictions, "text/csv") == "cards,0.9,3\n"
    assert json.loads(answers.write(predictions, None)) == {"predictions": predictions}
    with pytest.raises(answers.RequestError, match="neither"):
        answers.write(predictions, "image/png")


def test_the_gate_passes_what_is_good_and_better_than_the_base_model():
    passed, reasons = gate.decide(evaluation(), 0.9, 0.05)
    assert passed
    assert "20 of 26 cases won, 2 lost, p = 0.0001" in reasons[1]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (evaluation(auc=0.89), "mean AUC 0.8900 is below the minimum 0.9"),
        (evaluation(won=8, lost=6, chance=0.3953), "it is not shown to be better than the base model"),
    ],
)
def test_the_gate_refuses_with_the_one_reason(found, said):
    passed, reasons = gate.decide(found, 0.9, 0.05)
    assert not passed
    assert len(reasons) == 1
    assert reasons[0].startswith(said)
