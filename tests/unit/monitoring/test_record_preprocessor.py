"""What Model Monitor reads of the captured records of this project's endpoints."""

from __future__ import annotations

import ast
import base64
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from loan_approval import inference, model_monitor, monitor
from loan_approval.schema import INPUT_NAMES
from monitoring import record_preprocessor
from tests.real_samples import sample_folder

SAMPLES = Path(monitor.__file__).parent / "samples" / "requests.jsonl"
JSON, CSV = "application/json", "text/csv"


@pytest.fixture(autouse=True)
def settings(monkeypatch):
    found = {**model_monitor.PAYLOAD, "champion": "3"}
    monkeypatch.setattr(record_preprocessor, "SETTINGS", found)
    return found


def part(text, kind=JSON, encoding="JSON"):
    return SimpleNamespace(data=text, encoding=encoding, observedContentType=kind)


def loans(count):
    lines = [json.loads(line) for line in SAMPLES.read_text().splitlines()]
    nothing_known = dict.fromkeys(model_monitor.PAYLOAD["looked_up"])
    found = [{**row, **nothing_known} for line in lines for row in request_of(line)["instances"]]
    return (found * count)[:count]


def request_of(line):
    """The request in a line of the samples, whatever else the line holds."""
    if "instances" in line:
        return line
    return next(
        request_of(each) for each in line.values() if isinstance(each, dict) and "instances" in json.dumps(each)
    )


def predictions(*answers):
    return [inference.Prediction(probability, decision, version) for probability, decision, version in answers]


def record(rows, answers, truth=None, accept=JSON):
    output = inference.output_fn(answers, accept)
    kind = ("text/csv; charset=utf-8", "CSV") if accept == CSV else (JSON, "JSON")
    found = SimpleNamespace(
        endpoint_input=part(json.dumps({"instances": rows})), endpoint_output=part(output, kind[0], kind[1])
    )
    if truth is not None:
        found.ground_truth = SimpleNamespace(data=truth, encoding="CSV")
    return found


APPROVED = (0.1, "approve", "3")
DECLINED = (0.4, "decline", "3")


def test_a_request_becomes_the_rows_that_the_baseline_is_of():
    [loan] = loans(1)
    found = record_preprocessor.preprocess_handler(record([loan], predictions(APPROVED)))
    assert found == loan
    assert list(found)[: len(INPUT_NAMES)] == list(INPUT_NAMES)


def test_several_rows_are_several_objects():
    rows = loans(2)
    assert record_preprocessor.preprocess_handler(record(rows, predictions(APPROVED, DECLINED))) == rows


def test_what_is_absent_is_missing_and_what_is_new_is_kept():
    [loan] = loans(1)
    given = {**{name: value for name, value in loan.items() if name != "NoEmp"}, "colour": "red"}
    found = record_preprocessor.preprocess_handler(record([given], predictions(APPROVED)))
    assert found["NoEmp"] is None and found["colour"] == "red"


@pytest.mark.parametrize("accept", [JSON, CSV])
def test_answers_of_other_versions_are_left_out(accept):
    rows = loans(2)
    mixed = predictions(APPROVED, (0.2, "approve", "4"))
    assert record_preprocessor.preprocess_handler(record(rows, mixed, accept=accept)) == rows[0]
    assert record_preprocessor.preprocess_handler(record(rows[:1], mixed[1:], "1", accept)) == []


@pytest.mark.parametrize("accept", [JSON, CSV])
@pytest.mark.parametrize(("answer", "label"), [(APPROVED, 0), (DECLINED, 1)])
@pytest.mark.parametrize(("outcome", "truth"), [("1", 1), ("0", 0), ("1\n", 1)])
def test_with_its_outcome_it_becomes_label_probability_and_truth(accept, answer, label, outcome, truth):
    found = record_preprocessor.preprocess_handler(record(loans(1), predictions(answer), outcome, accept))
    assert found == {
        "endpointOutput_label": label,
        "endpointOutput_probability": answer[0],
        "groundTruthData_0": truth,
    }


def test_label_is_what_the_projects_own_monitors_take_as_predicted():
    from monitoring import labels

    for answer in (APPROVED, DECLINED):
        found = record_preprocessor.preprocess_handler(record(loans(1), predictions(answer), "1"))
        assert str(found["endpointOutput_label"]) == labels.predicted(monitor.MODEL, answer[1])


def test_a_request_with_several_rows_has_no_one_outcome(capsys):
    assert record_preprocessor.preprocess_handler(record(loans(2), predictions(APPROVED, DECLINED), "1")) == []
    assert "2 answers and one outcome" in capsys.readouterr().out


def test_decisions_in_the_words_of_outcomes_are_labels_themselves(settings):
    settings.update(favourable="1", positive="1")
    found = record_preprocessor.preprocess_handler(record(loans(1), predictions((0.7, "1", "3")), "0"))
    assert (found["endpointOutput_label"], found["groundTruthData_0"]) == (1, 0)


@pytest.mark.parametrize(
    ("problem", "decision", "value"), [("Regression", "2.5", 2.5), ("MulticlassClassification", "b", "b")]
)
def test_other_problems_have_no_probability(settings, problem, decision, value):
    settings.update(problem_type=problem)
    found = record_preprocessor.preprocess_handler(record(loans(1), predictions((0.7, decision, "3")), decision))
    assert found == {"endpointOutput_label": value, "groundTruthData_0": value}


def test_csv_requests_have_the_features_order():
    [loan] = loans(1)
    text = ",".join(str(loan[name]) for name in INPUT_NAMES) + "\n"
    given = record([loan], predictions(APPROVED))
    given.endpoint_input = part(text, CSV, "CSV")
    found = record_preprocessor.preprocess_handler(given)
    assert list(found) == [*INPUT_NAMES, *model_monitor.PAYLOAD["looked_up"]]
    assert {name: str(found[name]) for name in INPUT_NAMES} == {name: str(loan[name]) for name in INPUT_NAMES}


def test_base64_is_read():
    given = record(loans(1), predictions(APPROVED))
    for each in (given.endpoint_input, given.endpoint_output):
        each.data, each.encoding = base64.b64encode(each.data.encode()).decode(), "BASE64"
    assert record_preprocessor.preprocess_handler(given) == loans(1)[0]


@pytest.mark.parametrize(
    ("request_text", "response_text"),
    [
        ('{"instances": [{"GrAppv', '{"predictions": []}'),
        ('{"rows": []}', '{"predictions": []}'),
        ('{"instances": [1]}', '{"predictions": [{}]}'),
        ('{"instances": [{}]}', '{"predictions": [{}, {}]}'),
        ("[]", "null"),
        (None, None),
    ],
)
def test_what_cannot_be_read_is_left_out_and_told(request_text, response_text, capsys):
    given = SimpleNamespace(endpoint_input=part(request_text), endpoint_output=part(response_text))
    assert record_preprocessor.preprocess_handler(given) == []
    assert "record left out" in capsys.readouterr().out


def test_records_without_input_or_output_are_left_out():
    assert record_preprocessor.preprocess_handler(SimpleNamespace(endpoint_input=None, endpoint_output=None)) == []


def test_real_captured_records_are_left_out_or_read_and_never_fatal():
    for path in sorted((sample_folder() / "capture").glob("*.jsonl")):
        for line in path.read_text().splitlines():
            try:
                captured = json.loads(line)["captureData"]
            except ValueError:
                continue
            sides = {side: SimpleNamespace(**{"encoding": "", "data": "", **each}) for side, each in captured.items()}
            given = SimpleNamespace(
                endpoint_input=sides.get("endpointInput"), endpoint_output=sides.get("endpointOutput")
            )
            assert record_preprocessor.preprocess_handler(given) == []


def test_it_needs_nothing_but_python_3_7():
    """It is the one file that Model Monitor's container gets."""
    tree = ast.parse(Path(record_preprocessor.__file__).read_text(), feature_version=(3, 7))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= set(sys.stdlib_module_names) | {"__future__"}


def test_what_the_model_looked_up_is_an_input_like_any_other():
    """As the answer tells it; an answer that does not tell leaves it missing."""
    [loan] = loans(1)
    names = model_monitor.PAYLOAD["looked_up"]
    told = inference.Prediction(0.1, "approve", "3", {"approvals_12m": 812})
    found = record_preprocessor.preprocess_handler(record([loan], [told]))
    assert {name: found[name] for name in names} == {**dict.fromkeys(names), "approvals_12m": 812}
    found = record_preprocessor.preprocess_handler(record([loan], [told], accept=CSV))
    assert {name: found[name] for name in names} == dict.fromkeys(names)


def test_payload_says_the_same_as_the_monitors_file():
    payload, model = model_monitor.PAYLOAD, monitor.MODEL
    assert payload["problem_type"] == model.problem
    assert payload["features"] + payload["looked_up"] == [feature.name for feature in model.features]
    assert (payload["favourable"], payload["positive"]) == (model.favourable, model.positive)
    line = inference.output_fn(predictions(APPROVED), CSV).strip().split(",")
    [answer] = json.loads(inference.output_fn(predictions(APPROVED), JSON))["predictions"]
    assert list(answer) == [*payload["fields"], "features"]
    assert [str(answer[name]) for name in payload["fields"]] == line
    assert {payload["probability"], payload["decision"], payload["version"]} <= set(payload["fields"])


def test_payloads_threshold_is_the_pipelines():
    from loan_approval.definition import THRESHOLD

    assert model_monitor.PAYLOAD["threshold"] == THRESHOLD
