import json
from collections import Counter

import pytest

from monitoring import attribution, bias, calibration, data_quality, documents, documents_read, findings
from monitoring.documents import read_constraints, read_statistics, read_violations
from monitoring.feature import FRACTIONAL, INTEGRAL, STRING, Feature
from monitoring.findings import Finding
from monitoring.summary import Summary
from tests.real_samples import sample_folder
from tests.unit.monitoring.monitor_documents import constraints, expected, numeric, statistics, text

READERS = {
    "statistics.json": read_statistics,
    "constraints.json": read_constraints,
    "constraint_violations.json": read_violations,
    "bias_drift_violations_2.json": read_violations,
    "attribution_drift_violations_2.json": read_violations,
}


@pytest.mark.parametrize("name", READERS)
def test_real_documents_are_read_without_loss(name):
    raw = (sample_folder() / "monitor" / name).read_bytes()
    document = READERS[name](raw)
    assert document.body == json.loads(raw)
    assert json.loads(document.text()) == json.loads(raw)
    assert document.unknown == {}


def test_real_violations_are_told_by_subject_and_check():
    def violations(name):
        found = read_violations((sample_folder() / "monitor" / name).read_text()).violations
        return [(each.subject, each.check, each.is_known) for each in found]

    assert violations("bias_drift_violations_2.json") == [
        ("CI Age=40", "bias_drift_check", True),
        ("DPPL Age=40", "bias_drift_check", True),
    ]
    assert violations("attribution_drift_violations_2.json") == [
        ("label0", "feature_attribution_drift_check", True),
        ("label1", "feature_attribution_drift_check", True),
    ]
    found = violations("constraint_violations.json")
    assert len(found) == 7
    assert ("congestion_surcharge", "completeness_check", True) in found


def test_what_is_not_known_of_violations_is_kept_and_counted():
    entries = [
        {"feature_name": "sentence", "constraint_check_type": "baseline_drift_check", "endpoint_name": "e"},
        {"feature_name": "x", "constraint_check_type": "mmd_check", "description": "far"},
        {"metric_name": "f2", "constraint_check_type": "LessThanThreshold", "description": None},
        {},
        None,
        "text",
    ]
    document = read_violations(json.dumps({"violations": entries, "more": [1]}))
    assert json.loads(document.text()) == {"violations": entries, "more": [1]}
    assert document.unknown == {
        "no description": 3,
        "check mmd_check": 1,
        "check None": 1,
        "entry that is no object": 2,
    }
    assert [each.subject for each in document.violations] == ["sentence", "x", "f2", "None"]
    assert document.violations[0].text == "baseline_drift_check: feature_name sentence, endpoint_name e"
    assert document.violations[1].text == "far"


@pytest.mark.parametrize("raw", ["[]", '{"violations": []}', '{"violations": null}', "{}", b"\xef\xbb\xbf{}"])
def test_no_violations_are_a_document_too(raw):
    assert read_violations(raw).violations == ()


@pytest.mark.parametrize("read", [read_statistics, read_constraints, read_violations])
@pytest.mark.parametrize("raw", ["", "{", b"\xff", "7", "null", '"x"', "[" * 100_000])
def test_what_is_no_document_is_refused_by_name(read, raw):
    with pytest.raises(ValueError, match=read.__name__.removeprefix("read_")):
        read(raw)


def test_unknown_parts_of_statistics_and_constraints_are_kept_and_counted():
    body = {"features": [{"name": "x", "inferred_type": "Vector"}, {"inferred_type": "String"}, None], "new": {"a": 1}}
    document = read_statistics(json.dumps(body))
    assert document.body == body
    assert document.unknown == {"inferred type Vector": 1, "feature without statistics": 1, "feature without a name": 2}
    limits = {"regression_constraints": {"mae": {"threshold": 1, "comparison_operator": "Near"}, "mse": None}}
    assert read_constraints(json.dumps(limits)).unknown == {
        "comparison operator Near": 1,
        "comparison operator None": 1,
    }


def test_numbers_that_json_does_not_have_survive():
    document = read_statistics('{"version": 0.0, "features": [], "mean": NaN, "max": Infinity}')
    assert document.text() == '{"version": 0.0, "features": [], "mean": NaN, "max": Infinity}'


def test_violations_are_entries_as_model_monitor_writes_them():
    given = constraints(expected("x", "Fractional"))
    skipped = Counter()
    (entry,) = documents.violations(given, statistics(numeric("x", [1.5], missing=1)), skipped=skipped)
    assert entry == {
        "feature_name": "x",
        "constraint_check_type": "completeness_check",
        "description": "Value: 0.5 does not meet the constraint requirement! Expected at least 1.0.",
    }
    assert skipped == {"not comparable": 1}
    assert documents.violations_document([entry]) == {"violations": [entry]}


# Our own documents ------------------------------------------------------------------------------------------------

FEATURES = (
    Feature("amount", FRACTIONAL, completeness=0.5),
    Feature("term", INTEGRAL),
    Feature("state", STRING, domain=("CA", "NY")),
)


def judged(given, current, baseline=None):
    found = documents.violations(given, current, baseline)
    return [(each["feature_name"], each["constraint_check_type"]) for each in found]


def own(**columns):
    summary = Summary(FEATURES)
    summary.add({"amount": [1.5, 2.0], "term": [12, 24], "state": ["CA", "NY"], **columns})
    return json.loads(json.dumps(summary.statistics()))


def test_our_documents_meet_our_constraints():
    given = data_quality.constraints(FEATURES)
    assert judged(given, own(), own()) == []
    assert judged(given, own(amount=[3, 4]), own()) == []  # declared Fractional, whatever the numbers are


@pytest.mark.parametrize(
    ("columns", "violation"),
    [
        ({"amount": [None, None]}, ("amount", "completeness_check")),
        ({"amount": [1.5, "many"]}, ("amount", "data_type_check")),
        ({"term": [12, 24.5]}, ("term", "data_type_check")),
        ({"term": [12, None]}, ("term", "completeness_check")),
        ({"state": ["CA", "TX"]}, ("state", "categorical_values_check")),
    ],
)
def test_our_documents_are_judged_by_the_same_rules(columns, violation):
    assert judged(data_quality.constraints(FEATURES), own(**columns)) == [violation]


def test_our_document_without_a_column_lacks_it():
    summary = Summary(FEATURES)
    summary.add({"amount": [1.5], "term": [12]})
    assert judged(data_quality.constraints(FEATURES), summary.statistics()) == [
        ("Missing columns", "missing_column_check")
    ]


# Model quality ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "values"),
    [
        ("LessThanThreshold", (True, False, False)),
        ("LessThanOrEqualToThreshold", (True, True, False)),
        ("GreaterThanThreshold", (False, False, True)),
        ("GreaterThanOrEqualToThreshold", (False, True, True)),
    ],
)
@pytest.mark.parametrize("problem", ["binary_classification", "multiclass_classification", "regression"])
def test_metrics_are_compared_as_their_constraints_say(problem, operator, values):
    limits = {f"{problem}_constraints": {"m": {"threshold": 0.5, "comparison_operator": operator}}}
    for value, is_violation in zip((0.4, 0.5, 0.6), values, strict=True):
        current = {f"{problem}_metrics": {"m": {"value": value, "standard_deviation": 0.01}}}
        found = documents.model_quality_violations(limits, current)
        assert [each["constraint_check_type"] for each in found] == ([operator] if is_violation else [])


def test_a_metric_is_told_with_its_figures():
    limits = {"binary_classification_constraints": {"f2": {"threshold": 0.62, "comparison_operator": OPERATOR}}}
    current = {"binary_classification_metrics": {"f2": {"value": 0.6, "standard_deviation": 0.01}}}
    assert documents.model_quality_violations(limits, current) == [
        {
            "constraint_check_type": "LessThanThreshold",
            "description": "Metric f2 with 0.6 +/- 0.01 was LessThanThreshold '0.62'",
            "metric_name": "f2",
        }
    ]
    current["binary_classification_metrics"]["f2"]["standard_deviation"] = float("nan")
    (found,) = documents.model_quality_violations(limits, current)
    assert found["description"] == "Metric f2 with 0.6 was LessThanThreshold '0.62'"


OPERATOR = "LessThanThreshold"


@pytest.mark.parametrize(
    ("limit", "metric"),
    [
        ({"threshold": 0.5, "comparison_operator": OPERATOR}, None),
        ({"threshold": 0.5, "comparison_operator": OPERATOR}, {"value": float("nan")}),
        ({"threshold": 0.5, "comparison_operator": OPERATOR}, {"value": "NaN"}),
        ({"threshold": None, "comparison_operator": OPERATOR}, {"value": 0.1}),
        ({"threshold": 0.5, "comparison_operator": "Near"}, {"value": 0.1}),
        ({"threshold": 0.5}, {"value": 0.1}),
        (None, {"value": 0.1}),
    ],
)
def test_a_metric_that_cannot_be_compared_is_counted(limit, metric):
    skipped = Counter()
    limits, current = {"regression_constraints": {"mae": limit}}, {"regression_metrics": {"mae": metric}}
    assert documents.model_quality_violations(limits, current, skipped) == []
    assert skipped == {"metric mae": 1}


# Bias and attribution ---------------------------------------------------------------------------------------------


def analysis(section="post_training_bias_metrics", facet="Age", value="40", **metrics):
    listed = [{"name": name, "description": "…", "value": each} for name, each in metrics.items()]
    return {"version": "1.0", section: {"facets": {facet: [{"value_or_threshold": value, "metrics": listed}]}}}


@pytest.mark.parametrize(
    ("metric", "baseline", "current", "is_violation"),
    [
        ("DPPL", 0.2, 0.1, False),  # the guide's own examples
        ("DPPL", 0.2, -0.3, True),
        ("DPPL", 0.2, -0.2, False),
        ("DI", 0.9, 0.95, False),  # a ratio is balanced at 1
        ("DI", 0.9, 0.8, True),
        ("DI", 0.9, 1.2, True),
    ],
)
def test_bias_further_from_balance_than_the_baseline_is_a_violation(metric, baseline, current, is_violation):
    found = documents.bias_violations(analysis(**{metric: baseline}), analysis(**{metric: current}))
    assert bool(found) == is_violation


def test_bias_is_told_as_clarify_does():
    section = "pre_training_bias_metrics"
    found = documents.bias_violations(analysis(section, CI=0.05), analysis(section, CI=0.0751544567666083))
    (entry,) = found
    assert entry | {"description": ""} == {
        "facet": "Age",
        "facet_value": "40",
        "metric_name": "CI",
        "constraint_check_type": "bias_drift_check",
        "description": "",
    }
    assert entry["description"].startswith("Value 0.0751544567666083 does not meet the constraint requirement")
    assert documents.violations_document(found) == {"version": "1.0", "violations": found}


@pytest.mark.parametrize("current", [analysis(), analysis(DPPL=None), analysis(value="50", DPPL=0.9), {}, {"x": 1}])
def test_a_bias_metric_without_its_peer_is_counted(current):
    skipped = Counter()
    assert documents.bias_violations(analysis(DPPL=0.1), current, skipped) == []
    assert skipped == {"metric DPPL": 1}


def explanations(*labels):
    shap = {
        f"label{place}": {"global_shap_values": values, "expected_value": 0.1} for place, values in enumerate(labels)
    }
    return {"version": "1.0", "explanations": {"kernel_shap": shap}}


def test_attributions_of_another_order_are_a_violation():
    base = {"a": 0.5, "b": 0.3, "c": 0.01}
    skipped = Counter()
    found = documents.attribution_violations(
        explanations(base, base, base), explanations(base, {"a": 0.01, "b": 0.3, "c": 0.5}), skipped=skipped
    )
    assert skipped == {"label label2": 1}
    (entry,) = found
    assert (entry["label"], entry["metric_name"]) == ("label1", "shap")
    assert entry["constraint_check_type"] == "feature_attribution_drift_check"
    value = (0.01 + 0.3 / 1.5849625007211562 + 0.5 / 2) / (0.5 + 0.3 / 1.5849625007211562 + 0.01 / 2)
    assert float(entry["description"].split()[3]) == pytest.approx(value)
    assert entry["description"].endswith("exceeds threshold 0.9")


# Our findings -----------------------------------------------------------------------------------------------------


def finding(monitor, subject, check, large=True):
    return Finding(monitor, subject, check, 0.2, 0.1, 0.001, True, large, "why")


def test_findings_that_breach_are_violations_in_the_format_of_their_kind():
    found = {
        findings.DATA_DRIFT: finding(findings.DATA_DRIFT, "amount", "baseline_drift_check"),
        findings.MODEL_QUALITY: finding(findings.MODEL_QUALITY, "auc", "LessThanThreshold"),
        findings.CALIBRATION: finding(findings.CALIBRATION, "events", calibration.CHECK),
        findings.BIAS: finding(findings.BIAS, "DPPL New Exist=2=3", "bias_drift_check"),
        findings.ATTRIBUTION: finding(findings.ATTRIBUTION, "label0", "feature_attribution_drift_check"),
    }
    named = {
        findings.DATA_DRIFT: {"feature_name": "amount"},
        findings.MODEL_QUALITY: {"metric_name": "auc"},
        findings.CALIBRATION: {"metric_name": "events"},
        findings.BIAS: {"facet": "New Exist", "facet_value": "2=3", "metric_name": "DPPL"},
        findings.ATTRIBUTION: {"label": "label0", "metric_name": "shap"},
    }
    for monitor, each in found.items():
        document = documents.from_findings([each, finding(monitor, "fine", "x", large=False)])
        (entry,) = document["violations"]
        assert entry == {**named[monitor], "constraint_check_type": each.check, "description": "why"}
        (read,) = read_violations(json.dumps(document)).violations
        assert (read.subject, read.check, read.text) == (each.subject, each.check, "why")
        assert read.is_known


def test_no_breach_is_an_empty_document():
    assert documents.from_findings([]) == {"violations": []}


def test_checks_that_aws_and_our_monitors_write_are_known():
    assert {"data_type_check", "LessThanThreshold", "bias_drift_check"} <= documents_read.CHECKS
    assert {calibration.CHECK, bias.CHECK, attribution.CHECK} <= documents_read.CHECKS


def test_documents_are_judged_from_text_to_text():
    """The whole way: read both documents as texts, judge, write, read again."""
    given = read_constraints(json.dumps(constraints(expected("state", "String", domains=["CA"]))))
    current = read_statistics(json.dumps(statistics(text("state", {"CA": 3, "TX": 1}), rows=4)))
    document = documents.violations_document(documents.violations(given.body, current.body, current.body))
    (found,) = read_violations(json.dumps(document)).violations
    assert (found.subject, found.check) == ("state", "categorical_values_check")
