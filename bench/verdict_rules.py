"""The rules that bench/verdict.py measures, as numpy over many paths at once; arrays are paths x blocks."""

from __future__ import annotations

import importlib
import math
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

HOUR = 200
"""Requests an hour, and between two looks."""

BLOCK = 100
"""Outcomes a block, as config/base.toml has it."""

PER_HOUR = HOUR // BLOCK
CONTINUE, BETTER, WORSE, NO_DIFFERENCE = 0, 1, -1, 2
OUTCOMES = {CONTINUE: "continue", BETTER: "better", WORSE: "worse", NO_DIFFERENCE: "no_difference"}
Z_95 = 1.959963984540054

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Arms:
    """Outcomes of two arms that got different requests, in blocks of BLOCK."""

    champion_n: Integers
    champion_successes: Integers
    candidate_n: Integers
    candidate_successes: Integers

    @property
    def successes(self) -> Integers:
        return self.champion_successes + self.candidate_successes

    def until(self, block: int) -> Arms:
        return Arms(
            self.champion_n[:, :block],
            self.champion_successes[:, :block],
            self.candidate_n[:, :block],
            self.candidate_successes[:, :block],
        )


@dataclass(frozen=True)
class Pairs:
    """Applications, in blocks of BLOCK, that both models answered: on how many was one of them alone right?"""

    champion_only: Integers
    candidate_only: Integers


@dataclass(frozen=True)
class Trace:
    """What a rule says after each block, as if it went on after deciding: outcome, what it compares, interval.

    After the planned information has come in, the interval is everything: nothing is claimed any more.
    """

    outcome: Integers
    statistic: Floats
    low: Floats
    high: Floats


@cache
def controller() -> SimpleNamespace:
    """The controller's modules, loaded from their folder as Lambda does, without leaving their names behind."""
    folder = str(Path(__file__).resolve().parents[1] / "lambdas" / "release_controller")
    names = ("policy", "sequential", "evidence", "rules", "verdict")
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.path.insert(0, folder)
    try:
        return SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    finally:
        sys.path.remove(folder)
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(before)


def experiment(rule: str, discordance: float) -> Any:
    """policy.Experiment of the benchmark: 5 % errors, 80 % power for 10 % against 11 %, an even split."""
    return controller().policy.Experiment(
        rule=rule, allocation="fixed", error_rate=0.05, power=0.8, baseline=0.10, effect=0.01,
        discordance=discordance, share_percent=50, step_percent=10, step_seconds=0, look_seconds=3600,
        settle_seconds=0, max_hours=672, block_size=BLOCK, inconclusive="keep", max_positive_change=0.05,
    )  # fmt: skip


def sample_arms(random: np.random.Generator, shape: tuple[int, int], champion: float, candidate: float) -> Arms:
    """Every request goes to either arm by an even chance."""
    candidate_n = random.binomial(BLOCK, 0.5, shape)
    champion_n = BLOCK - candidate_n
    return Arms(champion_n, random.binomial(champion_n, champion), candidate_n, random.binomial(candidate_n, candidate))


def sample_pairs(random: np.random.Generator, shape: tuple[int, int], discordance: float, effect: float) -> Pairs:
    discordant = random.binomial(BLOCK, discordance, shape)
    candidate_only = random.binomial(discordant, (discordance + effect) / 2 / discordance)
    return Pairs(discordant - candidate_only, candidate_only)


def arm_size(experiment: Any) -> int:
    """Classical records an arm."""
    plan = experiment.baseline, experiment.effect, experiment.error_rate, experiment.power
    return int(controller().sequential.arm_size(*plan))


def horizon(experiment: Any) -> int:
    """Requests that the planned rule takes at most, if they are split evenly."""
    return math.ceil(4 * _information(experiment))


def paired_horizon(experiment: Any) -> int:
    """Applications that the planned rule takes at most on a shadow, if the discordance is as planned."""
    return math.ceil(_discordant(experiment) / float(experiment.discordance))


def stops(outcome: Integers) -> Integers:
    """The check, from 0, at which each path is decided; its last one if none."""
    decided = outcome != CONTINUE
    found: Integers = np.where(decided.any(1), decided.argmax(1), outcome.shape[1] - 1)
    return found


def planned(arms: Arms, experiment: Any) -> Trace:
    information, excess, score, error = _sums(arms)
    return _boundary(information / _information(experiment), score, excess / information, error, experiment)


def paired(pairs: Pairs, experiment: Any) -> Trace:
    champion, candidate = pairs.champion_only.cumsum(1), pairs.candidate_only.cumsum(1)
    discordant = champion + candidate
    n = BLOCK * np.arange(1, discordant.shape[1] + 1)
    score = (candidate - champion) / np.sqrt(np.maximum(discordant, 1))
    error = np.sqrt(((discordant + 2) / (n + 2) - ((candidate - champion) / (n + 2)) ** 2) / (n + 2))
    return _boundary(discordant / _discordant(experiment), score, (candidate - champion) / n, error, experiment)


def open_ended(arms: Arms, experiment: Any) -> Trace:
    sequential = controller().sequential
    bets = sequential.OddsBets.of(experiment.baseline, experiment.effect).log_odds
    norms = _norms(arms, bets)
    logs = [
        (odds * arms.candidate_successes - norm[arms.candidate_n, arms.successes]).cumsum(1)
        for odds, norm in zip(bets, norms, strict=True)
    ]
    log_e = np.logaddexp.reduce(logs) - math.log(len(bets))
    highest = np.maximum.accumulate(np.maximum(log_e, 0), axis=1)
    information, excess, _, error = _sums(arms)
    difference = excess / information
    odds = -2 * math.log(experiment.error_rate)
    time = information / (arm_size(experiment) / 2) * (odds + math.log(odds + 1))
    half = np.sqrt((1 + 1 / time) * (np.log1p(time) + odds)) * error
    crossed = highest >= math.log(1 / experiment.error_rate)
    outcome = np.where(crossed, np.where(difference > 0, BETTER, WORSE), CONTINUE)
    return Trace(outcome, np.exp(highest), np.maximum(difference - half, -1), np.minimum(difference + half, 1))


def naive(arms: Arms) -> Integers:
    """A 5 % test of two proportions at every look; outcome by hour."""
    champion_n, champion, candidate_n, candidate = _hourly(arms)
    share = (champion + candidate) / (champion_n + candidate_n)
    variance = share * (1 - share) * (1 / champion_n + 1 / candidate_n)
    z = (candidate / candidate_n - champion / champion_n) / np.sqrt(np.maximum(variance, 1e-12))
    return np.where(np.abs(z) >= Z_95, np.sign(z), CONTINUE).astype(int)


def p_best(arms: Arms) -> Integers:
    """P(best) > 0.95 at every look, by hour; beta posteriors from uniform priors, compared as if normal.

    Their difference is beyond 1.645 standard deviations where the normal probability is beyond 0.95.
    """
    means, variances = [], []
    champion_n, champion, candidate_n, candidate = _hourly(arms)
    for n, successes in ((champion_n, champion), (candidate_n, candidate)):
        mean = (1 + successes) / (2 + n)
        means.append(mean)
        variances.append(mean * (1 - mean) / (3 + n))
    z = (means[1] - means[0]) / np.sqrt(variances[0] + variances[1])
    return np.where(np.abs(z) > 1.6448536269514722, np.sign(z), CONTINUE).astype(int)


def _boundary(progress: Floats, score: Floats, difference: Floats, error: Floats, experiment: Any) -> Trace:
    """O'Brien-Fleming on a score, and the interval that goes with it."""
    boundary = controller().sequential.obrien_fleming(experiment.error_rate)
    time = np.minimum(progress, 1)
    statistic = score * np.sqrt(time)
    outcome = np.where(np.abs(statistic) >= boundary, np.sign(statistic).astype(int), CONTINUE)
    outcome = np.where((outcome == CONTINUE) & (time == 1), NO_DIFFERENCE, outcome)
    with np.errstate(divide="ignore"):
        half = np.where(time > 0, boundary / np.sqrt(time), np.inf) * error
    half[:, 1:][time[:, :-1] == 1] = np.inf
    return Trace(outcome, statistic, np.maximum(difference - half, -1), np.minimum(difference + half, 1))


def _information(experiment: Any) -> float:
    """Planned, of two arms."""
    size = arm_size(experiment)
    return size / 2 * _inflation(experiment, BLOCK / 2 / size)


def _discordant(experiment: Any) -> float:
    """Planned number of pairs in which one model alone is right."""
    size = _pair_size(experiment)
    return size * float(experiment.discordance) * _inflation(experiment, BLOCK / size)


def _pair_size(experiment: Any) -> int:
    plan = experiment.discordance, experiment.effect, experiment.error_rate, experiment.power
    return int(controller().sequential.pair_size(*plan))


def _inflation(experiment: Any, step: float) -> float:
    return float(controller().sequential.inflation(experiment.error_rate, experiment.power, step))


def _sums(arms: Arms) -> tuple[Floats, Floats, Floats, Floats]:
    """Information, excess of the candidate's successes, Z and standard error of the difference, after each block."""
    n, m, k = arms.champion_n, arms.candidate_n, arms.successes
    weight = n * m / BLOCK
    information = weight.cumsum(1)
    excess = (arms.candidate_successes - m * k / BLOCK).cumsum(1)
    variance = (weight * k * (BLOCK - k) / (BLOCK * (BLOCK - 1))).cumsum(1)
    spread = np.zeros(information.shape)
    for arm, successes in ((n, arms.champion_successes), (m, arms.candidate_successes)):
        share = (successes.cumsum(1) + 1) / (arm.cumsum(1) + 2)
        spread += share * (1 - share) * (weight**2 / arm).cumsum(1)
    return information, excess, excess / np.sqrt(np.maximum(variance, 1e-12)), np.sqrt(spread) / information


def _norms(arms: Arms, bets: tuple[float, ...]) -> Floats:
    """bets x candidate's records x successes: the controller's own normalization, where a block needs it."""
    table = np.full((len(bets), BLOCK + 1, BLOCK + 1), np.nan)
    for code in np.unique(arms.candidate_n * (BLOCK + 1) + arms.successes):
        m, k = divmod(int(code), BLOCK + 1)
        table[:, m, k] = controller().sequential.log_norms(BLOCK - m, m, k, bets)
    return table


def _hourly(arms: Arms) -> list[Integers]:
    parts = arms.champion_n, arms.champion_successes, arms.candidate_n, arms.candidate_successes
    return [part.cumsum(1)[:, PER_HOUR - 1 :: PER_HOUR] for part in parts]


def compare(trace: Trace | None, data: Arms | Pairs | None, experiment: Any, paths: int) -> int:
    """Look at the first paths every hour with the controller's own functions; returns how many looks were equal.

    Raises AssertionError for the first one that is not.
    """
    assert trace is not None
    assert data is not None
    looks = 0
    for path, stop in enumerate(stops(trace.outcome[:paths])):
        parts = _parts(data, path)
        for hour in range(stop // PER_HOUR + 1):
            seen = PER_HOUR * (hour + 1)
            check = min(seen - 1, int(stop))
            said = _verdict(parts[:seen], experiment, paired=isinstance(data, Pairs))
            here = [float(values[path, check]) for values in (trace.statistic, trace.low, trace.high)]
            there = [said.statistic, said.low, said.high]
            decision = OUTCOMES[int(trace.outcome[path, check])]
            same = decision == said.decision and np.allclose(here, there, rtol=1e-9, atol=1e-12)
            assert same, f"{said.rule}, path {path}, look {hour + 1}: {decision}, {here}; the controller: {said}"
            looks += 1
    return looks


def _parts(data: Arms | Pairs, path: int) -> tuple[Any, ...]:
    """The path's blocks as the controller gets them."""
    kinds = controller().verdict
    if isinstance(data, Pairs):
        both = BLOCK - data.champion_only[path] - data.candidate_only[path]
        columns, kind = (both, data.champion_only[path], data.candidate_only[path]), kinds.Pairs
    else:
        parts = data.champion_n, data.champion_successes, data.candidate_n, data.candidate_successes
        columns, kind = tuple(part[path] for part in parts), kinds.Block
    return tuple(kind(*row) for row in zip(*(column.tolist() for column in columns), strict=True))


def _verdict(parts: tuple[Any, ...], experiment: Any, paired: bool) -> Any:
    verdict = controller().verdict
    if paired:
        return verdict.paired(verdict.Counts(pairs=parts, complete=len(parts)), experiment, 0)
    return verdict.unpaired(verdict.Counts(blocks=parts, complete=len(parts)), experiment, 50, 0)
