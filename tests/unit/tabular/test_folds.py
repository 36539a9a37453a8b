import numpy as np

from tabular.folds import FOLDS, cross_fit


def test_every_row_is_scored_once_by_rows_that_it_is_not_among():
    seen = []

    def learn(learned, scored):
        assert not (learned & scored).any()
        assert (learned | scored).all()
        seen.append(scored)
        return np.full(scored.sum(), len(seen), dtype=float)

    scores = cross_fit(103, 7, learn)
    assert np.sum(seen, axis=0).tolist() == [1] * 103
    assert sorted(np.unique(scores)) == [1, 2, 3, 4, 5]
    assert {int(part.sum()) for part in seen} == {20, 21}
    assert len(seen) == FOLDS


def test_the_seed_decides_who_is_in_which_fold():
    def learn(learned, scored):
        return np.full(scored.sum(), float(np.flatnonzero(scored)[0]))

    assert (cross_fit(50, 1, learn) == cross_fit(50, 1, learn)).all()
    assert (cross_fit(50, 1, learn) != cross_fit(50, 2, learn)).any()
