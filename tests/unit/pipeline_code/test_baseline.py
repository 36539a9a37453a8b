import json

import pytest

from loan_approval.monitor import MODEL
from loan_approval.schema import INPUTS, SEEN_NAMES, Kind
from loan_approval.steps import baseline
from monitoring import drift
from monitoring.findings import Window
from monitoring.summary import Summary


@pytest.fixture(scope="module")
def documents(parts):
    return baseline.transform(parts.baseline)


def test_documents_speak_of_every_input_and_of_nothing_else(documents):
    """The day of approval is there to tell months apart; it would drift by itself."""
    for name in ("statistics", "constraints"):
        assert [feature["name"] for feature in documents[name]["features"]] == list(SEEN_NAMES)
    assert documents["statistics"]["dataset"] == {"item_count": 14400}


def test_calibration_holds_back_each_month_of_the_training_period(documents, parts):
    """A month of training is judged as one that did not drift by what the other months teach."""
    calibration = drift.Calibration.read(documents["calibration"])
    whole = Summary.read(documents["statistics"], MODEL.features)
    month = parts.baseline[parts.baseline["ApprovalDate"].str.startswith("2001-06")]
    window = Window.read("2001-06-01T00:00:00Z/2001-07-01T00:00:00Z")
    assert not drift.judge(whole, calibration, baseline.summary(month), window).breached
    others = month.assign(GrAppv=month["GrAppv"] * 10)
    assert drift.judge(whole, calibration, baseline.summary(others), window).breached


def test_constraints_follow_from_the_schema(documents):
    by_name = {feature["name"]: feature for feature in documents["constraints"]["features"]}
    for field in INPUTS:
        constraint = by_name[field.name]
        assert constraint["completeness"] == 1.0
        if field.kind is Kind.CATEGORICAL:
            assert constraint["inferred_type"] == "String"
            listed = {"string_constraints": {"domains": [str(level) for level in field.levels]}}
            found = {key: value for key, value in constraint.items() if key == "string_constraints"}
            assert found == (listed if field.rest is None else {})
        else:
            assert constraint["inferred_type"] == ("Integral" if field.whole else "Fractional")
            assert constraint["num_constraints"] == {"is_non_negative": True}


def test_the_step_writes_its_documents(base, channels):
    (base / "processing" / "input").mkdir(parents=True)
    (base / "processing" / "input" / "baseline").symlink_to(channels / "baseline")
    baseline.main([])
    folder = base / "processing" / "output" / "data-quality"
    assert json.loads((folder / "statistics.json").read_text())["dataset"]["item_count"] == 14400
    assert len(json.loads((folder / "constraints.json").read_text())["features"]) == len(SEEN_NAMES)
    assert drift.Calibration.read(json.loads((folder / "calibration.json").read_text()))
