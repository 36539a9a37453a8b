"""Kamiran & Calders' weights: in the weighted data group and label have nothing to do with each other, exactly."""

import numpy as np
import pytest

from tabular.reweighing import reweighing


def drawn(seed, rows=400):
    rng = np.random.default_rng(seed)
    group = rng.random(rows) < 0.15
    return group, rng.random(rows) < np.where(group, 0.3, 0.1)


@pytest.mark.parametrize("seed", range(10))
def test_weighted_group_and_label_are_independent(seed):
    group, label = drawn(seed)
    weights = reweighing(group, label)
    total = weights.sum()
    for s in (False, True):
        for y in (False, True):
            joint = weights[(group == s) & (label == y)].sum() / total
            apart = weights[group == s].sum() / total * weights[label == y].sum() / total
            assert joint == pytest.approx(apart, abs=1e-15, rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_groups_labels_and_the_whole_weigh_what_they_did(seed):
    group, label = drawn(seed)
    weights = reweighing(group, label)
    assert weights.sum() == pytest.approx(len(group))
    assert weights[group].sum() == pytest.approx(group.sum())
    assert weights[label].sum() == pytest.approx(label.sum())


def test_the_papers_own_formula():
    """Ten rows, four of them in the group, of whom one has label 1; outside of it five of six have."""
    group = [True] * 4 + [False] * 6
    label = [True, False, False, False] + [True] * 5 + [False]
    weights = reweighing(group, label)
    assert weights.tolist() == pytest.approx([0.4 * 0.6 / 0.1] + [0.4 * 0.4 / 0.3] * 3 + [0.6 * 0.6 / 0.5] * 5 + [2.4])


def test_independent_data_keep_their_weights():
    group = np.tile([True, True, False, False], 25)
    label = np.tile([True, False, True, False], 25)
    assert reweighing(group, label).tolist() == [1.0] * 100


@pytest.mark.parametrize(
    ("group", "label", "says"),
    [
        ([1, 1, 0, 0], [1, 1, 1, 0], "no row in the group has label 0"),
        ([1, 1, 0, 0], [1, 0, 0, 0], "no row outside of the group has label 1"),
        ([0, 0], [0, 1], "no row in the group"),
    ],
)
def test_what_no_weight_can_make_up_for_is_refused(group, label, says):
    with pytest.raises(ValueError, match=says):
        reweighing(group, label)
