"""The verdicts' arithmetic, beside statsmodels, scipy, ville, GrowthBook's gbstats and published boundaries."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bench import verdict_rules as rules

pytestmark = pytest.mark.oracle

BLOCKS = [(50, 5, 50, 9), (80, 10, 20, 1), (33, 0, 67, 4), (1, 1, 99, 12), (60, 30, 40, 25), (100, 9, 0, 0)]
"""champion n, its successes, candidate n, its successes"""

BOUNDARIES = {1: 1.960, 2: 1.977, 3: 2.004, 4: 2.024, 5: 2.040, 10: 2.087, 20: 2.126}
"""O'Brien-Fleming for 5 %, two-sided, by number of looks: Jennison and Turnbull 2000, table 2.3."""


@pytest.fixture(scope="module")
def sequential():
    return rules.controller().sequential


@pytest.fixture(scope="module")
def evidence():
    return rules.controller().evidence


@pytest.fixture(scope="module")
def verdict():
    return rules.controller().verdict


def test_score_of_blocks_is_cochran_mantel_haenszel(evidence):
    contingency = pytest.importorskip("statsmodels.stats.contingency_tables")
    arms = evidence.Arms()
    for block in BLOCKS:
        arms.add(*block)
    tables = [np.array([[k, m - k], [j, n - j]], float) for n, j, m, k in BLOCKS if m]
    expected = contingency.StratifiedTable(tables).test_null_odds(correction=False)
    assert arms.score**2 == pytest.approx(expected.statistic)


@pytest.mark.parametrize(("champion", "candidate"), [(5, 15), (100, 60), (7, 7)])
def test_score_of_pairs_is_mcnemar(evidence, champion, candidate):
    contingency = pytest.importorskip("statsmodels.stats.contingency_tables")
    pairing = evidence.Pairing(strength=1.0)
    pairing.add(900, champion, candidate)
    expected = contingency.mcnemar([[400, champion], [candidate, 500]], exact=False, correction=False)
    assert pairing.score**2 == pytest.approx(expected.statistic)


@pytest.mark.parametrize(("baseline", "effect", "power"), [(0.1, 0.01, 0.8), (0.5, 0.1, 0.9), (0.9, 0.02, 0.8)])
def test_arm_size_is_the_classical_one(sequential, baseline, effect, power):
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    expected = proportion.samplesize_proportions_2indep_onetail(
        effect, baseline, power, alpha=0.05, alternative="two-sided"
    )
    assert sequential.arm_size(baseline, effect, 0.05, power) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(("discordance", "effect"), [(0.05, 0.01), (0.188, 0.01), (0.3, 0.1)])
def test_pair_size_has_the_power_asked_for(sequential, discordance, effect):
    """Power of McNemar's test, summed over the number of discordant pairs."""
    n = sequential.pair_size(discordance, effect, 0.05, 0.8)
    discordant = np.arange(1, n + 1)
    chance = stats.binom.pmf(discordant, n, discordance)
    least = np.ceil((discordant + 1.959964 * np.sqrt(discordant)) / 2)
    found = stats.binom.sf(least - 1, discordant, (discordance + effect) / 2 / discordance)
    assert (chance * found).sum() == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("block", BLOCKS[:5])
def test_bets_are_likelihood_ratios_of_fishers_noncentral_hypergeometric(sequential, block):
    champion_n, champion, candidate_n, candidate = block
    bets = sequential.OddsBets.of(0.1, 0.05)
    gains = bets.gains(champion_n, candidate_n, champion + candidate, candidate)
    dealt = champion_n + candidate_n, candidate_n, champion + candidate
    expected = [
        stats.nchypergeom_fisher.pmf(candidate, *dealt, math.exp(odds)) / stats.hypergeom.pmf(candidate, *dealt)
        for odds in bets.log_odds
    ]
    assert np.exp(gains) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("share", "strength"), [(0.5, 24.0), (0.5, 1.0), (0.1, 100.0)])
def test_value_of_pairs_and_of_the_split_is_the_beta_binomial_e_process(sequential, share, strength):
    ville = pytest.importorskip("ville")
    draws = np.random.default_rng(1).random(500) < share + 0.05
    process = ville.BernoulliTest(share, prior=(strength * share, strength * (1 - share))).update(draws)
    ours = [
        sequential.share_log_e(successes, n - successes, share, strength)
        for n, successes in enumerate(np.cumsum(draws).tolist(), 1)
    ]
    assert ours == pytest.approx(process.log_e_values_, abs=1e-9)


def test_width_is_the_asymptotic_confidence_sequences(sequential):
    """ville finds its best mixture by search, we by the closed form: they differ by less than 1 %."""
    ville = pytest.importorskip("ville")
    draws = np.random.default_rng(2).normal(size=4000)
    interval = ville.AsymptoticCS(alpha=0.05, t_opt=1000).update(draws)
    n = np.array([200, 1000, 4000])
    half = [(interval.upper_[size - 1] - interval.lower_[size - 1]) / 2 for size in n]
    errors = [draws[:size].std(ddof=1) / math.sqrt(size) for size in n]
    ours = [sequential.mixture_width(size / 1000, 0.05) * error for size, error in zip(n, errors, strict=True)]
    assert ours == pytest.approx(half, rel=0.01)


@pytest.mark.parametrize(("n", "champion", "candidate"), [(2000, 200, 260), (14751, 1475, 1620), (60000, 6000, 6100)])
def test_open_ended_interval_is_growthbooks(verdict, n, champion, candidate):
    tests = pytest.importorskip("gbstats.frequentist.tests")
    statistics = pytest.importorskip("gbstats.models.statistics")
    plan = rules.experiment("open_ended", 0.05)
    config = tests.SequentialConfig(
        difference_type="absolute", alpha=0.05, sequential_tuning_parameter=2 * rules.arm_size(plan)
    )
    arms = (statistics.ProportionStatistic(n=n, sum=won) for won in (champion, candidate))
    low, high = tests.SequentialTwoSidedTTest(*arms, config=config).confidence_interval
    found = verdict.unpaired(verdict.Counts((verdict.Block(n, champion, n, candidate),), complete=1), plan, 50, 0)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


def crossing(boundary, looks, drift=0.0):
    """Probabilities that B(t) + drift*t is found above `boundary`, or below -boundary, at equally spaced looks.

    Armitage, McPherson and Rowe 1969: the density of what has not been found is carried from look to look.
    """
    grid = np.linspace(-boundary, boundary, 1201)
    step, spread = drift / looks, math.sqrt(1 / looks)
    moves = stats.norm.pdf(grid[:, None], grid[None, :] + step, spread) * (grid[1] - grid[0])
    moves[:, [0, -1]] /= 2
    above, below = stats.norm.sf(boundary, grid + step, spread), stats.norm.cdf(-boundary, grid + step, spread)
    weights = np.full(grid.size, grid[1] - grid[0])
    weights[[0, -1]] /= 2
    density = stats.norm.pdf(grid, step, spread)
    up, down = stats.norm.sf(boundary, step, spread), stats.norm.cdf(-boundary, step, spread)
    for _ in range(looks - 1):
        up, down = up + (weights * density * above).sum(), down + (weights * density * below).sum()
        density = moves @ density
    return up, down


@pytest.mark.parametrize(("looks", "boundary"), BOUNDARIES.items())
def test_published_boundaries_have_their_error_rate(looks, boundary):
    assert sum(crossing(boundary, looks)) == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize("error_rate", [0.01, 0.05, 0.1])
def test_closed_form_boundary_keeps_the_error_rate_at_any_number_of_looks(sequential, error_rate):
    boundary = sequential.obrien_fleming(error_rate)
    errors = [sum(crossing(boundary, looks)) for looks in (1, 5, 20, 100, 400)]
    assert errors == sorted(errors)
    assert 0.9 * error_rate < errors[-1] < error_rate


@pytest.mark.parametrize("progress", [0.1, 0.5, 0.8, 1.0])
def test_error_spent_is_the_chance_to_have_left_the_boundary(sequential, progress):
    """The whole alternating series, of which the reflection formula is the first term."""
    boundary = sequential.obrien_fleming(0.05)
    terms = [(-1) ** k * stats.norm.sf((2 * k + 1) * boundary / math.sqrt(progress)) for k in range(20)]
    assert sequential.spent(progress, boundary) == pytest.approx(4 * sum(terms), abs=1e-9)


@pytest.mark.parametrize(("error_rate", "power"), [(0.05, 0.8), (0.01, 0.9), (0.1, 0.8)])
@pytest.mark.parametrize("looks", [10, 50, 340])
def test_planned_information_has_the_power_asked_for_and_little_more(sequential, error_rate, power, looks):
    classical = stats.norm.ppf(1 - error_rate / 2) + stats.norm.ppf(power)
    drift = classical * math.sqrt(sequential.inflation(error_rate, power, 1 / looks))
    found, wrong = crossing(sequential.obrien_fleming(error_rate), looks, drift)
    assert power < found < power + 0.04
    assert wrong < 1e-4


@pytest.mark.parametrize(("champion", "candidate"), [(10, 12), (100, 110), (2, 0), (40, 90)])
def test_thompson_share_is_the_chance_of_being_better(verdict, champion, candidate):
    plan = replace(rules.experiment("planned", 0.05), allocation="thompson")
    share = verdict.thompson_share(verdict.Counts((verdict.Block(900, champion, 900, candidate),), complete=1), plan)
    grid = np.linspace(0, 1, 200_001)[1:-1]
    first, second = (stats.beta(10 + won, 90 + 900 - won) for won in (champion, candidate))
    chance = np.trapezoid(second.pdf(grid) * first.cdf(grid), grid)
    assert share == pytest.approx(min(90, max(10, 100 * chance)), abs=1)
