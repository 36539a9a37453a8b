"""The samples that release tests send: real applications, answered by the example's own code as their schema says."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest

from loan_approval import inference
from loan_approval.inference import input_fn, model_fn, output_fn, predict_fn
from loan_approval.schema import INPUT_NAMES, INPUTS
from tests.unit.lambdas.conftest import LAMBDAS, load_folder
from tests.unit.pipeline_code.conftest import LOANS, SPLIT

SAMPLES = Path(inference.__file__).parent / "samples"
JSON, CSV = "application/json", "text/csv"


@pytest.fixture(scope="module")
def requests():
    return [json.loads(line) for line in (SAMPLES / "requests.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def model(model_dir):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL_VERSION", "3")
        return model_fn(str(model_dir))


@pytest.fixture(scope="module")
def response_schema():
    return load_folder(LAMBDAS / "release_tests", "release_tests").response_schema


def applications(requests):
    return [each for request in requests for each in request["instances"]]


def test_there_are_enough_to_be_worth_a_test_and_of_more_than_one_size(requests):
    assert len(applications(requests)) == 50
    assert {len(request["instances"]) for request in requests} == {1, 6}


def test_they_are_loans_of_the_data_that_the_example_does_not_learn_from(requests):
    def key(row):
        return tuple(field.read_text(str(row[field.name])) for field in INPUTS)

    with gzip.open(LOANS, "rt", newline="") as lines:
        known = {key(row) for row in csv.DictReader(lines) if SPLIT.test_from <= row["ApprovalDate"] <= SPLIT.test_to}
    assert [each for each in applications(requests) if key(each) not in known] == []


def test_the_examples_code_answers_them_as_the_schema_says(requests, model, response_schema):
    schema = json.loads((SAMPLES / "response.schema.json").read_text())
    for request in requests:
        answer = json.loads(output_fn(predict_fn(input_fn(json.dumps(request), JSON), model), JSON))
        assert response_schema.problem(answer, schema) == ""
        assert len(answer["predictions"]) == len(request["instances"])


@pytest.mark.parametrize(
    "change",
    [
        {"probability": 1.01},
        {"probability": "0.1"},
        {"decision": "refer"},
        {"model_version": "unregistered"},
        {"explanation": "why"},
    ],
)
def test_the_schema_notices_another_answer(response_schema, change):
    schema = json.loads((SAMPLES / "response.schema.json").read_text())
    prediction = {"probability": 0.1, "decision": "approve", "model_version": "3"}
    assert response_schema.problem({"predictions": [prediction]}, schema) == ""
    assert response_schema.problem({"predictions": [prediction | change]}, schema).startswith("predictions[0]")


@pytest.mark.parametrize("size", [1, 7, 50])
def test_lines_of_a_batch_give_a_line_each_however_they_are_cut(requests, model, size):
    """What a transform job relies on: mini-batches of lines, whose answers are put together."""
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerows([each[name] for name in INPUT_NAMES] for each in applications(requests))
    lines = rows.getvalue().splitlines(keepends=True)
    batches = ["".join(lines[start : start + size]) for start in range(0, len(lines), size)]
    answers = [output_fn(predict_fn(input_fn(batch, CSV), model), CSV) for batch in batches]
    for batch, answer in zip(batches, answers, strict=True):
        assert answer.endswith("\n")
        assert answer.count("\n") == batch.count("\n")
    whole = output_fn(predict_fn(input_fn("".join(lines), CSV), model), CSV)
    assert "".join(answers) == whole


def test_a_line_of_json_is_answered_by_one_line(requests, model):
    for request in requests:
        assert "\n" not in output_fn(predict_fn(input_fn(json.dumps(request), JSON), model), JSON)
