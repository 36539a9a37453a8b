"""Arithmetic of sequential tests: how much to plan, when a boundary is crossed, what an e-process is worth.

Time t is the share of the planned information that has come in. Under "no difference" the score Z*sqrt(t) then
moves like a Brownian motion B(t), whatever the looks; planned tests rest on that, e-processes on no approximation.

Sources: O'Brien and Fleming 1979 (the boundary); Bachelier-Levy and the reflection principle, e.g. Siegmund 1985,
Sequential Analysis, chapters 3 and 10 (crossing probabilities, the 0.583); Fleiss 1981 (sample size, two
proportions); Connor 1987 (sample size, pairs); Jennison and Turnbull 1989 (repeated confidence intervals); Robbins
1970 and Waudby-Smith et al. 2024, Annals of Statistics 52 (asymptotic confidence sequence); Lindon and Malek 2022
(sample ratio mismatch).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from statistics import NormalDist

OVERSHOOT = 0.5826
"""A walk in steps crosses a boundary as Brownian motion crosses one this many standard deviations of a step higher."""

SPARE = 1.03
"""Planned beyond the closed form: it takes the variance of the two rates as equal, and both as planned."""


@cache
def normal() -> NormalDist:
    """The standard one. Imported here: a cold start without an experiment would wait for it."""
    from statistics import NormalDist

    return NormalDist()


def obrien_fleming(error_rate: float) -> float:
    """c such that B(t) leaves (-c, c) before t = 1 with probability `error_rate` (2.2414 for 5 %)."""
    return normal().inv_cdf(1 - error_rate / 4)


def spent(progress: float, boundary: float) -> float:
    """Probability that B leaves (-boundary, boundary) by time `progress`.

    Reflection: B reaches c by t twice as often as it lies beyond c at t. Both sides add up; paths that reach both
    are counted twice, less than 1e-10 for an error rate of 5 %.
    """
    return min(1.0, 4 * _below(-boundary / math.sqrt(progress))) if progress > 0 else 0.0


def inflation(error_rate: float, power: float, step: float) -> float:
    """How much more information than one look at the end needs; step: share of it between two checks."""
    boundary = obrien_fleming(error_rate)
    raised = boundary + OVERSHOOT * math.sqrt(step)
    # The last check alone has the power at this drift: more checks cannot need more.
    low, high = 0.0, boundary + normal().inv_cdf(power)
    while high - low > 1e-9:
        drift = (low + high) / 2
        low, high = (drift, high) if _crosses(raised, drift) < power else (low, drift)
    return SPARE * (high / _one_look(error_rate, power)) ** 2


def _crosses(boundary: float, drift: float) -> float:
    """Probability that B(t) + drift*t reaches the upper boundary by t = 1 (Bachelier-Levy)."""
    return _below(drift - boundary) + math.exp(2 * boundary * drift) * _below(-drift - boundary)


def _one_look(error_rate: float, power: float) -> float:
    return normal().inv_cdf(1 - error_rate / 2) + normal().inv_cdf(power)


def _below(x: float) -> float:
    """The normal distribution function, exact in the lower tail too."""
    return math.erfc(-x / math.sqrt(2)) / 2


def arm_size(baseline: float, effect: float, error_rate: float, power: float) -> int:
    """Classical records an arm: two-sided test of two proportions, one look."""
    other = baseline + effect
    mean = (baseline + other) / 2
    size = normal().inv_cdf(1 - error_rate / 2) * math.sqrt(2 * mean * (1 - mean))
    size += normal().inv_cdf(power) * math.sqrt(baseline * (1 - baseline) + other * (1 - other))
    return math.ceil((size / effect) ** 2)


def pair_size(discordance: float, effect: float, error_rate: float, power: float) -> int:
    """Classical pairs, the concordant ones included: McNemar's two-sided test, one look."""
    size = normal().inv_cdf(1 - error_rate / 2) * math.sqrt(discordance)
    size += normal().inv_cdf(power) * math.sqrt(discordance - effect**2)
    return math.ceil((size / effect) ** 2)


def repeated_width(progress: float, boundary: float) -> float:
    """Half-width, in standard errors, of the interval that is right at all looks until t = 1."""
    return boundary / math.sqrt(progress)


def mixture_width(progress: float, error_rate: float) -> float:
    """Half-width, in standard errors, of the interval that is right at all times; narrowest about progress 1."""
    odds = -2 * math.log(error_rate)
    time = progress * (odds + math.log(odds + 1))
    return math.sqrt((1 + 1 / time) * (math.log1p(time) + odds))


@dataclass(frozen=True)
class OddsBets:
    """Bets on odds ratios that each side could have, of equal stake; a mixture of exact e-processes.

    A block says nothing but this: of its n records, of which k succeeded, how many successes are the candidate's?
    Without a difference that is hypergeometric, whatever the base rate and whatever the split, which may follow from
    the blocks before (so Thompson sampling may choose it). Each bet multiplies by the likelihood ratio of Fisher's
    noncentral hypergeometric distribution, whose expectation is then exactly 1.
    """

    log_odds: tuple[float, ...]

    SIZES = (0.5, 1.0, 2.0)
    """Multiples of the planned effect that are betted on: the best for 10 % against 11 % that also serve others."""

    @classmethod
    def of(cls, baseline: float, effect: float) -> OddsBets:
        planned = _logit(baseline + effect) - _logit(baseline)
        return cls(tuple(sign * size * planned for size in cls.SIZES for sign in (1, -1)))

    def gains(self, champion_n: int, candidate_n: int, successes: int, candidate_successes: int) -> list[float]:
        """What each bet's logarithm gains by a block."""
        norms = log_norms(champion_n, candidate_n, successes, self.log_odds)
        return [odds * candidate_successes - norm for odds, norm in zip(self.log_odds, norms, strict=True)]


@lru_cache(maxsize=100_000)
def log_norms(champion_n: int, candidate_n: int, successes: int, log_odds: tuple[float, ...]) -> tuple[float, ...]:
    """Logarithm of E[exp(x * candidate's successes)] for each x, under the hypergeometric distribution."""
    possible = range(max(0, successes - champion_n), min(candidate_n, successes) + 1)
    whole = _log_choose(champion_n + candidate_n, successes)
    chances = [_log_choose(candidate_n, k) + _log_choose(champion_n, successes - k) - whole for k in possible]
    return tuple(log_sum([chance + odds * k for chance, k in zip(chances, possible, strict=True)]) for odds in log_odds)


def share_log_e(successes: int, failures: int, share: float, strength: float) -> float:
    """Logarithm of the e-value against "each success has probability `share`", valid after every single one.

    A mixture over Beta(strength * share, strength * (1 - share)): the larger the strength, the nearer to `share`
    it looks for the truth.
    """
    alpha, beta = strength * share, strength * (1 - share)
    marginal = _log_beta(alpha + successes, beta + failures) - _log_beta(alpha, beta)
    return marginal - successes * math.log(share) - failures * math.log1p(-share)


def log_sum(values: Sequence[float]) -> float:
    """log(sum(exp(values))) without overflow."""
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values))


def _logit(share: float) -> float:
    return math.log(share / (1 - share))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _log_beta(alpha: float, beta: float) -> float:
    return math.lgamma(alpha) + math.lgamma(beta) - math.lgamma(alpha + beta)
