"""Error rates and sample sizes of the release controller's verdicts, beside naive rules, by simulation.

200 requests an hour, each to one of two variants by an even chance, one look an hour, success rates of 10 % against
10 % ("null") and 10 % against 11 % ("effect"). What became of a request is known at once; a delay would move all
rules alike. A shadow answers the same 200 applications an hour. A rule sees each path until it decides or its
horizon ends; its sample is everything up to that look, on undecided paths too.

The rules run as numpy over all paths at once (verdict_rules.py). On some paths, at every look, they are compared
with the controller's own functions: a difference ends the benchmark.
"""

import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench import verdict_rules as rules
from bench.discordance import retrained_models
from bench.verdict_rules import HOUR, PER_HOUR, Arms, Integers, Pairs, Trace

REPLICATIONS = 20_000
BATCH = 2_000
SEED = 20261121
RATES = {"null": (0.10, 0.10), "effect": (0.10, 0.11)}
OPEN_HOURS = 672
LONGEST = 1.3
"""Paths of a planned rule are this much longer than its horizon: information comes in at random."""

COMPARED = {"planned": 20, "open_ended": 2, "paired_shadow": 20}
"""Paths, of each world, on which a rule is compared with the controller at every look."""

DISCORDANCE = 0.05
"""Assumed share of applications on which one of the two models alone is right: 2 % and 3 %, or 2.5 % each.

Independent errors would give 18.8 %. On the project's loans a model that was retrained a quarter, or a year, later
has 14 % and 26 % of the discordance of independent ones (`retrained_models` in the result); 26 % of 18.8 % is 5 %.
"""


@dataclass(frozen=True)
class Run:
    """A rule on a batch of paths. checks: of an hour; `trace` and `data` only of the controller's own rules."""

    rule: str
    outcome: Integers
    checks: int = 1
    trace: Trace | None = None
    data: Arms | Pairs | None = None
    plan: Any = None


@dataclass
class Tally:
    """What became of a rule's paths in one world: the outcome, the hours until then, whether the interval held."""

    outcomes: list[Integers] = field(default_factory=list)
    hours: list[Integers] = field(default_factory=list)
    covered: list[Any] = field(default_factory=list)

    def add(self, run: Run, difference: float) -> None:
        stop = rules.stops(run.outcome)
        self.outcomes.append(np.take_along_axis(run.outcome, stop[:, None], 1)[:, 0])
        self.hours.append(stop // run.checks + 1)
        if run.trace:
            self.covered.append(((run.trace.low <= difference) & (difference <= run.trace.high)).all(1))

    def share(self, *outcomes: int) -> float:
        return float(np.isin(np.concatenate(self.outcomes), outcomes).mean())

    @property
    def mean_n(self) -> int:
        return round(float(np.concatenate(self.hours).mean()) * HOUR)


def measure(replications: int = REPLICATIONS) -> dict[str, Any]:
    """By rule: false positives, power, mean sample with and without a difference, horizon, interval's coverage.

    replications: paths in each world.
    """
    start = time.perf_counter()
    tallies: dict[str, dict[str, Tally]] = {}
    compared: dict[str, int] = {}
    for number, size in enumerate(_batches(replications)):
        for world, rates in RATES.items():
            random = np.random.default_rng([SEED, number, list(RATES).index(world)])
            for run in _runs(random, size, *rates):
                tallies.setdefault(run.rule, {}).setdefault(world, Tally()).add(run, rates[1] - rates[0])
                if number == 0 and run.rule in COMPARED:
                    compared[run.rule] = compared.get(run.rule, 0) + rules.compare(
                        run.trace, run.data, run.plan, COMPARED[run.rule]
                    )
    result = _result({rule: _figures(worlds) for rule, worlds in tallies.items()}, compared)
    print(_table(result), file=sys.stderr)
    return {"replications": replications, **result, "seconds": round(time.perf_counter() - start, 1)}


def _batches(replications: int) -> Iterator[int]:
    for begin in range(0, replications, BATCH):
        yield min(BATCH, replications - begin)


def _runs(random: np.random.Generator, size: int, champion: float, candidate: float) -> Iterator[Run]:
    """Every rule on the same requests; the shadows on applications of their own."""
    arms = rules.sample_arms(random, (size, OPEN_HOURS * PER_HOUR), champion, candidate)
    plan = rules.experiment("planned", DISCORDANCE)
    short = arms.until(_hours(rules.horizon(plan)) * PER_HOUR)
    trace = rules.planned(short, plan)
    yield Run("planned", trace.outcome, PER_HOUR, trace, short, plan)
    plan = rules.experiment("open_ended", DISCORDANCE)
    trace = rules.open_ended(arms, plan)
    yield Run("open_ended", trace.outcome, PER_HOUR, trace, arms, plan)
    for rule, discordance in (("paired_shadow", DISCORDANCE), ("independent_errors", _independent(*RATES["effect"]))):
        plan = rules.experiment("planned", discordance)
        shape = (size, _hours(rules.paired_horizon(plan)) * PER_HOUR)
        true = DISCORDANCE if rule == "paired_shadow" else _independent(champion, candidate)
        pairs = rules.sample_pairs(random, shape, true, candidate - champion)
        trace = rules.paired(pairs, plan)
        yield Run(rule, trace.outcome, PER_HOUR, trace, pairs, plan)
    classical = arms.until(_classical_hours() * PER_HOUR)
    yield Run("naive", rules.naive(classical))
    yield Run("p_best", rules.p_best(classical))


def _independent(champion: float, candidate: float) -> float:
    """Discordance of two models whose errors have nothing to do with each other."""
    return champion * (1 - candidate) + candidate * (1 - champion)


def _hours(horizon: int) -> int:
    return math.ceil(LONGEST * horizon / HOUR)


def _classical_hours() -> int:
    """Of a classical test of fixed size: the horizon of the rules that have none."""
    return math.ceil(2 * rules.arm_size(rules.experiment("planned", DISCORDANCE)) / HOUR)


def _figures(worlds: dict[str, Tally]) -> dict[str, Any]:
    null, effect = worlds["null"], worlds["effect"]
    figures = {
        "false_positive": round(null.share(rules.BETTER, rules.WORSE), 4),
        "power": round(effect.share(rules.BETTER), 4),
        "mean_n": effect.mean_n,
        "mean_n_null": null.mean_n,
    }
    if null.covered:
        covered = [float(np.concatenate(tally.covered).mean()) for tally in (null, effect)]
        figures["interval_coverage"] = round(min(covered), 4)
    return figures


def _result(figures: dict[str, dict[str, Any]], compared: dict[str, int]) -> dict[str, Any]:
    """`rules`, and beside them the shadow whose errors are independent; n of shadows is in applications."""
    independent = _independent(*RATES["effect"])
    worst = figures.pop("independent_errors")
    unpaired = figures["planned"]["mean_n"]
    plan = rules.experiment("planned", DISCORDANCE)
    horizons = {
        "planned": rules.horizon(plan),
        "open_ended": OPEN_HOURS * HOUR,
        "paired_shadow": rules.paired_horizon(plan),
        "naive": _classical_hours() * HOUR,
        "p_best": _classical_hours() * HOUR,
    }
    return {
        "rates": RATES,
        "requests_an_hour": HOUR,
        "error_rate": plan.error_rate,
        "classical_n": 2 * rules.arm_size(plan),
        "rules": {rule: {**figures[rule], "horizon": horizon} for rule, horizon in horizons.items()},
        "paired": {
            "assumed": {
                "discordance": DISCORDANCE,
                "share_of_unpaired_n": round(figures["paired_shadow"]["mean_n"] / unpaired, 3),
            },
            "independent_errors": {
                "discordance": round(independent, 4),
                "share_of_unpaired_n": round(worst["mean_n"] / unpaired, 3),
                **worst,
                "horizon": rules.paired_horizon(rules.experiment("planned", independent)),
            },
            "retrained_models": retrained_models(),
        },
        "looks_equal_to_the_controllers": compared,
    }


def _table(result: dict[str, Any]) -> str:
    rows = {**result["rules"], "  independent errors": result["paired"]["independent_errors"]}
    lines = [f"{'rule':22}{'false positive':>15}{'power':>8}{'mean n':>9}{'n, null':>9}{'horizon':>9}"]
    for rule, row in rows.items():
        lines.append(
            f"{rule:22}{row['false_positive']:15.2%}{row['power']:8.2%}{row['mean_n']:9}{row['mean_n_null']:9}"
            f"{row['horizon']:9}"
        )
    return "\n".join(lines)
