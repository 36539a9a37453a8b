"""Is the candidate better than the champion? Verdicts from counts, with guaranteed error rates at every look.

Two rules. `planned`: an O'Brien-Fleming boundary up to a horizon that finds the planned effect with the planned
power. `open_ended`: an exact e-process, valid for as long as one likes. Both follow the outcomes in the order in
which they were received and stop where they first decide: so a verdict depends on the outcomes alone, not on when
somebody looked, and no later outcome changes it. docs/verdicts.md explains them to those who read verdicts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import sequential
from evidence import Arms, Evidence, Pairing
from policy import Experiment
from rules import OpenEnded, Planned, Rule

MISMATCH_LEVEL = 0.001
"""Error rate of the check that the requests are split as planned: a false alarm costs a person's time."""

MISMATCH_STRENGTH = 100
"""The split is suspected within some percent of the planned one, see sequential.share_log_e."""

Decision = Literal["better", "worse", "no_difference", "continue", "mismatch"]


@dataclass(frozen=True)
class Block:
    """Known outcomes of `experiment.block_size` records (champion and candidate together), as received."""

    champion_n: int
    champion_successes: int
    candidate_n: int
    candidate_successes: int


@dataclass(frozen=True)
class Pairs:
    """Known outcomes of records that both answered. both: both right or both wrong; *_only: only that one right."""

    both: int
    champion_only: int
    candidate_only: int


@dataclass(frozen=True)
class Traffic:
    """Predictions since the share was last changed, whether the outcome is known or not, and their requests.

    A request may hold many rows to predict; the endpoint's weights split requests.
    """

    champion: int
    candidate: int
    champion_positive: int
    candidate_positive: int
    champion_requests: int
    candidate_requests: int


@dataclass(frozen=True)
class Counts:
    """What an experiment has seen: blocks of a challenger, or pairs of a shadow, in the order of their outcomes.

    complete: how many of the blocks (or pairs) are complete; one more, the newest, may follow them.
    """

    blocks: tuple[Block, ...] = ()
    pairs: tuple[Pairs, ...] = ()
    traffic: Traffic = Traffic(0, 0, 0, 0, 0, 0)
    complete: int = 0


@dataclass(frozen=True)
class Verdict:
    """What a look says. JSON takes all of it: every number is finite.

    estimate, low, high: success rate of the candidate minus the champion's, 0 to 1, and the interval that is valid
    at all looks together with probability 1 - error_rate. samples: outcomes (pairs, for a shadow) up to the decision.
    horizon: samples planned, 0 for an open end. progress: share of the planned information, or of the evidence
    needed, 0 to 1. statistic, boundary: what was compared. spent: error rate used up by now (an open end: the
    p-value that is right at all times). looks: taken, with this one. explanation: a sentence with these numbers.
    """

    decision: Decision
    rule: str
    estimate: float
    low: float
    high: float
    samples: int
    horizon: int
    progress: float
    statistic: float
    boundary: float
    spent: float
    looks: int
    explanation: str


@dataclass(frozen=True)
class Guardrail:
    """exceeded: the change is beyond the limit, with the error rate of the experiment over all looks.

    change, low, high: share of positive predictions of the candidate minus the champion's, and its interval.
    """

    exceeded: bool
    change: float
    low: float
    high: float
    explanation: str


def unpaired(counts: Counts, experiment: Experiment, share_percent: int, looks: int) -> Verdict:
    """The verdict on a challenger. share_percent: planned for it since `traffic` began; looks: taken before.

    Raises ValueError for a plan that cannot be (its message names the setting).
    """
    _check(experiment)
    size = sequential.arm_size(experiment.baseline, experiment.effect, experiment.error_rate, experiment.power)
    blocks, evidence = counts.blocks, Arms()
    if experiment.rule == "open_ended":
        # An e-process bets on whole blocks; the boundary takes whatever has come in.
        blocks = blocks[: counts.complete]
        evidence = Arms(sequential.OddsBets.of(experiment.baseline, experiment.effect))
    rule = _rule(evidence, experiment, size / 2, step=experiment.block_size / 2 / size)
    for block in blocks:
        evidence.add(block.champion_n, block.champion_successes, block.candidate_n, block.candidate_successes)
        if rule.see() != "continue":
            break
    share = experiment.share_percent / 100
    mismatch = _mismatch(counts.traffic, share_percent)
    return _verdict(rule, evidence, rule.planned / (share * (1 - share)), looks + 1, "outcomes", mismatch)


def paired(counts: Counts, experiment: Experiment, looks: int) -> Verdict:
    """The verdict on a shadow, which answers the same records as the champion. looks: taken before.

    Raises ValueError for a plan that cannot be (its message names the setting).
    """
    _check(experiment)
    discordance, effect = experiment.discordance, experiment.effect
    size = sequential.pair_size(discordance, effect, experiment.error_rate, experiment.power)
    # The mixture's standard deviation is what the planned effect makes of an even chance.
    evidence = Pairing(strength=max(1.0, (discordance / effect) ** 2 - 1))
    rule = _rule(evidence, experiment, size * discordance, step=experiment.block_size / size)
    for pairs in counts.pairs:
        evidence.add(pairs.both, pairs.champion_only, pairs.candidate_only)
        if rule.see() != "continue":
            break
    return _verdict(rule, evidence, rule.planned / discordance, looks + 1, "pairs", "")


def positive_change(traffic: Traffic, experiment: Experiment, paired: bool) -> Guardrail:
    """Whether the share of positive predictions changed by more than `max_positive_change`.

    It did once the interval, which is right at all times with probability 1 - error_rate, lies beyond the limit.
    paired: both models answered the same requests. Their answers then agree more often than by chance, so that
    the interval, which does not count on it, is wider than it need be.
    """
    arms, limit = Arms(), experiment.max_positive_change
    arms.add(traffic.champion, traffic.champion_positive, traffic.candidate, traffic.candidate_positive)
    low, high = -1.0, 1.0
    if arms.information:
        # Narrowest where it can just tell a change of the limit's size: about three standard errors.
        planned = (3 / max(limit, 0.01)) ** 2 / 4
        width = sequential.mixture_width(arms.information / planned, experiment.error_rate)
        low, high = _interval(arms, width)
    exceeded = low > limit or high < -limit
    return Guardrail(
        exceeded,
        arms.difference,
        low,
        high,
        f"Share of positive predictions {_points(arms.difference, low, high)}, of {traffic.champion} by the champion "
        f"and {traffic.candidate} by the candidate on {'the same' if paired else 'their own'} requests: "
        f"{'beyond' if exceeded else 'not shown to be beyond'} the limit of {100 * limit:g} points.",
    )


def thompson_share(counts: Counts, experiment: Experiment) -> int:
    """Percent of the requests for the challenger: how probably it is the better one, 10 to 90.

    Both arms begin with a block of outcomes at the planned baseline (a beta prior); their posteriors are compared by
    mean and variance, as if normal. Complete blocks only, as the e-process's validity asks. It allocates; it never
    decides.
    """
    arms = Arms()
    for block in counts.blocks[: counts.complete]:
        arms.add(block.champion_n, block.champion_successes, block.candidate_n, block.candidate_successes)
    champion, champion_variance = _beta(arms.champion_successes, arms.champion_n, experiment)
    candidate, candidate_variance = _beta(arms.candidate_successes, arms.candidate_n, experiment)
    probability = sequential.normal().cdf((candidate - champion) / math.sqrt(champion_variance + candidate_variance))
    return min(90, max(10, round(100 * probability)))


def _rule(evidence: Evidence, experiment: Experiment, size: float, step: float) -> Rule:
    """size: information of the classical plan; step: share of it that a block brings."""
    if experiment.rule == "open_ended":
        return OpenEnded(evidence, experiment.error_rate, size)
    longer = sequential.inflation(experiment.error_rate, experiment.power, step)
    return Planned(evidence, experiment.error_rate, size * longer)


_LEADS = {
    "better": "The candidate is better",
    "worse": "The candidate is worse",
    "no_difference": "No difference was found with the planned sample",
    "continue": "Undecided so far",
}


def _verdict(rule: Rule, evidence: Evidence, horizon: float, looks: int, unit: str, mismatch: str) -> Verdict:
    """looks: taken, with this one; unit: what samples are; mismatch: why there is no verdict, or ""."""
    decision = rule.see()
    low, high = _interval(evidence, rule.width) if evidence.information else (-1.0, 1.0)
    if rule.name == "planned":
        much = f"{rule.progress:.0%} of the plan"
        how = f"Z*sqrt(t) is {rule.statistic:+.2f}, boundary {rule.boundary:.2f}, error rate spent {rule.spent:.2%}"
    else:
        much = "no end planned"
        how = f"e-value at its highest {rule.statistic:.3g}, boundary {rule.boundary:g}"
    return Verdict(
        decision="mismatch" if mismatch else decision,
        rule=rule.name,
        estimate=evidence.difference,
        low=low,
        high=high,
        samples=evidence.samples,
        horizon=math.ceil(horizon) if rule.name == "planned" else 0,
        progress=rule.progress,
        statistic=rule.statistic,
        boundary=rule.boundary,
        spent=rule.spent,
        looks=looks,
        explanation=f"{mismatch or _LEADS[decision]}: after {evidence.samples} {unit} ({much}), success rate "
        f"{_points(evidence.difference, low, high)}; {how}; look {looks}.",
    )


def _interval(evidence: Evidence, width: float) -> tuple[float, float]:
    """width: half of it, in standard errors."""
    half = width * evidence.error
    return max(-1.0, evidence.difference - half), min(1.0, evidence.difference + half)


def _mismatch(traffic: Traffic, share_percent: int) -> str:
    """Why the split of the requests is not the planned one, or ""; nothing is planned at 0 and at 100 %."""
    candidate = traffic.candidate_requests
    requests = traffic.champion_requests + candidate
    if not requests or not 0 < share_percent < 100:
        return ""
    log_e = sequential.share_log_e(candidate, traffic.champion_requests, share_percent / 100, MISMATCH_STRENGTH)
    if log_e < -math.log(MISMATCH_LEVEL):
        return ""
    return (
        f"No verdict, since {candidate} of {requests} requests ({candidate / requests:.1%}) reached "
        f"the candidate where {share_percent} % are planned"
    )


def _check(experiment: Experiment) -> None:
    """Raises ValueError where the plan contradicts itself, naming the setting."""
    if not 0 < experiment.effect < 1:
        raise ValueError(f"experiment.effect: {experiment.effect}, expected between 0 and 1")
    if not 0 < experiment.baseline < 1 - experiment.effect:
        raise ValueError(
            f"experiment.baseline: {experiment.baseline}, expected between 0 and 1 - effect = {1 - experiment.effect}"
        )
    if not experiment.effect < experiment.discordance <= 1:
        raise ValueError(
            f"experiment.discordance: {experiment.discordance}, expected more than effect = {experiment.effect}, "
            "at most 1"
        )
    if not 0 < experiment.share_percent < 100:
        raise ValueError(f"experiment.share_percent: {experiment.share_percent}, expected 1 to 99")


def _beta(successes: int, n: int, experiment: Experiment) -> tuple[float, float]:
    """Mean and variance of a success rate's posterior."""
    total = experiment.block_size + n
    mean = (experiment.block_size * experiment.baseline + successes) / total
    return mean, mean * (1 - mean) / (total + 1)


def _points(difference: float, low: float, high: float) -> str:
    return f"{100 * difference:+.2f} points (interval {100 * low:+.2f} to {100 * high:+.2f})"
