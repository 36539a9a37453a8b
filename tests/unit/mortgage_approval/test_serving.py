"""The endpoint's handlers, what the monitors read of its traffic, and the samples that release tests send."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from monitoring import bias, calibration, quality
from monitoring.findings import JUDGED, Window
from monitoring.model import Answer
from mortgage_approval import inference, monitor
from mortgage_approval.inference import input_fn, model_fn, output_fn, predict_fn
from mortgage_approval.schema import ENCODER, FORM, INPUTS, PROTECTED
from tabular.serving import RequestError
from tests.unit.lambdas.conftest import LAMBDAS, load_folder

SAMPLES = Path(inference.__file__).parent / "samples"
JSON, CSV = "application/json", "text/csv"
WINDOW = Window.read("2026-01-01T00:00:00Z/2026-01-02T00:00:00Z")


@pytest.fixture(scope="module")
def model(run):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL_VERSION", "3")
        return model_fn(str(run().model_dir))


def body(*applications):
    return json.dumps({"instances": applications})


def lines(*applications):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([each[name] for name in FORM.names] for each in applications)
    return text.getvalue()


def answer(model, request, content_type=JSON, accept=JSON):
    return output_fn(predict_fn(input_fn(request, content_type), model), accept)


def test_an_answer_has_one_prediction_an_application_in_order(model, requested):
    predictions = json.loads(answer(model, body(*requested)))["predictions"]
    alone = [json.loads(answer(model, body(each)))["predictions"][0] for each in requested]
    assert alone == predictions
    assert {each["model_version"] for each in predictions} == {"3"}
    for each in predictions:
        assert each["decision"] == ("approve" if each["probability"] <= 0.25 else "decline")


def test_csv_and_json_agree(model, requested):
    predictions = json.loads(answer(model, body(*requested)))["predictions"]
    expected = "".join(f"{p['probability']},{p['decision']},{p['model_version']}\n" for p in predictions)
    assert answer(model, lines(*requested), CSV, CSV) == expected


def test_who_an_applicant_is_changes_no_answer(model, requested):
    told = [{**each, **dict.fromkeys(PROTECTED, "yes")} for each in requested]
    assert answer(model, body(*told)) == answer(model, body(*requested))


@pytest.mark.parametrize("name", FORM.names)
def test_a_missing_field_is_named(requested, name):
    broken = {key: value for key, value in requested[0].items() if key != name}
    with pytest.raises(RequestError, match=rf"instances\[1\].{name}: missing"):
        input_fn(body(requested[0], broken), JSON)


def test_a_model_of_other_features_is_refused(run, tmp_path):
    metadata = json.loads((run().model_dir / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({**metadata, "features": ["afam"]}))
    with pytest.raises(ValueError, match=r"trained on features \['afam'\]"):
        model_fn(str(tmp_path))


def test_the_monitors_read_what_the_endpoint_writes(model, requested):
    predictions = predict_fn(input_fn(body(*requested), JSON), model)
    for accept in (JSON, CSV):
        answers = monitor.MODEL.read_response(output_fn(predictions, accept), accept)
        assert answers == [Answer(each.probability, each.decision, each.model_version) for each in predictions]
    rows = monitor.MODEL.read_request(body(*requested), JSON)
    assert rows == requested
    assert monitor.MODEL.read_request(lines(*requested), CSV) == rows


def test_contributions_and_the_expected_value_add_up_to_the_log_odds(model, run, requested):
    columns = FORM.columns_of(requested)
    explanation = monitor.explain(run().model_dir, columns)
    assert explanation.contributions.shape == (len(requested), len(INPUTS))
    probabilities = model.probabilities(columns)
    rest = np.log(probabilities / (1 - probabilities)) - explanation.contributions.sum(axis=1)
    assert rest == pytest.approx(rest[0], abs=1e-3)


def test_applications_that_the_model_would_refuse_are_not_explained(run, requested):
    columns = FORM.columns_of(requested[:3])
    columns["phist"][1] = "perhaps"
    assert len(monitor.explain(run().model_dir, columns).contributions) == 2
    del columns["pirat"]
    assert monitor.explain(run().model_dir, columns).contributions.shape == (0, len(INPUTS))


def test_every_input_is_watched_and_no_window_is_judged_by_what_requests_do_not_tell():
    assert tuple(feature.name for feature in monitor.MODEL.features) == ENCODER.names
    assert monitor.MODEL.facets == ()
    assert tuple(facet.name for facet in monitor.FACETS) == PROTECTED


def test_baselines_of_the_version_are_such_as_windows_are_judged_by(run):
    """The test rows as a window: outcomes of all of them are known, and nothing has changed."""
    first = run()
    known = first.read("model-quality/statistics.json")
    test = first.read("bias/test_analysis.json")
    assert test["post_training_bias_metrics"]["label"] == "decision"
    judged = quality.judge(monitor.MODEL.problem, known, known, WINDOW, 715)
    assert (judged.status, judged.breached) == (JUDGED, False)
    outcomes = first.read("model-quality/outcomes.json")
    assert outcomes["known"] == 2380
    scores, denied = np.repeat([0.05, 0.3], 300), np.repeat([0.0, 1.0, 0.0], [285, 15 + 80, 220])
    assert calibration.judge(outcomes, scores, denied, WINDOW).status == JUDGED
    assert ("afam", "yes") in bias.facets(first.read("bias/constraints.json"))


class TestSamples:
    @pytest.fixture(scope="class")
    def requests(self):
        return [json.loads(line) for line in (SAMPLES / "requests.jsonl").read_text().splitlines()]

    @pytest.fixture(scope="class")
    def response_schema(self):
        return load_folder(LAMBDAS / "release_tests", "release_tests").response_schema

    def test_they_are_applications_that_the_model_does_not_learn_from(self, requests, parts):
        def key(row):
            return tuple(field.read_text(str(row[field.name])) for field in INPUTS)

        known = {key(row) for row in parts.test.to_dict("records")}
        sent = [each for request in requests for each in request["instances"]]
        assert len(sent) == 50
        assert [each for each in sent if key(each) not in known] == []
        assert {len(request["instances"]) for request in requests} == {1, 6}

    def test_they_tell_nobodys_race(self, requests):
        assert {name for request in requests for each in request["instances"] for name in each} == set(FORM.names)

    def test_the_models_code_answers_them_as_the_schema_says(self, requests, model, response_schema):
        schema = json.loads((SAMPLES / "response.schema.json").read_text())
        for request in requests:
            found = json.loads(answer(model, json.dumps(request)))
            assert response_schema.problem(found, schema) == ""
            assert len(found["predictions"]) == len(request["instances"])
