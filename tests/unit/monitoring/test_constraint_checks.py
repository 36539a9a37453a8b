from collections import Counter

import pytest

from monitoring.constraint_checks import breaches
from tests.real_samples import sample, sample_folder
from tests.unit.monitoring.monitor_documents import CONFIG, constraints, expected, numeric, statistics, text

DISTRIBUTION = CONFIG["distribution_constraints"]


def checks(given, current, baseline=None, skipped=None):
    skipped = Counter() if skipped is None else skipped
    return [(each.feature, each.check) for each in breaches(given, current, baseline, skipped)]


def compared(**changes):
    return {"distribution_constraints": {**DISTRIBUTION, **changes}}


# As AWS judged real runs ------------------------------------------------------------------------------------------


def real_table():
    """Rows of a real run's violations, out of the notebook that printed them."""
    lines = (sample_folder() / "monitor" / "data_quality_violations_table_output.txt").read_text().splitlines()
    cells = [line.strip()[4:-5] for line in lines if line.strip().startswith("<td>")]
    return [tuple(cells[start : start + 3]) for start in range(0, len(cells), 3)]


def test_types_are_judged_and_told_as_in_a_real_run():
    table = real_table()
    assert len(table) == 10
    features, limits = [], []
    for name, _, description in table:
        # 99.64592817400101 % is 1,970 of 1,977 rows: as in that run, none of them is folded in the sketch yet.
        values = [0.013] * 1977 if "Only 0.0%" in description else [0, 1] * 985 + [0.5] * 7
        features.append(numeric(name, values))
        limits.append(expected(name, "Integral"))
    found = breaches(constraints(*limits), statistics(*features, rows=1977), None, Counter())
    assert [(each.feature, each.check, each.description) for each in found] == table


def test_the_real_constraints_and_statistics_lack_a_column():
    given, current = sample("monitor/constraints.json"), sample("monitor/statistics.json")
    (found,) = breaches(given, current, current, Counter())
    assert (found.feature, found.check) == ("Missing columns", "missing_column_check")
    assert found.description.startswith(
        "There are missing columns in current dataset. Number of columns in current dataset: 1, "
        "Number of columns in baseline constraints: 2"
    )
    assert "second_message" in found.description


def test_a_column_without_any_value_is_incomplete_and_not_of_another_type():
    real = [each for each in sample("monitor/constraint_violations.json")["violations"] if "surcharge" in str(each)]
    assert [each["constraint_check_type"] for each in real] == ["completeness_check"]
    empty = numeric("congestion_surcharge", [], "Unknown", missing=999)
    given = constraints(expected("congestion_surcharge", "Integral"))
    (found,) = breaches(given, statistics(empty, rows=999), None, Counter())
    assert found.check == "completeness_check"
    assert found.description.startswith(real[0]["description"].strip())


def test_unknown_values_are_told_with_the_real_figure():
    (real,) = (
        each for each in sample("monitor/constraint_violations.json")["violations"] if "store" in each["feature_name"]
    )
    current = statistics(text("store_and_fwd_flag", {"N": 990, "Y": 9}), rows=999)
    (found,) = breaches(constraints(expected("store_and_fwd_flag", "String", domains=["Y"])), current, None, Counter())
    assert (found.feature, found.check) == (real["feature_name"], real["constraint_check_type"])
    assert found.description.startswith(real["description"].strip())


def test_whole_numbers_are_no_fractional():
    """A public run on the Boston housing data (of the book "Learn Amazon SageMaker"), in which a reader was told of
    wrong types in chas, nox, rad and tax: the baseline has the target last, captured data have the answer first, so
    that every column got its neighbour's values. nox and tax are Fractional and got 0 and 1, which are Integral."""
    captured = {
        "crim": "30.1",
        "zn": "0.00632",
        "indus": "18.00",
        "chas": "2.310",
        "nox": "0",
        "rm": "0.5380",
        "age": "6.5750",
        "dis": "65.20",
        "rad": "4.0900",
        "tax": "1",
        "ptratio": "296.0",
        "lstat": "15.30",
    }
    given = constraints(*(expected(name, "Integral" if name in ("chas", "rad") else "Fractional") for name in captured))
    current = statistics(
        *(
            numeric(name, [float(value)], "Fractional" if "." in value else "Integral")
            for name, value in captured.items()
        )
    )
    assert checks(given, current) == [(name, "data_type_check") for name in ("chas", "nox", "rad", "tax")]


# Types ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "feature", "share"),
    [
        ("Integral", numeric("x", [1, 2], "Integral"), None),
        ("Fractional", numeric("x", [1.0, 2.5]), None),
        ("String", text("x", {"a": 1}), None),
        ("Integral", numeric("x", [1, 2, 3, 0.5]), 0.75),
        ("Integral", numeric("x", [1.0, 2.0]), 0.0),
        ("Integral", numeric("x", [], levels=[[1.0, 2.5], [4.0]]), 0.75),
        ("Integral", text("x", {"12": 3, "-4": 1, "x": 4}), 0.5),
        ("Fractional", text("x", {"1.5": 3, ".5": 1, "x": 4, "7": 2}), 0.4),
        ("Integral", text("x", {"a": 4}), 0.0),
        ("String", numeric("x", [1.5]), 0.0),
        ("String", text("x", {"true": 2}, inferred_type="Boolean"), None),
        ("Boolean", text("x", {"true": 2}, inferred_type="Boolean"), None),
        ("Integral", {"name": "x", "inferred_type": "Fractional"}, 0.0),
        ("Integral", {"name": "x", "inferred_type": "String", "string_statistics": {}}, 0.0),
    ],
)
def test_the_share_of_values_of_the_expected_type_decides(wanted, feature, share):
    found = [
        each
        for each in breaches(constraints(expected("x", wanted, 0.0)), statistics(feature, rows=4), None, Counter())
        if each.check == "data_type_check"
    ]
    assert [each.value for each in found] == ([] if share is None else [pytest.approx(share)])


@pytest.mark.parametrize(("threshold", "is_violation"), [(0.75, False), (0.7501, True), (1.0, True), (0.0, False)])
def test_a_share_at_the_threshold_is_enough(threshold, is_violation):
    given = constraints(expected("x", "Integral"), datatype_check_threshold=threshold)
    assert bool(checks(given, statistics(numeric("x", [1, 2, 3, 0.5])))) == is_violation


@pytest.mark.parametrize("wanted", ["Unknown", None, "Timestamp"])
def test_an_unknown_type_is_not_judged_but_counted(wanted):
    skipped = Counter()
    assert checks(constraints(expected("x", wanted)), statistics(numeric("x", [1.5])), skipped=skipped) == []
    assert skipped["type unknown"] == 1


# Completeness and domains -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("least", "missing", "is_violation"), [(1.0, 0, False), (1.0, 1, True), (0.5, 4, False), (0.5, 5, True), (0, 9, 0)]
)
def test_completeness_is_the_share_that_is_present(least, missing, is_violation):
    current = statistics(numeric("x", [1.5] * 4, missing=missing))
    assert bool(checks(constraints(expected("x", "Fractional", least)), current)) == bool(is_violation)


@pytest.mark.parametrize(
    ("domains", "counts", "missing", "threshold", "is_violation"),
    [
        (["a", "b"], {"a": 5, "b": 1}, 0, 1.0, False),
        (["a"], {"a": 5, "b": 1}, 0, 1.0, True),
        (["a"], {"a": 9, "b": 1}, 0, 0.9, False),
        (["a"], {"a": 8, "b": 2}, 0, 0.9, True),
        (["a"], {"a": 9}, 91, 1.0, False),
        ([], {"a": 9}, 0, 1.0, False),
        (None, {"a": 9}, 0, 1.0, False),
        ([True, 1], {"true": 9, "1": 2}, 0, 1.0, False),
    ],
)
def test_values_are_to_be_of_the_domain(domains, counts, missing, threshold, is_violation):
    given = constraints(expected("x", "String", 0.0, domains), domain_content_threshold=threshold)
    found = checks(given, statistics(text("x", counts, missing)))
    assert found == ([("x", "categorical_values_check")] if is_violation else [])


def test_the_older_name_of_the_domains_threshold_counts():
    old = {"evaluate_constraints": "Enabled", "distribution_constraints": {"min_domain_mass": 0.5}}
    current = statistics(text("x", {"a": 6, "b": 4}))
    assert checks(constraints(expected("x", "String", domains=["a"]), config=old), current) == []
    old["distribution_constraints"]["min_domain_mass"] = 0.7
    assert checks(constraints(expected("x", "String", domains=["a"]), config=old), current) != []


# Columns ----------------------------------------------------------------------------------------------------------


def test_columns_that_are_missing_or_too_many_are_one_violation_each():
    given = constraints(*(expected(name, "Fractional") for name in "abc"))
    current = statistics(*(numeric(name, [1.5]) for name in "cde"))
    found = breaches(given, current, None, Counter())
    assert [(each.feature, each.check) for each in found] == [
        ("Missing columns", "missing_column_check"),
        ("Extra columns", "extra_column_check"),
    ]
    assert found[0].description.endswith("The missing ones: a, b")
    assert found[1].description.endswith("The extra ones: d, e")


def test_a_window_with_rows_but_without_columns_lacks_them_all():
    assert checks(constraints(expected("a", "String")), statistics(rows=5)) == [
        ("Missing columns", "missing_column_check")
    ]


def test_a_column_that_is_not_watched_may_be_missing():
    off = {"monitoring_config_overrides": {"evaluate_constraints": "Disabled"}}
    assert checks(constraints(expected("a", "String", **off)), statistics(rows=5)) == []


# Drift ------------------------------------------------------------------------------------------------------------

LOW, HIGH = [float(n) + 0.5 for n in range(1000)], [float(n) + 200.5 for n in range(1000)]


@pytest.mark.parametrize(
    ("method", "threshold", "is_violation"),
    [
        ("Simple", 0.19, True),
        ("linf_simple", 0.19, True),
        ("Simple", 0.21, False),
        ("Robust", 0.11, True),
        ("linf_robust", 0.11, True),
        ("Robust", 0.13, False),  # 0.2 less 1.8 * sqrt(2/1000) = 0.0805
        (None, 0.13, False),
    ],
)
def test_the_distance_of_numbers_is_compared_as_the_method_says(method, threshold, is_violation):
    given = constraints(
        expected("x", "Fractional"), **compared(comparison_method=method, comparison_threshold=threshold)
    )
    found = checks(given, statistics(numeric("x", HIGH)), statistics(numeric("x", LOW)))
    assert found == ([("x", "baseline_drift_check")] if is_violation else [])


def test_drift_is_told_with_its_figures():
    given = constraints(expected("x", "Fractional"), **compared(comparison_method="Simple"))
    (found,) = breaches(given, statistics(numeric("x", HIGH)), statistics(numeric("x", LOW)), Counter())
    assert found.description == f"Baseline drift distance: {found.value} exceeds threshold: 0.1"
    assert (found.value, found.threshold) == (pytest.approx(0.2), 0.1)


def test_categories_have_a_threshold_of_their_own_or_that_of_numbers():
    base, current = statistics(text("x", {"a": 500, "b": 500})), statistics(text("x", {"a": 700, "b": 300}))
    for changes, is_violation in (
        ({"comparison_threshold": 0.1}, True),
        ({"comparison_threshold": 0.3}, False),
        ({"comparison_threshold": 0.1, "categorical_comparison_threshold": 0.3}, False),
        ({"comparison_threshold": 0.3, "categorical_comparison_threshold": 0.1}, True),
    ):
        given = constraints(expected("x", "String"), **compared(**changes))
        assert bool(checks(given, current, base)) == is_violation, changes


def test_chi_squared_gives_a_p_value_or_the_statistic():
    base, current = statistics(text("x", {"a": 500, "b": 500})), statistics(text("x", {"a": 540, "b": 460}))
    limit = "categorical_comparison_threshold"
    for method, threshold, is_violation in (
        ("Robust", 0.05, True),  # 6.4 on one degree of freedom: p = 0.0114
        ("Robust", 0.01, False),
        ("Simple", 6.3, True),
        ("Simple", 6.5, False),
    ):
        changes = {"categorical_drift_method": "ChiSquared", "comparison_method": method, limit: threshold}
        given = constraints(expected("x", "String"), **compared(**changes))
        assert bool(checks(given, current, base)) == is_violation, changes


@pytest.mark.parametrize("off", [{"perform_comparison": "Disabled"}, {"enable_comparisons": False}])
def test_comparisons_can_be_switched_off_by_either_name(off):
    config = {"distribution_constraints": {"comparison_threshold": 0.1, **off}}
    given = constraints(expected("x", "Fractional"), config=config)
    assert checks(given, statistics(numeric("x", HIGH)), statistics(numeric("x", LOW))) == []


@pytest.mark.parametrize(
    "baseline",
    [
        None,
        statistics(),
        statistics(numeric("x", [])),
        statistics(text("x", {"a": 1})),
        statistics({"name": "x"}),
        statistics({"name": "x", "numerical_statistics": None}),
    ],
)
def test_what_cannot_be_compared_is_counted(baseline):
    skipped = Counter()
    given = constraints(expected("x", "Fractional"))
    assert checks(given, statistics(numeric("x", LOW)), baseline, skipped) == []
    assert skipped == {"not comparable": 1}


# Settings ---------------------------------------------------------------------------------------------------------

BAD = statistics(text("x", {"z": 1}, missing=1), numeric("y", [1.5], missing=1))
TWO = (expected("x", "String", domains=["a"]), expected("y", "Fractional"))


def test_evaluation_can_be_switched_off_for_all_or_for_one():
    assert {name for name, _ in checks(constraints(*TWO), BAD)} == {"x", "y"}
    assert checks(constraints(*TWO, evaluate_constraints="Disabled"), BAD) == []
    for place in ("monitoring_config_overrides", "monitoringConfigOverrides"):
        one = {**TWO[0], place: {"evaluate_constraints": "Disabled"}}
        assert {name for name, _ in checks(constraints(one, TWO[1]), BAD)} == {"y"}
        one = {**TWO[0], place: {"evaluate_constraints": "Enabled"}}
        assert {name for name, _ in checks(constraints(one, TWO[1], evaluate_constraints="Disabled"), BAD)} == {"x"}


def test_the_sdk_once_wrote_overrides_into_the_string_constraints():
    inner = {"domains": ["a"], "monitoring_config_overrides": {"evaluate_constraints": "Disabled"}}
    skipped = Counter()
    assert checks(constraints({**TWO[0], "string_constraints": inner}), BAD, skipped=skipped) == [
        ("Extra columns", "extra_column_check")
    ]
    assert skipped == {"evaluation disabled": 1}


def test_a_feature_overrides_thresholds_and_keeps_the_other_settings():
    override = {"domain_content_threshold": 0.0, "distribution_constraints": {"comparison_threshold": 0.9}}
    one = {**TWO[0], "completeness": 0.1, "monitoring_config_overrides": override}
    assert checks(constraints(one), statistics(text("x", {"z": 1}))) == []
    far = expected("y", "Fractional", monitoring_config_overrides=override)
    assert checks(constraints(far), statistics(numeric("y", HIGH)), statistics(numeric("y", LOW))) == []


def test_without_settings_model_monitors_own_hold():
    for config in ({}, None):
        given = {"features": [expected("x", "String", domains=["a"])], "monitoring_config": config}
        current, base = statistics(text("x", {"a": 999, "b": 1})), statistics(text("x", {"a": 999, "c": 1}))
        assert checks(given, current, base) == [("x", "categorical_values_check")]


# Nothing is fatal -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [0, None])
def test_an_empty_window_meets_every_constraint_and_is_counted(rows):
    skipped = Counter()
    assert checks(constraints(*TWO), statistics(rows=rows), skipped=skipped) == []
    assert skipped == {"empty window": 1}


@pytest.mark.parametrize("junk", [None, [], "x", 7, [None], ["x"], [{}], [{"name": None}], {"a": 1}])
def test_members_of_another_form_are_not_fatal(junk):
    current = statistics(text("x", {"a": 1}), rows=1)
    given = constraints(expected("x", "String", domains=["a"]))
    assert isinstance(checks({**given, "features": junk}, current, current), list)
    assert isinstance(checks(given, {**current, "features": junk}, current), list)
    assert isinstance(checks({**given, "monitoring_config": junk}, current, current), list)
    for place in ("string_statistics", "inferred_type"):
        broken = statistics({**current["features"][0], place: junk}, rows=1)
        assert isinstance(checks(given, broken, current), list)
        assert isinstance(checks(given, current, broken), list)
    for place in ("string_constraints", "completeness", "monitoring_config_overrides", "inferred_type"):
        assert isinstance(checks(constraints({**given["features"][0], place: junk}), current, current), list)


def test_figures_may_be_null_nan_or_texts():
    feature = numeric("x", [1.5, None, float("nan"), "2.5"])
    feature["numerical_statistics"]["common"] = {"num_present": "2", "num_missing": None}
    assert checks(constraints(expected("x", "Fractional", "1.0")), statistics(feature), statistics(feature)) == []
    nothing = {"num_present": float("nan"), "num_missing": None}
    feature["numerical_statistics"]["common"] = nothing
    skipped = Counter()
    assert checks(constraints(expected("x", "Fractional")), statistics(feature, rows=4), skipped=skipped) == []
    assert skipped["completeness unknown"] == 1
