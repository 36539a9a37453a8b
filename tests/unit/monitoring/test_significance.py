from fractions import Fraction
from itertools import pairwise, product
from math import comb

import numpy as np
import pytest

from monitoring.significance import higher_share, holm, lower_mean, lower_share, stratified_shares, told


def enumerated(parts, wholes, base_parts, base_wholes):
    """P values by going through every table with the same margins, which is the definition."""
    strata = list(zip(parts, wholes, base_parts, base_wholes, strict=True))
    higher = lower = 0.0
    for events in product(*(range(min(x + y, n) + 1) for x, n, y, _ in strata)):
        chance = 1.0
        for event, (x, n, y, m) in zip(events, strata, strict=True):
            chance *= comb(n, event) * comb(m, x + y - event) / comb(n + m, x + y)
        higher += chance * (sum(events) >= sum(parts))
        lower += chance * (sum(events) <= sum(parts))
    return higher, lower


@pytest.mark.parametrize(
    "table",
    [
        ([3], [10], [2], [20]),
        ([0, 2], [5, 6], [1, 1], [9, 8]),
        ([4, 0, 1], [6, 3, 5], [1, 2, 0], [12, 9, 7]),
        ([0, 0], [4, 4], [0, 0], [8, 8]),
        ([3, 0], [3, 0], [0, 2], [6, 6]),
    ],
)
def test_the_stratified_test_is_exact(table):
    assert stratified_shares(*table) == pytest.approx(enumerated(*table))


def test_one_stratum_is_fishers_test():
    assert stratified_shares([7], [40], [20], [400])[0] == pytest.approx(higher_share(7, 40, 20, 400))
    assert stratified_shares([7], [40], [20], [400])[1] == pytest.approx(lower_share(7, 40, 20, 400))


def test_many_rows_are_compared_in_a_moment_and_agree_with_the_normal_distribution():
    parts, wholes, base = [50_400] * 10, [200_000] * 10, [500_000] * 10
    higher, lower = stratified_shares(parts, wholes, base, [2_000_000] * 10)
    pooled, rows = (50_400 + 500_000) / 2_200_000, 200_000 * 2_000_000 / 2_200_000
    z = (0.252 - 0.25) * 10**0.5 / (pooled * (1 - pooled) / rows) ** 0.5
    assert higher == pytest.approx(np.exp(-(z**2) / 2) / (z * (2 * np.pi) ** 0.5), rel=0.1)
    assert lower == pytest.approx(1)


def test_a_larger_baseline_makes_the_same_figures_more_certain():
    values = [stratified_shares([10], [500], [events], [events * 200])[0] for events in (5, 20, 80, 320)]
    assert all(later < earlier for earlier, later in pairwise(values))


@pytest.mark.parametrize(
    "table", [(3, 900, 40, 1500), (450, 900, 700, 1500), (0, 900, 60, 1500), (899, 900, 1500, 1500)]
)
def test_a_smaller_share_is_tested_to_the_last_digits(table):
    part, whole, base_part, base_whole = table
    together = part + base_part
    tables = (comb(whole, x) * comb(base_whole, together - x) for x in range(part + 1))
    assert lower_share(*table) == pytest.approx(Fraction(sum(tables), comb(whole + base_whole, together)), rel=1e-12)


def test_a_share_of_a_million_rows_is_tested_in_a_moment():
    assert higher_share(500_000, 1_000_000, 499_000, 1_000_000) == pytest.approx(0.0787, abs=0.0003)
    assert higher_share(600_000, 1_000_000, 400_000, 1_000_000) == pytest.approx(0, abs=1e-300)


def test_two_sides_of_a_test_cover_all_tables():
    higher, lower = higher_share(5, 30, 8, 90), lower_share(5, 30, 8, 90)
    assert higher + lower > 1
    assert higher == pytest.approx(1 - lower_share(4, 30, 9, 90))


def test_means_without_spread_are_no_evidence():
    assert lower_mean(0.1, 0.0, 0.9, 0.0, 100) == 1
    assert lower_mean(0.1, 0.01, 0.9, 0.0, 0) == 1


def test_errors_of_both_sides_count():
    assert lower_mean(0.6, 0.03, 0.7, 0.04, 1000) == lower_mean(0.6, 0.04, 0.7, 0.03, 1000)
    assert lower_mean(0.6, 0.03, 0.7, 0.04, 1000) == pytest.approx(lower_mean(0.6, 0.05, 0.7, 0.0, 1000))
    assert lower_mean(0.6, 0.03, 0.7, 0.04, 1000) > lower_mean(0.6, 0.03, 0.7, 0.0, 1000)


def test_few_degrees_of_freedom_make_a_difference_less_certain():
    values = [lower_mean(0.6, 0.03, 0.7, 0.01, freedom) for freedom in (3, 10, 1000)]
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(0.0008, abs=0.0002)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_an_operator_reads_four_digits():
    assert [told(value) for value in (0.0512, 0.00004)] == ["p = 0.0512", "p < 0.0001"]
