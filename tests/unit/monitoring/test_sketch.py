import numpy as np
import pytest

from monitoring.sketch import SIZE, sketch


def unpacked(document):
    items = [(value, 1 << level) for level, values in enumerate(document["data"]) for value in values]
    values, weights = zip(*sorted(items), strict=True)
    return np.array(values), np.cumsum(weights)


@pytest.mark.parametrize("count", [1, 2, 7, SIZE, SIZE + 1, 5000, 14400, 100_003])
def test_weights_add_up_to_the_count(count):
    document = sketch(np.arange(count, dtype=float))
    assert unpacked(document)[1][-1] == count
    assert sum(map(len, document["data"])) <= SIZE + len(document["data"])


@pytest.mark.parametrize("count", [3000, 14400, 100_003])
def test_ranks_are_right_within_one_part_in_the_size(count):
    values = np.sort(np.random.default_rng(1).lognormal(size=count))
    kept, cumulated = unpacked(sketch(values))
    probes = np.quantile(values, np.linspace(0.001, 0.999, 500))
    position = np.searchsorted(kept, probes, "right")
    estimated = np.where(position > 0, cumulated[np.maximum(position - 1, 0)], 0) / count
    exact = np.searchsorted(values, probes, "right") / count
    assert np.abs(estimated - exact).max() <= 2 / SIZE


def test_few_values_are_kept_as_they_are():
    assert sketch(np.array([1.0, 2.0, 2.0]))["data"] == [[1.0, 2.0, 2.0]]
