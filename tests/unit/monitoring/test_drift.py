"""The detector as a whole; its error rates at length are in `make bench ARGS=drift`."""

import json

import numpy as np
import pytest

from monitoring import drift
from monitoring.drift_calibration import FEWEST_WINDOWS, calibrate
from monitoring.drift_distances import LOCATION, SHAPE
from monitoring.feature import FRACTIONAL, STRING, Feature
from monitoring.findings import EMPTY, JUDGED, Judgement, Window
from monitoring.summary import Summary

FEATURES = (*(Feature(f"x{number}", FRACTIONAL) for number in range(4)), Feature("state", STRING))
WINDOW = Window.read("2026-11-01T00:00:00Z/2026-11-02T00:00:00Z")
ROWS, WINDOWS = 800, 20


def table(random, rows=ROWS, unsteady=0.0):
    """Four normal features, the first of which moves by `unsteady` standard deviations from window to window."""
    columns = {f"x{number}": random.normal(size=rows) for number in range(4)}
    columns["x0"] += unsteady * random.normal()
    return {**columns, "state": random.choice(["CA", "NY", "TX"], rows, p=[0.5, 0.3, 0.2]).astype(object)}


def summary(columns, features=FEATURES):
    made = Summary(features)
    made.add(columns)
    return made


class World:
    """A baseline of windows, and what is said of others."""

    def __init__(self, seed, unsteady=0.0, rows=ROWS):
        self.random, self.unsteady = np.random.default_rng(seed), unsteady
        self.windows = [summary(table(self.random, rows, unsteady)) for _ in range(WINDOWS)]
        self.calibration = calibrate(self.windows)
        self.baseline = Summary.merged(self.windows, FEATURES)

    def draw(self, rows=ROWS):
        return table(self.random, rows, self.unsteady)

    def judge(self, columns):
        return drift.judge(self.baseline, self.calibration, summary(columns), WINDOW)


@pytest.fixture(scope="module")
def steady():
    return World(1)


@pytest.fixture(scope="module")
def unsteady():
    return World(2, unsteady=0.3)


def finding(judgement, subject, check="baseline_drift_check"):
    return next(each for each in judgement.findings if (each.subject, each.check) == (subject, check))


def breaching(judgement):
    return {(each.subject, each.check) for each in judgement.findings if each.breaches}


@pytest.mark.parametrize("world", ["steady", "unsteady"])
def test_windows_like_the_baseline_do_not_breach(world, request):
    world = request.getfixturevalue(world)
    assert sum(world.judge(world.draw(rows)).breached for rows in (300, 800, 5000) for _ in range(20)) <= 2


@pytest.mark.parametrize("rows", [1000, 10_000])
def test_a_small_shift_of_one_feature_breaches_where_windows_do_not_vary(steady, rows):
    judgements = []
    for _ in range(10):
        columns = steady.draw(rows)
        columns["x1"] += 0.25
        judgements.append(steady.judge(columns))
    assert all(judgement.breached for judgement in judgements)
    assert all(("x1", "baseline_drift_check") in breaching(judgement) for judgement in judgements)


def test_the_same_shift_is_significant_yet_not_large_where_windows_vary_as_much(unsteady):
    columns = unsteady.draw()
    columns["x0"] = unsteady.random.normal(0.3, size=ROWS)
    found = finding(unsteady.judge(columns), "x0")
    assert found.significant
    assert not found.large
    assert found.text.endswith("within what baseline windows vary by")


def test_a_shift_far_beyond_natural_variation_breaches(unsteady):
    columns = unsteady.draw()
    columns["x0"] = unsteady.random.normal(2.5, size=ROWS)
    assert ("x0", "baseline_drift_check") in breaching(unsteady.judge(columns))


def test_natural_variation_is_found_where_it_is_and_nowhere_else(steady, unsteady):
    assert not any(each.variation for by in steady.calibration.natural.values() for each in by.values())
    natural = unsteady.calibration.natural
    # A shift by d standard deviations moves the probability of a larger value by d / sqrt(4 pi): 12 / (4 pi) d².
    assert natural["x0"][LOCATION].variation == pytest.approx(0.3**2 * 3 / np.pi, rel=0.7)
    assert not natural["x1"][LOCATION].variation
    assert not natural["x2"][SHAPE].variation


def test_many_features_that_each_move_a_little_breach_together(unsteady):
    columns = unsteady.draw()
    for number in range(4):
        columns[f"x{number}"] = columns[f"x{number}"] + 0.13
    columns["state"] = unsteady.random.choice(["CA", "NY", "TX"], ROWS, p=[0.44, 0.33, 0.23])
    judgement = unsteady.judge(columns)
    assert (drift.ALL_FEATURES, "joint_drift_check") in breaching(judgement)
    assert (
        "in the most unusual of 20 baseline windows"
        in finding(judgement, "all features together", "joint_drift_check").text
    )


def test_a_change_of_shape_without_a_shift_breaches(steady):
    columns = steady.draw(2000)
    columns["x2"] *= 1.5
    assert ("x2", "baseline_drift_check") in breaching(steady.judge(columns))


def test_with_very_many_rows_a_trifle_is_significant_and_not_large():
    world = World(3, rows=5_000)
    columns = world.draw(300_000)
    columns["x1"] += 0.025
    judgement = world.judge(columns)
    assert finding(judgement, "x1").significant
    assert not judgement.breached


def test_the_text_says_which_way_numbers_moved(steady):
    columns = steady.draw()
    columns["x1"] -= 1
    text = finding(steady.judge(columns), "x1").text
    assert text.startswith("x1: the median fell from ")
    assert "are at or below" in text
    assert text.endswith("drifted")


def test_the_text_names_the_categories_that_moved_most(steady):
    columns = steady.draw()
    columns["state"][:300] = "TX"
    judgement = steady.judge(columns)
    assert ("state", "baseline_drift_check") in breaching(judgement)
    assert finding(judgement, "state").text.startswith("state: TX rose from 2")


@pytest.mark.parametrize(
    ("category", "shown"),
    [
        ("", '""'),
        ("  ", '"  "'),
        ("A\n", '"A\\n"'),
        ("\ud800X", "\\ud800X"),
        ("z" * 100_000, "z" * 60 + "…"),
        ("UMPQUA BANK", "UMPQUA BANK"),
        ("日本", "日本"),
    ],
    ids=["empty", "blank", "line end", "half a character", "long", "plain", "not ASCII"],
)
def test_the_text_shows_a_category_so_that_it_can_be_read_and_written(steady, category, shown):
    columns = steady.draw()
    columns["state"] = np.array([category] * len(columns["state"]), dtype=object)
    text = finding(steady.judge(columns), "state").text
    assert text.startswith(f"state: {shown} rose from 0 % to 100 %")
    text.encode()


@pytest.mark.parametrize(
    ("column", "value", "check", "says"),
    [
        ("x1", None, "completeness_check", "40 of 800 rows lack a value"),
        ("state", None, "completeness_check", "40 of 800 rows lack a value"),
        ("x1", "n/a", "data_type_check", "40 of 800 values are of another type"),
        ("state", "ZZ", "categorical_values_check", "40 of 800 values are of categories that the baseline lacks"),
    ],
)
def test_spoilt_values_breach(steady, column, value, check, says):
    columns = steady.draw()
    columns[column] = np.array(columns[column], dtype=object)
    columns[column][:40] = value
    judgement = steady.judge(columns)
    assert (column, check) in breaching(judgement)
    assert says in finding(judgement, column, check).text


def test_one_spoilt_value_is_no_breach(steady):
    columns = steady.draw()
    columns["x1"][0] = np.nan
    judgement = steady.judge(columns)
    assert finding(judgement, "x1", "completeness_check").value == pytest.approx(1 / ROWS)
    assert ("x1", "completeness_check") not in breaching(judgement)


def test_fewer_missing_values_than_in_the_baseline_are_no_breach():
    random = np.random.default_rng(3)

    def half_empty(share):
        values = random.normal(size=ROWS)
        values[random.random(ROWS) < share] = np.nan
        return summary({"x0": values}, FEATURES[:1])

    windows = [half_empty(0.5) for _ in range(10)]
    baseline = Summary.merged(windows, FEATURES[:1])
    judgement = drift.judge(baseline, calibrate(windows), half_empty(0.0), WINDOW)
    assert ("x0", "completeness_check") not in breaching(judgement)


def test_a_missing_column_breaches_and_the_others_are_still_judged(steady):
    columns = steady.draw()
    del columns["x3"]
    judgement = steady.judge(columns)
    assert breaching(judgement) == {("x3", "missing_column_check")}
    assert finding(judgement, "x1").p_value is not None


def test_a_column_without_values_breaches_by_its_gaps(steady):
    columns = steady.draw()
    columns["x3"] = [None] * ROWS
    assert ("x3", "completeness_check") in breaching(steady.judge(columns))


def test_a_column_that_the_baseline_lacks_is_said_so():
    windows = [summary({name: values for name, values in table(np.random.default_rng(seed)).items() if name != "x3"})
               for seed in range(6)]  # fmt: skip
    baseline = Summary.merged(windows, FEATURES)
    judgement = drift.judge(baseline, calibrate(windows), summary(table(np.random.default_rng(9))), WINDOW)
    assert "the baseline has no such column" in finding(judgement, "x3").text
    assert not judgement.breached


def test_the_number_of_rows_is_for_information(steady):
    found = finding(steady.judge(steady.draw(30_000)), drift.ROWS, "volume_check")
    assert found.text == "30,000 rows; baseline windows had 800 to 800, on average 800"
    assert not found.breaches


def test_a_window_without_rows_is_empty(steady):
    judgement = drift.judge(steady.baseline, steady.calibration, Summary(FEATURES), WINDOW)
    assert (judgement.status, judgement.breached, judgement.findings) == (EMPTY, False, ())


def test_documents_are_plain_json_and_come_back_as_they_were(unsteady):
    stored = json.loads(json.dumps(unsteady.calibration.document(), allow_nan=False))
    calibration = drift.Calibration.read(stored)
    columns = unsteady.draw()
    baseline = Summary.read(json.loads(json.dumps(unsteady.baseline.statistics())), FEATURES)
    judgement = drift.judge(baseline, calibration, summary(columns), WINDOW)
    assert judgement.status == JUDGED
    assert Judgement.read(json.loads(json.dumps(judgement.document(), allow_nan=False))) == judgement
    assert calibration.document() == unsteady.calibration.document()


def test_metrics_have_model_monitors_names(steady):
    columns = steady.draw()
    columns["state"][:] = "CA"
    metrics = steady.judge(columns).metrics
    assert metrics["feature_non_null_x0"] == ROWS
    assert metrics["feature_baseline_drift_state"] == pytest.approx(0.5, abs=0.02)
    assert 0 < metrics["feature_baseline_drift_x0"] < 0.1


def test_calibration_needs_some_windows_with_rows():
    windows = [summary(table(np.random.default_rng(seed), 100)) for seed in range(FEWEST_WINDOWS - 1)]
    with pytest.raises(ValueError, match=f"4 baseline windows with rows; calibration needs at least {FEWEST_WINDOWS}"):
        calibrate([*windows, Summary(FEATURES)])
