import json

import numpy as np
import pytest

from monitoring import data_quality
from monitoring.data_quality import FRACTIONAL, INTEGRAL, STRING, Feature
from tests.real_samples import sample

FEATURES = [
    Feature("amount", FRACTIONAL, non_negative=True),
    Feature("jobs", INTEGRAL),
    Feature("state", STRING, domain=("CA", "TX", "NY")),
]
COLUMNS = {
    "amount": [1.5, 2.5, float("nan"), 4.0],
    "jobs": [-1, 0, 1, 2],
    "state": ["CA", None, "TX", "CA"],
}


@pytest.fixture(scope="module")
def statistics():
    document = data_quality.statistics(COLUMNS, FEATURES)
    return {feature["name"]: feature for feature in document["features"]}


def test_numbers_are_described(statistics):
    described = statistics["amount"]["numerical_statistics"]
    assert described["common"] == {"num_present": 3, "num_missing": 1}
    assert described["sum"] == 8.0
    assert described["mean"] == pytest.approx(8 / 3)
    assert described["std_dev"] == pytest.approx(np.std([1.5, 2.5, 4.0]))
    assert (described["min"], described["max"]) == (1.5, 4.0)
    buckets = described["distribution"]["kll"]["buckets"]
    assert len(buckets) == 10
    assert sum(bucket["count"] for bucket in buckets) == 3
    assert (buckets[0]["lower_bound"], buckets[-1]["upper_bound"]) == (1.5, 4.0)


def test_texts_are_counted_most_frequent_first(statistics):
    assert statistics["state"]["string_statistics"] == {
        "common": {"num_present": 3, "num_missing": 1},
        "distinct_count": 2.0,
        "distribution": {"categorical": {"buckets": [{"value": "CA", "count": 2}, {"value": "TX", "count": 1}]}},
    }


def test_a_column_without_values_is_described_by_its_absence():
    document = data_quality.statistics({"amount": [None, None]}, FEATURES[:1])
    described = document["features"][0]["numerical_statistics"]
    assert described == {"common": {"num_present": 0, "num_missing": 2}}


def test_constraints_are_what_was_declared():
    amount, jobs, state = data_quality.constraints(FEATURES)["features"]
    assert amount["num_constraints"] == {"is_non_negative": True}
    assert jobs["num_constraints"] == {"is_non_negative": False}
    assert state["string_constraints"] == {"domains": ["CA", "TX", "NY"]}


def test_documents_are_plain_json():
    for document in (data_quality.statistics(COLUMNS, FEATURES), data_quality.constraints(FEATURES)):
        assert json.loads(json.dumps(document, allow_nan=False)) == document


def shape(value):
    """Keys and types of a document; of a list, those of its first entry."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def real(name):
    return sample(f"monitor/{name}")


def test_statistics_have_the_shape_of_real_ones():
    ours = data_quality.statistics({"state": COLUMNS["state"]}, FEATURES[2:])
    assert shape(ours) == shape(real("statistics.json"))


def test_constraints_have_the_members_of_real_ones():
    theirs, ours = real("constraints.json"), data_quality.constraints(FEATURES[2:])
    assert set(ours) == set(theirs)
    assert set(ours["features"][0]) == set(theirs["features"][0])
    assert set(ours["features"][0]["string_constraints"]) <= set(theirs["features"][0]["string_constraints"])
    assert set(theirs["monitoring_config"]) <= set(ours["monitoring_config"])
