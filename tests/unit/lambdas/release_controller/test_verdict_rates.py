"""What the verdicts promise, by simulation with fixed seeds: small plans, the functions that the controller runs."""

import random
from dataclasses import replace
from operator import and_

import pytest

PATHS = 600
ALLOWED = 0.05 + 3 * 0.0089
"""5 % and three standard errors of a share of PATHS."""


@pytest.fixture(scope="module")
def verdict(release_controller):
    return release_controller.verdict


@pytest.fixture(scope="module")
def experiment(release_controller):
    """A demo's size: 30 % against 50 %, some hundred records."""
    return release_controller.policy.Experiment(
        rule="planned", allocation="fixed", error_rate=0.05, power=0.8, baseline=0.3, effect=0.2, discordance=0.4,
        share_percent=50, step_percent=50, step_seconds=0, look_seconds=1, settle_seconds=0, max_hours=1,
        block_size=25, inconclusive="keep", max_positive_change=0.1,
    )  # fmt: skip


def block(verdict, source, champion, candidate, share=0.5, size=25):
    draw = source.random
    arms = [draw() < share for _ in range(size)]
    wins = [draw() < (candidate if arm else champion) for arm in arms]
    candidates, won = sum(arms), sum(map(and_, wins, arms))
    return verdict.Block(size - candidates, sum(wins) - won, candidates, won)


def pair(verdict, source, champion_only, candidate_only, size=25):
    draws, above = [source.random() for _ in range(size)], 1 - candidate_only
    champion = len([draw for draw in draws if draw < champion_only])
    candidate = len([draw for draw in draws if draw > above])
    return verdict.Pairs(size - champion - candidate, champion, candidate)


def unpaired(verdict, experiment, rates, blocks=30, seed=1):
    """Decisions and whether the interval held, over PATHS; the last look says what every look before would have."""
    source = random.Random(seed)
    truth = rates[1] - rates[0]
    for _ in range(PATHS):
        seen = tuple(block(verdict, source, *rates) for _ in range(blocks))
        found = verdict.unpaired(verdict.Counts(seen, complete=blocks), experiment, 50, 0)
        yield found.decision, found.low <= truth <= found.high


@pytest.mark.parametrize("rule", ["planned", "open_ended"])
@pytest.mark.parametrize("rate", [0.05, 0.3, 0.9])
def test_arms_that_do_not_differ_are_told_apart_rarely(verdict, experiment, rule, rate):
    seen = list(unpaired(verdict, replace(experiment, rule=rule), (rate, rate)))
    assert sum(decision in ("better", "worse") for decision, _ in seen) / PATHS <= ALLOWED
    assert sum(not held for _, held in seen) / PATHS <= ALLOWED


def test_planned_effect_is_found_with_the_planned_power(verdict, experiment):
    seen = list(unpaired(verdict, experiment, (0.3, 0.5)))
    assert sum(decision == "better" for decision, _ in seen) / PATHS >= 0.8 - 3 * 0.0163
    assert sum(decision == "worse" for decision, _ in seen) == 0
    assert sum(not held for _, held in seen) / PATHS <= ALLOWED


@pytest.mark.parametrize("rule", ["planned", "open_ended"])
@pytest.mark.parametrize("each", [0.02, 0.2, 0.5])
def test_models_that_do_not_differ_are_told_apart_rarely(verdict, experiment, rule, each):
    source = random.Random(2)
    wrong = 0
    for _ in range(PATHS):
        seen = tuple(pair(verdict, source, each, each) for _ in range(30))
        decision = verdict.paired(verdict.Counts(pairs=seen), replace(experiment, rule=rule), 0).decision
        wrong += decision in ("better", "worse")
    assert wrong / PATHS <= ALLOWED


def test_planned_effect_is_found_on_a_shadow_with_the_planned_power(verdict, experiment):
    source = random.Random(3)
    found = 0
    for _ in range(PATHS):
        seen = tuple(pair(verdict, source, 0.1, 0.3) for _ in range(30))
        found += verdict.paired(verdict.Counts(pairs=seen), experiment, 0).decision == "better"
    assert found / PATHS >= 0.8 - 3 * 0.0163


@pytest.mark.parametrize("rule", ["planned", "open_ended"])
def test_split_by_thompson_sampling_and_a_drifting_base_rate_fool_no_rule(verdict, experiment, rule):
    """The share follows the outcomes, and success becomes likelier: pooled over time, the favorite looks better."""
    experiment = replace(experiment, rule=rule)
    source = random.Random(4)
    wrong = 0
    for _ in range(PATHS // 2):
        counts = verdict.Counts()
        for number in range(20):
            share = verdict.thompson_share(counts, experiment) / 100
            rate = 0.1 + 0.04 * number
            seen = (*counts.blocks, block(verdict, source, rate, rate, share))
            counts = verdict.Counts(seen, complete=len(seen))
        wrong += verdict.unpaired(counts, experiment, 50, 0).decision in ("better", "worse")
    assert wrong / (PATHS // 2) <= 0.05 + 3 * 0.0126


def test_split_as_planned_is_hardly_ever_a_mismatch(verdict, experiment):
    source = random.Random(5)
    alarms = 0
    for _ in range(PATHS):
        candidate = 0
        for request in range(1, 2001):
            candidate += source.random() < 0.1
            if request % 100 == 0:
                traffic = verdict.Traffic(0, 0, 0, 0, request - candidate, candidate)
                if verdict.unpaired(verdict.Counts(traffic=traffic), experiment, 10, 0).decision == "mismatch":
                    alarms += 1
                    break
    assert alarms <= 3


def test_guardrail_at_its_limit_goes_off_rarely_and_well_beyond_it_soon(verdict, experiment):
    source = random.Random(6)
    at_limit = beyond = 0
    for _ in range(PATHS // 2):
        champion = limit = twice = 0
        hit_limit = hit_twice = False
        for request in range(1, 1001):
            champion += source.random() < 0.5
            limit += source.random() < 0.6
            twice += source.random() < 0.75
            if request % 50 == 0:
                for candidate in (limit, twice):
                    traffic = verdict.Traffic(request, request, champion, candidate, 0, 0)
                    exceeded = verdict.positive_change(traffic, experiment, paired=False).exceeded
                    hit_limit |= exceeded and candidate is limit
                    hit_twice |= exceeded and candidate is twice
        at_limit += hit_limit
        beyond += hit_twice
    assert at_limit / (PATHS // 2) <= 0.05 + 3 * 0.0126
    assert beyond == PATHS // 2


def test_bets_are_exactly_fair_without_a_difference(release_controller):
    """The expectation over all ways to deal a block's successes is 1, for each bet and each split."""
    sequential = release_controller.sequential
    bets = sequential.OddsBets.of(0.1, 0.2)
    for champion_n, candidate_n, successes in [(1, 1, 1), (6, 4, 3), (3, 9, 11), (5, 5, 0), (5, 5, 10), (40, 60, 30)]:
        expected = [0.0] * len(bets.log_odds)
        for won in range(max(0, successes - champion_n), min(candidate_n, successes) + 1):
            ways = sequential.math.comb(candidate_n, won) * sequential.math.comb(champion_n, successes - won)
            chance = ways / sequential.math.comb(champion_n + candidate_n, successes)
            gains = bets.gains(champion_n, candidate_n, successes, won)
            expected = [
                so_far + chance * sequential.math.exp(gain) for so_far, gain in zip(expected, gains, strict=True)
            ]
        assert expected == pytest.approx([1.0] * len(expected))


@pytest.mark.parametrize(("share", "strength"), [(0.5, 1.0), (0.5, 48.0), (0.1, 100.0)])
def test_value_of_pairs_is_exactly_fair_without_a_difference(release_controller, share, strength):
    sequential, n = release_controller.sequential, 30
    expected = sum(
        sequential.math.comb(n, k) * share**k * (1 - share) ** (n - k)
        * sequential.math.exp(sequential.share_log_e(k, n - k, share, strength))
        for k in range(n + 1)
    )  # fmt: skip
    assert expected == pytest.approx(1.0)
