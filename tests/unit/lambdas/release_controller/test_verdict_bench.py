"""The benchmark's vectorized rules say what the controller's functions say, at every look."""

from dataclasses import replace

import numpy as np
import pytest

from bench import verdict_rules as rules


@pytest.mark.parametrize("rates", [(0.1, 0.1), (0.1, 0.12), (0.6, 0.4)])
@pytest.mark.parametrize("rule", ["planned", "open_ended"])
def test_arms(rule, rates):
    plan = rules.experiment(rule, 0.05)
    arms = rules.sample_arms(np.random.default_rng(1), (3, 80), *rates)
    trace = getattr(rules, rule)(arms, plan)
    assert rules.compare(trace, arms, plan, 3) >= 3


@pytest.mark.parametrize(("discordance", "effect"), [(0.05, 0.0), (0.05, 0.02), (0.2, -0.1)])
def test_pairs(discordance, effect):
    plan = rules.experiment("planned", 0.05)
    pairs = rules.sample_pairs(np.random.default_rng(2), (3, 80), discordance, effect)
    assert rules.compare(rules.paired(pairs, plan), pairs, plan, 3) >= 3


def test_a_difference_is_found():
    plan = rules.experiment("planned", 0.05)
    arms = rules.sample_arms(np.random.default_rng(3), (1, 20), 0.1, 0.1)
    with pytest.raises(AssertionError, match="look 1: continue"):
        rules.compare(rules.planned(arms, plan), arms, replace(plan, error_rate=0.01), 1)
