import numpy as np
import pytest

from monitoring.auc import auc, auc_difference


def scored(seed, n=400, ties=False, signal=0.8):
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.25).astype(int)
    base = rng.normal(size=n)
    first = signal * labels + base
    second = signal * labels + 0.6 * base + 0.8 * rng.normal(size=n)
    return labels, *(values.round(1) if ties else values for values in (first, second))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("ties", [False, True])
def test_value_is_the_share_of_pairs_in_order(seed, ties):
    """Of all pairs of a positive and a negative; equal scores count half."""
    labels, scores, _ = scored(seed, ties=ties)
    assert auc(labels, scores).value == pytest.approx(wins_of(labels, scores).mean(), abs=1e-12)


def wins_of(labels, scores):
    x, y = scores[labels == 1], scores[labels == 0]
    return (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])


def test_variance_by_the_definition():
    """DeLong's structural components, written out as the double sum of the article."""
    labels, scores, _ = scored(3, n=60, ties=True)
    wins = wins_of(labels, scores)
    expected = wins.mean(axis=1).var(ddof=1) / len(wins) + wins.mean(axis=0).var(ddof=1) / len(wins.T)
    assert auc(labels, scores).standard_error ** 2 == pytest.approx(expected, abs=1e-15)


def resampled(labels, statistics, draws=600):
    """The spread of each of the statistics of the rows that are drawn."""
    rng = np.random.default_rng(0)
    positive, negative = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    values = []
    for _ in range(draws):
        rows = np.concatenate([rng.choice(positive, len(positive)), rng.choice(negative, len(negative))])
        values.append(statistics(rows))
    return np.std(values, axis=0).tolist()


@pytest.mark.parametrize("ties", [False, True])
def test_standard_errors_are_those_of_a_bootstrap(ties):
    labels, ours, theirs = scored(5, ties=ties)

    def one_and_difference(rows):
        one, other = auc(labels[rows], ours[rows]).value, auc(labels[rows], theirs[rows]).value
        return one, one - other

    of_one, of_difference = resampled(labels, one_and_difference)
    assert auc(labels, ours).standard_error == pytest.approx(of_one, rel=0.12)
    assert auc_difference(labels, ours, theirs).standard_error == pytest.approx(of_difference, rel=0.12)


def test_pairing_makes_the_comparison_sharper():
    labels, ours, theirs = scored(5)
    apart = np.hypot(auc(labels, ours).standard_error, auc(labels, theirs).standard_error)
    assert auc_difference(labels, ours, theirs).standard_error < 0.9 * apart


def test_interval_covers_the_truth_as_often_as_it_says():
    """Two normal distributions a standard deviation apart have an AUC of 0.7602."""
    covered = 0
    for seed in range(400):
        labels, scores, _ = scored(seed, n=150, signal=1.0)
        estimate = auc(labels, scores)
        covered += estimate.lower <= 0.76025 <= estimate.upper
    assert 0.92 <= covered / 400 <= 0.98


def test_equal_models_are_called_different_as_seldom_as_promised():
    """Two models of the same quality: the 95 % interval of the difference leaves zero out about once in twenty."""
    rejected = 0
    for seed in range(400):
        labels, ours, theirs = scored(seed, n=300)
        estimate = auc_difference(labels, ours, theirs)
        rejected += not estimate.lower <= 0 <= estimate.upper
    assert 0.02 <= rejected / 400 <= 0.08


def test_difference_is_antisymmetric_and_zero_with_itself():
    labels, ours, theirs = scored(1)
    there, back = auc_difference(labels, ours, theirs), auc_difference(labels, theirs, ours)
    assert there.value == pytest.approx(-back.value)
    assert (there.lower, there.upper) == pytest.approx((-back.upper, -back.lower))
    same = auc_difference(labels, ours, ours)
    assert (same.value, same.standard_error) == (0, 0)


def test_only_the_order_of_the_scores_counts():
    labels, scores, _ = scored(2)
    assert auc(labels, np.exp(scores)) == auc(labels, scores)
    assert auc(labels, -scores).value == pytest.approx(1 - auc(labels, scores).value)


@pytest.mark.parametrize(("scores", "value"), [([0, 0, 1, 1], 1.0), ([1, 1, 0, 0], 0.0), ([1, 1, 1, 1], 0.5)])
def test_extremes(scores, value):
    estimate = auc([0, 0, 1, 1], scores)
    assert estimate.value == value
    assert 0 <= estimate.lower <= value <= estimate.upper <= 1


def test_a_single_positive_is_enough():
    assert auc([0, 0, 1], [1, 3, 2]).value == 0.5


@pytest.mark.parametrize("labels", [[0, 0], [1, 1]])
def test_one_label_alone_is_refused(labels):
    with pytest.raises(ValueError, match="an AUC needs both"):
        auc(labels, [0.1, 0.2])
