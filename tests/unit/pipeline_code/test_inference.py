import csv
import io
import json

import pytest

from loan_approval import inference
from loan_approval.inference import input_fn, model_fn, output_fn, predict_fn
from loan_approval.schema import INPUT_NAMES, INPUTS
from tabular.serving import RequestError

JSON, CSV = "application/json", "text/csv"


@pytest.fixture(scope="module")
def model(model_dir):
    return model_fn(str(model_dir))


def body(*applications):
    return json.dumps({"instances": applications})


# Any text is the name of a bank: an unlisted one counts as "other".
CLOSED_NAMES = [field.name for field in INPUTS if field.rest is None]


def line(application):
    row = io.StringIO()
    csv.writer(row, lineterminator="").writerow([application[name] for name in INPUT_NAMES])
    return row.getvalue()


def answer(model, request, content_type=JSON, accept=JSON):
    return output_fn(predict_fn(input_fn(request, content_type), model), accept)


def test_answer_has_one_prediction_an_application_in_order(model, applications):
    predictions = json.loads(answer(model, body(*applications)))["predictions"]
    assert len(predictions) == 100
    assert [set(each) for each in predictions] == [{"probability", "decision", "model_version", "features"}] * 100
    alone = [json.loads(answer(model, body(each)))["predictions"][0] for each in applications]
    assert alone == predictions


def test_decision_follows_from_the_probability_that_is_told(model, applications):
    strict = inference.Model(model.booster, 0.11, "7")
    predictions = json.loads(answer(strict, body(*applications)))["predictions"]
    assert {each["decision"] for each in predictions} == {"approve", "decline"}
    for each in predictions:
        assert each["decision"] == ("approve" if each["probability"] <= 0.11 else "decline")


def test_version_comes_from_the_environment(model_dir, applications, monkeypatch):
    monkeypatch.setenv("MODEL_VERSION", "3")
    model = model_fn(str(model_dir))
    assert json.loads(answer(model, body(applications[0])))["predictions"][0]["model_version"] == "3"


def test_csv_and_json_agree(model, applications):
    lines = "\n".join(line(each) for each in applications)
    predictions = json.loads(answer(model, body(*applications)))["predictions"]
    expected = "".join(f"{p['probability']},{p['decision']},{p['model_version']}\n" for p in predictions)
    assert answer(model, lines, CSV, CSV) == expected


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", ""])
def test_content_type_may_have_parameters(model, applications, content_type):
    assert "predictions" in answer(model, body(applications[0]).encode(), content_type)


@pytest.mark.parametrize("accept", ["*/*", None, "text/html, application/json;q=0.9", "application/json, text/csv"])
def test_json_is_what_most_clients_get(model, applications, accept):
    assert "predictions" in answer(model, body(applications[0]), accept=accept)


@pytest.mark.parametrize("name", INPUT_NAMES)
def test_a_missing_field_is_named(applications, name):
    broken = {key: value for key, value in applications[1].items() if key != name}
    with pytest.raises(RequestError) as error:
        input_fn(body(applications[0], broken), JSON)
    assert str(error.value) == f"instances[1].{name}: missing"
    assert error.value.status_code == 400


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in INPUT_NAMES for value in ([], {}, True, 1e999)]
    + [(name, "abc") for name in CLOSED_NAMES],
)
def test_a_bad_value_is_named_with_its_field(applications, name, value):
    with pytest.raises(RequestError) as error:
        input_fn(body({**applications[0], name: value}), JSON)
    assert str(error.value).startswith(f"instances[0].{name}: ")
    assert error.value.status_code == 400


@pytest.mark.parametrize("name", CLOSED_NAMES)
def test_a_bad_value_in_csv_is_named_with_its_field(applications, name):
    lines = line(applications[0]) + "\n" + line({**applications[1], name: "abc"})
    with pytest.raises(RequestError) as error:
        input_fn(lines, CSV)
    assert str(error.value).startswith(f"instances[1].{name}: 'abc' is not ")


def test_the_reason_is_in_words(applications):
    with pytest.raises(RequestError) as error:
        input_fn(body({**applications[0], "GrAppv": "abc"}), JSON)
    assert str(error.value) == error.value.message == "instances[0].GrAppv: 'abc' is not a number"


def test_a_guarantee_above_the_loan_is_refused(applications):
    with pytest.raises(RequestError, match=r"instances\[0\].SBA_Appv: 2000 is more than GrAppv, which is 1000"):
        input_fn(body({**applications[0], "GrAppv": 1000, "SBA_Appv": 2000}), JSON)


@pytest.mark.parametrize(
    ("request_body", "content_type", "message", "status"),
    [
        ("{", JSON, "body: not JSON", 400),
        ("[" * 100_000, JSON, "body: not JSON", 400),
        ("", JSON, "body: not JSON", 400),
        (b"\xff", JSON, "body: not UTF-8 at byte 0", 400),
        ("[]", JSON, 'no list "instances"', 400),
        ('{"instances": {}}', JSON, 'no list "instances"', 400),
        ('{"instances": []}', JSON, "instances: empty", 400),
        ('{"instances": [1]}', JSON, "instances[0]: not an object", 400),
        ("", CSV, "instances: empty", 400),
        ("1,2,3", CSV, "instances[0]: 3 values, expected 14", 400),
        ("{}", "application/x-npy", "content type 'application/x-npy' is not one of", 415),
    ],
)
def test_a_request_of_the_wrong_form_is_refused(request_body, content_type, message, status):
    with pytest.raises(RequestError) as error:
        input_fn(request_body, content_type)
    assert message in str(error.value)
    assert error.value.status_code == status


def test_a_form_of_answer_that_does_not_exist_is_refused(model, applications):
    with pytest.raises(RequestError) as error:
        answer(model, body(applications[0]), accept="application/xml")
    assert error.value.status_code == 406


def test_members_that_this_version_does_not_know_are_ignored(model, applications):
    known = answer(model, body(applications[0]))
    assert answer(model, body({**applications[0], "Term": 84, "bad": 1})) == known


def test_a_model_of_other_features_is_refused(model_dir, tmp_path):
    metadata = json.loads((model_dir / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({**metadata, "features": ["Term"]}))
    with pytest.raises(ValueError, match=r"trained on features \['Term'\]"):
        model_fn(str(tmp_path))
