import numpy as np
import pytest
from scipy import stats

from monitoring.drift_distances import CATEGORIES, LOCATION, MISSING, SHAPE, UNKNOWN, WRONG_TYPE, distances
from monitoring.feature import FRACTIONAL, STRING, Feature
from monitoring.summary import Summary


def column(values, kind=FRACTIONAL):
    made = Summary([Feature("x", kind)])
    made.add({"x": values})
    return made.columns["x"]


def numbers(baseline, current):
    return distances(column(baseline), column(current))


def categories(baseline, current):
    return distances(column(baseline, STRING), column(current, STRING))


def samples(kind, seed):
    random = np.random.default_rng(seed)
    draw = {
        "continuous": lambda rows: random.normal(size=rows),
        "tied": lambda rows: random.poisson(1, rows).astype(float),
        "shifted": lambda rows: random.normal(0.1 if rows < 1000 else 0, size=rows),
    }[kind]
    return draw(1500), draw(400)


@pytest.mark.parametrize("kind", ["continuous", "tied", "shifted"])
@pytest.mark.parametrize("seed", range(5))
def test_numbers_are_compared_as_scipy_compares_them(kind, seed):
    baseline, current = samples(kind, seed)
    found = numbers(baseline, current)
    assert found[SHAPE].value == pytest.approx(stats.ks_2samp(current, baseline).statistic, abs=1e-12)
    expected = stats.kstwobign.sf(found[SHAPE].value / np.sqrt(1 / 400 + 1 / 1500))
    assert found[SHAPE].p_value == pytest.approx(expected, rel=1e-9)
    ranks = stats.mannwhitneyu(current, baseline, method="asymptotic", use_continuity=False)
    assert found[LOCATION].value == pytest.approx(ranks.statistic / (400 * 1500) - 0.5, abs=1e-12)
    assert found[LOCATION].p_value == pytest.approx(ranks.pvalue, rel=0.02)


def test_categories_are_compared_as_scipy_compares_them():
    random = np.random.default_rng(1)
    baseline, current = random.choice(list("abc"), 5000), random.choice(list("abc"), 900, p=[0.4, 0.3, 0.3])
    table = [[(values == name).sum() for name in "abc"] for values in (baseline, current)]
    expected = stats.chi2_contingency(table, correction=False)
    assert categories(baseline, current)[CATEGORIES].p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_rare_categories_are_compared_together():
    baseline = ["a"] * 900 + ["b"] * 90 + [f"rare{number}" for number in range(10)]
    current = ["a"] * 450 + ["b"] * 45 + [f"other{number}" for number in range(5)]
    found = categories(baseline, current)[CATEGORIES]
    assert found.freedom == 2
    assert found.p_value == pytest.approx(1)


def test_the_baseline_counts_as_finite():
    random = np.random.default_rng(2)
    current = random.normal(0.1, size=1000)
    few, many = (numbers(random.normal(size=rows), current)[LOCATION].chance for rows in (1000, 30_000))
    assert few == pytest.approx(2 / 1000)
    assert many == pytest.approx(1 / 1000 + 1 / 30_000)


def test_the_error_of_a_sketch_counts_too():
    random = np.random.default_rng(2)
    folded = numbers(random.normal(size=100_000), random.normal(size=1000))[SHAPE]
    assert folded.chance > 1 / 1000 + 1 / 100_000


def test_distances_from_sketches_are_those_of_the_rows_within_the_error():
    random = np.random.default_rng(4)
    baseline, current = random.normal(size=300_000), random.normal(0.05, size=200_000)
    found = numbers(baseline, current)
    assert found[SHAPE].value == pytest.approx(stats.ks_2samp(current, baseline).statistic, abs=0.002)
    exact = stats.mannwhitneyu(current, baseline).statistic / (len(baseline) * len(current)) - 0.5
    assert found[LOCATION].value == pytest.approx(exact, abs=0.001)


@pytest.mark.parametrize(("measure", "draw"), [(SHAPE, "normal"), (LOCATION, "normal"), (CATEGORIES, "choice")])
def test_without_a_difference_squares_are_chance_on_average(measure, draw):
    random = np.random.default_rng(5)
    ratios, p_values = [], []
    for _ in range(400):
        if draw == "normal":
            found = numbers(random.normal(size=2000), random.normal(size=500))[measure]
        else:
            found = categories(random.choice(list("abcd"), 2000), random.choice(list("abcd"), 500))[measure]
        ratios.append(found.square / found.chance)
        p_values.append(found.p_value)
    assert np.mean(ratios) == pytest.approx(1, abs=0.2)
    assert np.mean(np.sqrt(ratios)) == pytest.approx(found.root.mean, abs=0.08)
    assert np.std(np.sqrt(ratios)) == pytest.approx(found.root.stdev, abs=0.08)
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.03)


@pytest.mark.parametrize("measure", [SHAPE, LOCATION])
def test_the_critical_square_is_where_the_p_value_is_the_level(measure):
    found = numbers(*samples("shifted", 1))[measure]
    assert found.critical(found.p_value, found.chance) == pytest.approx(found.square, rel=1e-6)
    assert found.shown(found.square) == pytest.approx(abs(found.value))


def test_a_rise_of_missing_values_is_tested_exactly():
    found = numbers([1.0] * 990 + [None] * 10, [1.0] * 90 + [None] * 10)[MISSING]
    expected = stats.fisher_exact([[10, 90], [10, 990]], alternative="greater").pvalue
    assert found.value == pytest.approx(0.09)
    assert found.p_value == pytest.approx(expected)


def test_mistyped_values_are_a_share_of_those_present():
    assert numbers([1.0] * 100, [1.0, "x", None, 2.0])[WRONG_TYPE].value == pytest.approx(1 / 3)


def test_categories_that_the_baseline_lacks_are_expected_as_often_as_it_saw_some_once():
    found = categories(["a"] * 98 + ["once", "too"], ["a"] * 7 + ["new"] * 3)[UNKNOWN]
    assert found.counts == ((3, 10), (2, 100))


@pytest.mark.parametrize("kind", [FRACTIONAL, STRING])
def test_without_values_only_shares_are_compared(kind):
    value = 1.0 if kind == FRACTIONAL else "a"
    found = distances(column([value] * 50, kind), column([None] * 50, kind))
    assert not {SHAPE, LOCATION, CATEGORIES} & set(found)
    assert found[MISSING].value == 1


def test_one_constant_is_no_different_from_itself():
    found = numbers([1.0] * 50, [1.0] * 20)
    assert found[SHAPE].value == 0
    assert LOCATION not in found
    assert CATEGORIES not in categories(["a"] * 50, ["a"] * 20)
