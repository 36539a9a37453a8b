import numpy as np
import pytest

from monitoring.bias_metrics import NAMES, POST_TRAINING, PRE_TRAINING, metrics


def measured(a, d, groups=1, **options):
    """Metrics of the confusion matrices (tn, fp, fn, tp) of facets a and d, in one group."""
    table = np.zeros((2, groups, 3, 2, 1))
    for facet, (tn, fp, fn, tp) in enumerate((a, d)):
        table[facet, 0, 0, :, 0] = tn, fp
        table[facet, 0, 1, :, 0] = fn, tp
    return {name: float(value[0]) for name, value in metrics(table, **options).items()}


GERMAN_CREDIT = {"a": (3, 1, 1, 27), "d": (229, 31, 52, 556)}
"""Foreign workers (d) and others; the counts behind the published example of Clarify's library."""


def test_clarifys_own_results_on_german_credit():
    """Printed by Clarify's library (facet ForeignWorker = 1); JS, KS and TE follow the guide's formulas instead."""
    found = measured(**GERMAN_CREDIT)
    printed = {
        "CI": -0.9288888888888889,
        "DPL": 0.17453917050691248,
        "KL": 0.08543332780657628,
        "LP": 0.2468356620962257,
        "TVD": 0.17453917050691245,
        "AD": 0.03312211981566815,
        "DAR": 0.017096617181796114,
        "DCAcc": -0.035775127768313375,
        "DCR": -0.07473309608540923,
        "DI": 0.7728768926925609,
        "DPPL": 0.19873271889400923,
        "DRR": 0.06494661921708189,
        "RD": 0.049812030075187974,
    }
    assert {name: found[name] for name in printed} == pytest.approx(printed)
    assert found["TE"] == pytest.approx(1 / 1 - 31 / 52)
    assert found["KS"] == pytest.approx(0.3490783410138249 / 2)


class TestTheGuidesExamples:
    def test_specificity(self):
        assert measured((20, 10, 5, 65), (18, 5, 7, 20))["SD"] == pytest.approx(0.1159, abs=1e-4)

    def test_treatment_equality_and_accuracy(self):
        found = measured((20, 6, 8, 66), (20, 2, 5, 23))
        assert found["TE"] == pytest.approx(0.35)
        assert found["AD"] == pytest.approx(0)

    def test_conditional_acceptance(self):
        """Of 100 and 50, 60 and 30 were accepted, where the outcomes suggest 70 and 20."""
        found = measured((30, 0, 10, 60), (20, 10, 0, 20))
        assert found["DCAcc"] == pytest.approx(70 / 60 - 20 / 30)
        assert found["DPPL"] == pytest.approx(0)

    def test_conditional_rejection(self):
        """60 and 30 were rejected, where the outcomes suggest 50 and 40."""
        assert measured((50, 0, 10, 40), (30, 10, 0, 10))["DCR"] == pytest.approx(0.5)

    def test_rejection_rates(self):
        assert measured((80, 5, 20, 15), (40, 5, 10, 5))["DRR"] == pytest.approx(0)

    def test_demographic_disparity(self):
        """Women are 60 % of the rejected applicants and 50 % of the accepted ones, in one of two groups."""
        table = np.zeros((2, 2, 3, 2, 1))
        table[0, 0, 2, :, 0], table[1, 0, 2, :, 0] = (40, 50), (60, 50)
        table[0, 1, 2, :, 0], table[1, 1, 2, :, 0] = (100, 100), (100, 100)
        assert float(metrics(table, outcomes=False)["CDDPL"][0]) == pytest.approx(0.1 * 200 / 600)

    def test_generalised_entropy(self):
        """Benefits 0, 1, 1 and 2 have a mean of 1 and a mean square of 1.5."""
        assert measured((1, 1, 0, 0), (0, 0, 1, 1))["GE"] == pytest.approx(0.25)


def test_equal_facets_are_fair():
    found = measured((50, 10, 20, 120), (25, 5, 10, 60))
    fair = {name: 0.0 for name in (*PRE_TRAINING, *POST_TRAINING) if name not in ("CI", "GE", "CDDL", "CDDPL")}
    assert {name: found[name] for name in fair} == pytest.approx({**fair, "DI": 1.0}, abs=1e-12)
    assert found["CI"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("seed", range(5))
def test_exchanging_the_facets_turns_the_signs(seed):
    rng = np.random.default_rng(seed)
    a, d = (tuple(rng.integers(5, 200, 4)) for _ in range(2))
    there, back = measured(a, d), measured(d, a)
    for name in ("CI", "DPL", "DPPL", "DCAcc", "DCR", "SD", "RD", "DAR", "DRR", "AD", "TE"):
        assert there[name] == pytest.approx(-back[name], abs=1e-12)
    assert there["DI"] == pytest.approx(1 / back["DI"])
    for name in ("JS", "LP", "TVD", "KS", "GE"):
        assert there[name] == pytest.approx(back[name], abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_only_shares_count(seed):
    rng = np.random.default_rng(seed)
    a, d = (rng.integers(5, 200, 4) for _ in range(2))
    assert measured(a * 7, d * 7) == pytest.approx(measured(a, d))


def test_without_known_outcomes_only_decisions_are_compared():
    table = np.zeros((2, 1, 3, 2, 1))
    table[:, 0, 2, :, 0] = ((20, 80), (40, 60))
    found = metrics(table, outcomes=False)
    assert {name: float(value[0]) for name, value in found.items()} == pytest.approx({"DPPL": 0.2, "DI": 0.75})


def test_what_is_undefined_is_no_number():
    found = measured((0, 0, 10, 10), (0, 0, 5, 15))
    assert np.isnan(found["SD"])
    assert found["RD"] == pytest.approx(-0.25)


def test_many_tables_are_measured_as_one_by_one():
    rng = np.random.default_rng(3)
    tables = rng.integers(1, 50, (2, 3, 3, 2, 4)).astype(float)
    together = metrics(tables)
    for k in range(4):
        alone = metrics(tables[..., k : k + 1])
        assert {name: value[k] for name, value in together.items()} == pytest.approx(
            {name: value[0] for name, value in alone.items()}
        )
    assert set(together) == set(NAMES)
