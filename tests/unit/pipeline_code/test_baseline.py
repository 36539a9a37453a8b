import json

from loan_approval.schema import INPUT_NAMES, INPUTS, Kind
from loan_approval.steps import baseline


def test_documents_speak_of_every_input(parts):
    statistics, constraints = baseline.transform({name: parts.baseline[name].tolist() for name in INPUT_NAMES})
    for document in (statistics, constraints):
        assert [feature["name"] for feature in document["features"]] == list(INPUT_NAMES)
    assert statistics["dataset"] == {"item_count": 14400}


def test_constraints_follow_from_the_schema(parts):
    _, constraints = baseline.transform({name: parts.baseline[name].tolist() for name in INPUT_NAMES})
    by_name = {feature["name"]: feature for feature in constraints["features"]}
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


def test_the_step_writes_both_documents(base, channels):
    (base / "processing" / "input").mkdir(parents=True)
    (base / "processing" / "input" / "baseline").symlink_to(channels / "baseline")
    baseline.main([])
    folder = base / "processing" / "output" / "data-quality"
    assert json.loads((folder / "statistics.json").read_text())["dataset"]["item_count"] == 14400
    assert len(json.loads((folder / "constraints.json").read_text())["features"]) == len(INPUTS)
