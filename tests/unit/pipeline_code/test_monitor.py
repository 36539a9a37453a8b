"""What the monitors read of the loan model's traffic, and what a loan is known to have become."""

import csv
import io
import json

import numpy as np
import pytest

from loan_approval import inference, monitor
from loan_approval.encoding import FEATURES
from loan_approval.schema import FIELDS, INPUT_NAMES
from monitoring import labels
from monitoring.model import Answer

JSON, CSV = "application/json", "text/csv"


def as_csv(*applications):
    text = io.StringIO()
    csv.writer(text).writerows([application[name] for name in INPUT_NAMES] for application in applications)
    return text.getvalue()


def test_requests_are_read_as_they_were_sent(applications):
    assert monitor.MODEL.read_request(json.dumps({"instances": applications}), JSON) == applications
    assert monitor.MODEL.read_request(json.dumps({"instances": applications}), "application/json; charset=utf-8")


def test_csv_and_json_of_the_same_applications_are_the_same_rows(applications):
    assert monitor.MODEL.read_request(as_csv(*applications), CSV) == monitor.MODEL.read_request(
        json.dumps({"instances": applications}), JSON
    )


@pytest.mark.parametrize("content_type", [JSON, CSV])
def test_a_code_is_the_same_category_however_its_number_is_written(applications, content_type):
    row = {**applications[0], "NewExist": 2.0}
    text = as_csv(row) if content_type == CSV else json.dumps({"instances": [row]})
    (read,) = monitor.MODEL.read_request(text, content_type)
    assert repr(read["NewExist"]) == "2"


@pytest.mark.parametrize(("sent", "kept"), [("many", "many"), ("", None), ("-5", -5.0), ("1.5", 1.5)])
def test_what_the_model_would_have_refused_is_kept_for_the_monitors(applications, sent, kept):
    (read,) = monitor.MODEL.read_request(as_csv({**applications[0], "NoEmp": sent}), CSV)
    assert read["NoEmp"] == kept


def test_a_bank_that_the_schema_does_not_list_stays_what_it_is(applications):
    (read,) = monitor.MODEL.read_request(as_csv({**applications[0], "bank": "BANK OF NOWHERE"}), CSV)
    assert read["bank"] == "BANK OF NOWHERE"


@pytest.mark.parametrize(
    ("text", "content_type"),
    [("{", JSON), ("[]", JSON), ('{"instances": {}}', JSON), ('{"instances": [1]}', JSON), ("1,2,3", CSV)],
)
def test_a_request_that_is_none_is_refused(text, content_type):
    with pytest.raises(ValueError, match=r"."):
        monitor.MODEL.read_request(text, content_type)


@pytest.mark.parametrize("accept", [JSON, CSV])
def test_answers_are_read_as_the_endpoint_writes_them(model_dir, applications, accept):
    columns = {name: [row[name] for row in applications] for name in INPUT_NAMES}
    predictions = inference.predict_fn(columns, inference.model_fn(str(model_dir)))
    answers = monitor.MODEL.read_response(inference.output_fn(predictions, accept), accept)
    told = [each.features if accept == JSON else {} for each in predictions]
    expected = zip(predictions, told, strict=True)
    assert answers == [Answer(each.probability, each.decision, each.model_version, known) for each, known in expected]


@pytest.mark.parametrize(
    ("text", "content_type"),
    [
        ("{", JSON),
        ('{"error": "busy"}', JSON),
        ('{"predictions": [1]}', JSON),
        ('{"predictions": [{"probability": 0.1}]}', JSON),
        ('{"predictions": [{"probability": 2, "decision": "approve", "model_version": "1"}]}', JSON),
        ("0.1,approve", CSV),
        ("high,approve,1", CSV),
    ],
)
def test_a_response_that_is_none_is_refused(text, content_type):
    with pytest.raises(ValueError, match=r"."):
        monitor.MODEL.read_response(text, content_type)


def test_contributions_and_the_expected_value_add_up_to_the_log_odds(model_dir, applications):
    columns = {name: [row[name] for row in applications] for name in INPUT_NAMES}
    explanation = monitor.explain(model_dir, columns)
    assert explanation.contributions.shape == (len(applications), len(FEATURES))
    probabilities = inference.model_fn(str(model_dir)).probabilities(columns)
    rest = np.log(probabilities / (1 - probabilities)) - explanation.contributions.sum(axis=1)
    assert rest == pytest.approx(rest[0], abs=1e-3), "what is left is the same for every application"


def test_applications_that_the_model_would_refuse_are_not_explained(model_dir, applications):
    columns = {name: [row[name] for row in applications[:3]] for name in INPUT_NAMES}
    columns["State"][1] = "Atlantis"
    assert len(monitor.explain(model_dir, columns).contributions) == 2
    columns["State"] = [None] * 3
    assert monitor.explain(model_dir, columns).contributions.shape == (0, len(FEATURES))


def test_applications_without_a_column_are_not_explained(model_dir, applications):
    columns = {name: [row[name] for row in applications[:3]] for name in INPUT_NAMES}
    for name in (INPUT_NAMES[0], "State"):
        rest = {each: values for each, values in columns.items() if each != name}
        assert monitor.explain(model_dir, rest).contributions.shape == (0, len(FEATURES))
    columns[INPUT_NAMES[0]][0] = None
    assert len(monitor.explain(model_dir, {**columns, "colour": ["red"] * 3}).contributions) == 2


@pytest.mark.parametrize(
    ("bad", "charged_off", "expected"),
    [
        (1, "10-Jan-03", True),
        (1, "11-Jan-03", False),
        (1, "15-Jan-08", False),
        (0, "10-Jan-02", False),
        (0, float("nan"), False),
    ],
)
def test_a_label_is_what_was_known_so_many_days_after_the_approval(bad, charged_off, expected):
    """From 10 January 2001 it is 730 days to 10 January 2003."""
    loan = {"ApprovalDate": "2001-01-10", "ChgOffDate": charged_off, "bad": bad}
    assert monitor.matured(loan, 730) is expected


def test_every_charge_off_of_the_data_has_a_day_that_can_be_read(parts):
    rows = parts.baseline[parts.baseline["bad"] == 1].to_dict("records")
    days = [monitor.charged_off_after(row) for row in rows]
    assert len(days) == 1631
    assert min(days) >= 0
    assert 900 < np.median(days) < 2000


def test_facets_are_inputs_with_levels_of_the_schema():
    levels = {field.name: set(map(str, field.levels)) for field in FIELDS}
    for facet in monitor.MODEL.facets:
        assert set(facet.values) <= levels[facet.name]


def test_decisions_speak_the_language_of_outcomes():
    model = monitor.MODEL
    assert [labels.predicted(model, each) for each in ("approve", "decline")] == ["0", "1"]
    assert [labels.is_hoped_for(model, each) for each in ("0", "1")] == [True, False]
    assert [labels.is_followed(model, each) for each in ("approve", "decline")] == [True, False]
