import json

import numpy as np
import pytest

from monitoring.sketch import DECAY, SIZE, Sketch

WITHIN = 3 / SIZE
"""Three times what a rank is usually off by at most."""

COUNTS = [1, 2, 7, SIZE, SIZE + 1, 5000, 14400, 100_003, 1_000_000]


def sketch(*batches):
    made = Sketch()
    for batch in batches:
        made.add(batch)
    return made


def values_of(count, seed=1):
    return np.random.default_rng(seed).lognormal(size=count)


def worst(made, values):
    """By how much the worst of many ranks is off, as a share of the count."""
    kept, weights = made.items()
    cumulated = np.append(0, np.cumsum(weights)) / len(values)
    probes = np.quantile(values, np.linspace(0.001, 0.999, 999))
    exact = np.searchsorted(np.sort(values), probes, "right") / len(values)
    return np.abs(cumulated[np.searchsorted(kept, probes, "right")] - exact).max()


@pytest.mark.parametrize("count", COUNTS)
def test_weights_add_up_to_the_count(count):
    made = sketch(values_of(count))
    document = made.document()
    assert made.rows == count == made.items()[1].sum()
    assert sum(len(items) << level for level, items in enumerate(document["data"])) == count


@pytest.mark.parametrize("count", COUNTS)
def test_ranks_are_right_within_a_few_parts_in_the_size(count):
    values = values_of(count)
    made = sketch(*np.array_split(values, max(1, count // 1000)))
    assert worst(made, values) <= WITHIN
    assert worst(Sketch.read(made.document()), values) <= WITHIN


@pytest.mark.parametrize("order", ["ascending", "descending", "two halves"])
def test_the_order_of_the_numbers_does_not_matter(order):
    values = np.sort(values_of(200_000))
    arranged = {
        "ascending": values,
        "descending": values[::-1],
        "two halves": np.concatenate([values[1::2], values[::2]]),
    }[order]
    assert worst(sketch(*np.array_split(arranged, 50)), values) <= WITHIN


@pytest.mark.parametrize("seed", range(20))
def test_the_merge_of_parts_is_the_sketch_of_the_whole_within_the_error(seed):
    random = np.random.default_rng(seed)
    values = values_of(int(random.integers(3_000, 200_000)), seed)
    parts = np.split(values, np.sort(random.integers(0, len(values), random.integers(1, 40))))
    merged = Sketch()
    for number in random.permutation(len(parts)):  # in any order, some as they were stored
        part = sketch(parts[number])
        merged.merge(Sketch.read(part.document()) if random.random() < 0.5 else part)
    assert merged.rows == len(values)
    assert worst(merged, values) <= WITHIN


def test_merging_leaves_the_other_sketch_as_it_was():
    other = sketch(values_of(50_000))
    before = json.dumps(other.document())
    merged = sketch(values_of(40_000, 2))
    merged.merge(other)
    merged.add(values_of(100_000, 3))
    assert json.dumps(other.document()) == before


def test_memory_does_not_grow_with_the_count():
    documents = [sketch(*np.array_split(values_of(count), 100)).document() for count in (100_000, 3_000_000)]
    for document in documents:
        assert sum(map(len, document["data"])) <= SIZE / (1 - DECAY) + 10 * len(document["data"])


def test_the_same_numbers_give_the_same_document():
    values = values_of(300_000)
    first, second = (json.dumps(sketch(*np.array_split(values, 7)).document()) for _ in range(2))
    assert first == second


def test_asking_for_the_document_changes_nothing():
    values = values_of(90_000)
    asked, unasked = Sketch(), Sketch()
    for batch in np.array_split(values, 9):
        asked.add(batch)
        asked.document()
        asked.items()
        unasked.add(batch)
    assert asked.document() == unasked.document()


def test_few_values_are_kept_as_they_are():
    made = sketch(np.array([2.0, 1.0, 2.0]))
    assert made.document()["data"] == [[1.0, 2.0, 2.0]]
    assert made.error == 0
    assert sketch(values_of(1_000_000)).error > 0


def test_the_batch_may_change_after_it_was_added():
    batch = np.array([1.0, 2.0])
    made = sketch(batch)
    batch[:] = 9
    assert made.document()["data"] == [[1.0, 2.0]]


def test_an_empty_sketch_has_no_items():
    assert sketch().items()[0].size == sketch(np.empty(0)).rows == 0
    assert Sketch.read(sketch().document()).rows == 0


def test_sketches_of_other_sizes_are_refused():
    with pytest.raises(ValueError, match="size 64: only one of size 2048"):
        Sketch().merge(Sketch(64))
