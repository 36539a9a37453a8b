import numpy as np
import pytest
from scipy import stats

from monitoring import document_distances as distances
from monitoring.sketch import Sketch
from tests.unit.monitoring.monitor_documents import numeric, text


def sample(values):
    return np.asarray(values, dtype=float), np.ones(len(values))


@pytest.mark.parametrize("seed", range(5))
def test_simple_is_the_kolmogorov_smirnov_distance(seed):
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=400).round(1), rng.normal(0.3, 1, size=300).round(1)
    expected = stats.ks_2samp(one, other).statistic
    assert distances.numeric(sample(one), sample(other), robust=False) == pytest.approx(expected)
    assert distances.numeric(sample(other), sample(one), robust=False) == pytest.approx(expected)


def test_robust_subtracts_what_chance_alone_gives():
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=900), rng.normal(1, 1, size=400)
    simple, robust = (distances.numeric(sample(one), sample(other), robust=each) for each in (False, True))
    assert robust == pytest.approx(simple - 1.8 * (1300 / 360_000) ** 0.5)
    assert distances.numeric(sample(one), sample(one), robust=True) == 0.0


def test_items_of_a_sketch_stand_for_rows_by_their_level():
    values, weights = distances.sketch_of(numeric("x", [], levels=[[1.0], [2.0, 3.0], [], [4.0]]))
    assert values.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert weights.tolist() == [1.0, 2.0, 2.0, 8.0]


def test_a_sketch_gives_nearly_the_distance_of_its_rows():
    rng = np.random.default_rng(2)
    one, other = rng.normal(size=50_000), rng.normal(0.2, 1, size=20_000)
    found = []
    for rows in (one, other):
        sketch = Sketch()
        sketch.add(rows)
        found.append(distances.sketch_of(numeric("x", [], levels=sketch.document()["data"])))
    exact = stats.ks_2samp(one, other).statistic
    assert distances.numeric(*found, robust=False) == pytest.approx(exact, abs=0.005)


def test_a_flat_sketch_and_foreign_items_are_read():
    assert distances.sketch_of(numeric("x", [1, None, "2.5", float("inf"), True]))[0].tolist() == [1.0, 2.5]
    flat = numeric("x", [])
    flat["numerical_statistics"]["distribution"] = {"kll": {"sketch": {"data": [1.0, 2.0]}}}
    assert distances.sketch_of(flat)[1].tolist() == [1.0, 1.0]
    for feature in ({}, numeric("x", []), {"numerical_statistics": {"distribution": None}}, text("x", {"a": 1})):
        assert distances.sketch_of(feature) is None


def test_the_largest_difference_of_shares_separates_categories():
    one, other = {"a": 60, "b": 40}, {"a": 30, "c": 70}
    assert distances.categorical(one, other, robust=False) == pytest.approx(0.7)
    assert distances.categorical(one, other, robust=True) == pytest.approx(0.7 - 1.8 * (200 / 10_000) ** 0.5)
    assert distances.categorical(one, one, robust=True) == 0.0


def test_categories_are_texts_as_json_writes_them():
    assert distances.categories_of(text("x", {True: 2, 2: 3, "b": 1})) == {"true": 2.0, "2": 3.0, "b": 1.0}
    feature = text("x", {"a": 2})
    feature["string_statistics"]["distribution"]["categorical"]["buckets"] += [
        {"value": False, "count": 1},
        {"value": "a", "count": 1},
        {"value": "b", "count": None},
        "junk",
    ]
    assert distances.categories_of(feature) == {"a": 3.0, "false": 1.0}


@pytest.mark.parametrize("seed", range(5))
def test_chi_squared_is_pearsons_with_the_baseline_as_truth(seed):
    rng = np.random.default_rng(seed)
    base, current = rng.integers(200, 400, size=5), rng.integers(50, 90, size=5)
    expected = stats.chisquare(current, base / base.sum() * current.sum())
    found = distances.chi_squared(
        {str(place): float(count) for place, count in enumerate(base)},
        {str(place): float(count) for place, count in enumerate(current)},
    )
    assert found == pytest.approx((expected.statistic, expected.pvalue))


def test_rare_categories_are_put_together_first():
    base = {"a": 500.0, "b": 480.0, "c": 12.0, "d": 8.0}
    current = {"a": 50.0, "b": 48.0, "c": 1.0, "d": 1.0, "new": 40.0}
    # c and d would hold 1.2 and 0.8 rows of 100: together 2, still rare, and so on into b.
    statistic, p_value = distances.chi_squared(base, current)
    assert statistic == pytest.approx(0.0)
    assert p_value == pytest.approx(1.0)


def test_a_category_that_the_baseline_counts_as_none_is_one_it_does_not_have():
    base, current = dict.fromkeys("abcdef", 100.0), dict.fromkeys("abcdef", 20.0)
    assert distances.chi_squared({**base, "z": 0.0}, {**current, "z": 7.0}) == distances.chi_squared(base, current)


@pytest.mark.parametrize(
    ("base", "current"),
    [({"a": 9.0}, {"a": 9.0}), ({"a": 5.0, "b": 5.0}, {"a": 3.0}), ({"a": 500.0, "b": 500.0}, {"c": 9.0})],
)
def test_fewer_than_two_categories_are_no_test(base, current):
    assert distances.chi_squared(base, current) is None
