import json

import numpy as np
import pandas as pd
import pytest

from monitoring.columns import MOST_CATEGORIES
from monitoring.feature import FRACTIONAL, INTEGRAL, STRING, Feature
from monitoring.summary import MOST_UNKNOWN, Summary

AMOUNT, JOBS, STATE = Feature("amount", FRACTIONAL), Feature("jobs", INTEGRAL), Feature("state", STRING)
FEATURES = (AMOUNT, JOBS, STATE)


def summary(*batches, features=FEATURES):
    made = Summary(features)
    for batch in batches:
        made.add(batch)
    return made


def table(rows, seed=1):
    random = np.random.default_rng(seed)
    amount = random.lognormal(10, 1, rows)
    amount[random.random(rows) < 0.1] = np.nan
    return {
        "amount": amount,
        "jobs": random.poisson(3, rows),
        "state": random.choice(["CA", "NY", "TX"], rows, p=[0.5, 0.3, 0.2]),
    }


def rows_of(columns, chosen):
    return {name: values[chosen] for name, values in columns.items()}


def described(document):
    return {each["name"]: each for each in document["features"]}


def common(made, name):
    feature = described(made.statistics())[name]
    return feature[next(key for key in feature if key.endswith("_statistics"))]["common"]


@pytest.mark.parametrize("seed", range(10))
def test_the_merge_of_parts_in_any_order_is_the_whole(seed):
    random = np.random.default_rng(seed)
    columns = table(20_000, seed)
    whole = described(summary(columns).statistics())
    parts = np.array_split(random.permutation(20_000), 13)
    merged = Summary.merged((summary(rows_of(columns, part)) for part in parts), FEATURES)
    ours = described(merged.statistics())
    assert merged.rows == 20_000
    assert ours["state"] == whole["state"]
    for name in ("amount", "jobs"):
        mine, theirs = ours[name]["numerical_statistics"], whole[name]["numerical_statistics"]
        assert mine["common"] == theirs["common"]
        assert (mine["min"], mine["max"]) == (theirs["min"], theirs["max"])
        for figure in ("mean", "sum", "std_dev"):
            assert mine[figure] == pytest.approx(theirs[figure], rel=1e-9)


def test_moments_are_those_of_numpy():
    amounts = 1e9 + np.random.default_rng(1).normal(size=100_000)  # sums of squares would lose every digit
    made = summary(*({"amount": part} for part in np.array_split(amounts, 33)), features=[AMOUNT])
    statistics = described(made.statistics())["amount"]["numerical_statistics"]
    assert statistics["std_dev"] == pytest.approx(amounts.std(), rel=1e-6)
    assert statistics["mean"] == pytest.approx(amounts.mean(), rel=1e-12)


def test_buckets_hold_every_value_even_when_most_are_folded_into_the_sketch():
    statistics = described(summary(table(200_000)).statistics())["jobs"]["numerical_statistics"]
    buckets = statistics["distribution"]["kll"]["buckets"]
    assert sum(bucket["count"] for bucket in buckets) == 200_000
    assert (buckets[0]["lower_bound"], buckets[-1]["upper_bound"]) == (statistics["min"], statistics["max"])


def test_a_summary_that_was_stored_goes_on_as_if_it_had_not_been():
    first, second = table(1_000, 1), table(1_000, 2)
    stored = Summary.read(json.loads(json.dumps(summary(first).statistics(), allow_nan=False)), FEATURES)
    stored.add(second)
    assert stored.rows == 2_000
    ours, theirs = described(stored.statistics()), described(summary(first, second).statistics())
    assert ours["state"] == theirs["state"]
    assert (
        ours["jobs"]["numerical_statistics"]["distribution"] == theirs["jobs"]["numerical_statistics"]["distribution"]
    )


@pytest.mark.parametrize(
    ("values", "missing", "wrong", "counted"),
    [
        ([1.0, None, float("nan"), 2], 2, 0, 2),
        ([1.0, "12", "n/a", True], 0, 3, 1),
        ([1.0, float("inf"), -float("inf"), 10**400], 0, 3, 1),
        (np.array([1.0, np.nan, np.inf]), 1, 1, 1),
        (pd.Series([1, None], dtype="Int64"), 1, 0, 1),
        (pd.array([1, pd.NA], dtype="object"), 1, 0, 1),
        ([1.0, pd.NaT, np.array([1, 2])], 1, 1, 1),
        (np.array([True, False]), 0, 2, 0),
        ([[1], {"a": 1}, 3], 0, 2, 1),
    ],
)
def test_what_is_no_number_is_counted_and_kept_out_of_the_distribution(values, missing, wrong, counted):
    column = summary({"amount": values}, features=[AMOUNT]).columns["amount"]
    assert (column.missing, column.wrong, column.count) == (missing, wrong, counted)
    assert column.present + column.missing == len(values)


def test_a_fraction_is_of_a_wrong_type_where_whole_numbers_are_expected():
    made = summary({"jobs": [1, 2.0, 2.5]}, features=[JOBS])
    assert common(made, "jobs") == {"num_present": 3, "num_missing": 0, "num_wrong_type": 1}
    assert made.columns["jobs"].count == 3


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 1.0, "1", None], {"1": 3}),  # pandas makes floats of codes with gaps
        (["a", float("nan"), "a", pd.NA], {"a": 2}),
        (np.array(["a", "b"]), {"a": 1, "b": 1}),
        (np.array([2, 2]), {"2": 2}),
        (pd.Series(["a", None], dtype="str"), {"a": 1}),
        ([["x"], "b"], {"['x']": 1, "b": 1}),
    ],
)
def test_categories_are_texts(values, expected):
    assert summary({"state": values}, features=[STATE]).columns["state"].counts == expected


def test_frequent_categories_survive_among_very_many_and_the_rest_is_counted():
    random = np.random.default_rng(3)
    frequent = np.repeat(["CA", "NY"], [30_000, 10_000])
    values = random.permutation(np.concatenate([frequent, np.arange(60_000).astype(str)]))
    parts = [summary({"state": part}, features=[STATE]) for part in np.array_split(values, 20)]
    for order in (parts, parts[::-1]):
        column = Summary.merged(order, [STATE]).columns["state"]
        assert len(column.counts) <= MOST_CATEGORIES
        assert column.present == 100_000 == column.others + sum(column.counts.values())
        assert [name for name, _ in column.ordered()[:2]] == ["CA", "NY"]
        for name, true in (("CA", 30_000), ("NY", 10_000)):
            assert true - 100_000 / MOST_CATEGORIES <= column.counts[name] <= true


def test_rows_of_uncounted_categories_are_stored():
    values = np.arange(5_000).astype(str)
    document = summary({"state": values}, features=[STATE]).statistics()
    categorical = document["features"][0]["string_statistics"]["distribution"]["categorical"]
    assert categorical["other_count"] == 5_000 - sum(bucket["count"] for bucket in categorical["buckets"])
    assert Summary.read(document, [STATE]).columns["state"].others == categorical["other_count"]


def test_a_column_that_no_row_has_is_left_out_and_stays_absent():
    made = summary({"amount": [1.0, 2.0], "jobs": [1, 2]})
    assert made.columns["state"].is_absent
    assert "state" not in described(made.statistics())
    assert Summary.read(made.statistics(), FEATURES).columns["state"].is_absent


def test_a_column_that_some_batches_lack_is_missing_in_their_rows():
    made = summary({"amount": [1.0, 2.0], "jobs": [1, 2]}, {"amount": [3.0], "jobs": [3], "state": ["CA"]})
    assert common(made, "state") == {"num_present": 1, "num_missing": 2}
    assert not made.columns["state"].is_absent


def test_batches_without_rows_or_without_any_column_are_nothing():
    made = summary({"amount": [], "jobs": [], "state": []}, {})
    assert made.rows == 0
    assert made.statistics()["dataset"] == {"item_count": 0}


def test_rows_of_which_no_column_is_known_count():
    made = summary({"colour": ["red", "blue"]})
    assert made.rows == 2
    assert all(column.is_absent for column in made.columns.values())


def test_columns_that_are_no_features_are_counted_by_their_rows():
    batch = {"amount": [1.0, 2.0, 3.0], "colour": ["red", None, "blue"], "size": [None, float("nan"), 7]}
    made = summary(batch, {"amount": [4.0], "colour": ["red"]})
    assert made.unknown == {"colour": 3, "size": 1}
    assert made.usual_unknown(0.5) == ["colour"]
    assert made.usual_unknown(0.75) == [], "more than that share"
    assert "colour" not in described(made.statistics())


def test_columns_that_are_no_features_are_merged():
    merged = Summary.merged(
        [summary({"colour": ["red"]}), summary({"amount": [1.0], "colour": ["red"], "size": [1]})], FEATURES
    )
    assert (merged.rows, merged.unknown) == (2, {"colour": 2, "size": 1})


def test_of_very_many_columns_that_are_no_features_the_frequent_are_kept_and_the_rest_is_counted():
    """As from a caller who puts a record's id where the name belongs, and adds one field to every request."""
    batches = [
        {
            **{f"id {batch} {number}": [None] * number + [1] + [None] * (49 - number) for number in range(50)},
            "zone": ["EU"] * 50,
        }
        for batch in range(40)
    ]
    parts = [summary(*batches[:20]), summary(*batches[20:])]
    for made in (summary(*batches), Summary.merged(parts, FEATURES), Summary.merged(parts[::-1], FEATURES)):
        assert len(made.unknown) <= MOST_UNKNOWN
        assert made.unknown["zone"] == made.rows == 2_000
        assert sum(made.unknown.values()) + made.other_unknown == 4_000
        assert made.usual_unknown(0.5) == ["zone"]


def test_long_names_of_columns_that_are_no_features_are_cut():
    (name,) = summary({"x" * 10_000: [1]}).unknown
    assert len(name) == 100


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match="differ in length"):
        summary({"amount": [1.0], "jobs": [1, 2], "state": ["CA"]})


def test_summaries_of_other_features_are_refused():
    with pytest.raises(ValueError, match="different features"):
        Summary(FEATURES).merge(Summary(FEATURES[:1]))
