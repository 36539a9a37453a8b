"""The controllers when things go wrong: the final state must be that of the undisturbed release or retraining.

Three disturbances, in every strategy and ending of `scenarios`, in an AWS in memory:
- the run ends right after a call, for every call of the release; then a fresh run, with the event again or lost;
- a whole other run happens between two calls;
- random schedules: events lost, late, repeated and out of order, and a share of all calls throttled or ending the run.

The retraining controller goes through the first two, for every reason and ending of its `plays`.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from multiprocessing import get_context
from types import SimpleNamespace
from typing import Any

from tests.unit.lambdas.conftest import LAMBDAS, load_folder
from tests.unit.lambdas.release_controller.plays import Kept, Scenario, play_beside, play_unluckily
from tests.unit.lambdas.release_controller.scenarios import STRATEGIES, scenarios
from tests.unit.lambdas.release_controller.world import World
from tests.unit.lambdas.retraining_controller import plays as retraining

PROCESSES = 2
SCHEDULES = 10_000
BATCH = 250
FAILING = 0.2
BESIDE_EVERY = 9
"""The other run happens after every so many calls: unlike a crash, each needs a play of its own."""

SHOWN = 5

Scenarios = list[tuple[str, str]]


class DivergedError(Exception):
    """A disturbed release ended in another state; says which ones and how."""


@dataclass
class Tally:
    """points: disturbed plays. diverged: where one ended otherwise than the undisturbed one, and how."""

    points: int = 0
    diverged: list[str] = field(default_factory=list)

    def check(self, place: str, wanted: dict[str, Any], play: Callable[[], dict[str, Any]]) -> None:
        self.points += 1
        try:
            found = play()
        except Exception as error:
            self.diverged.append(f"{place}: {type(error).__name__}: {error}"[:1000])
            return
        if found != wanted:
            differ = {name: (found[name], wanted[name]) for name in wanted if found[name] != wanted[name]}
            self.diverged.append(f"{place}: {differ}"[:1000])


def measure(schedules: int = SCHEDULES) -> dict[str, Any]:
    """schedules: random ones, a multiple of BATCH. Raises DivergedError when any final state differs."""
    start = time.perf_counter()
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        crashed = list(pool.map(_crashes, *zip(*_all(), strict=True)))
        beside = list(pool.map(_two_controllers, *zip(*_all(), strict=True)))
        unlucky = list(pool.map(_schedules, range(0, schedules, BATCH)))
        trained = list(pool.map(_retrainings, *zip(*retraining.ALL, strict=True)))
    tallies = [*crashed, *beside, *unlucky, *(tally for pair in trained for tally in pair)]
    diverged = [place for tally in tallies for place in tally.diverged]
    if diverged:
        raise DivergedError("\n".join([f"{len(diverged)} diverged, the first ones:", *diverged[:SHOWN]]))
    return {
        "strategies": {strategy: _of(strategy, crashed, beside) for strategy in STRATEGIES},
        "crash_points": sum(tally.points for tally in crashed) // 2,
        "two_controllers": sum(tally.points for tally in beside),
        "retraining": {
            "endings": len(retraining.ALL),
            "crash_points": sum(cut_off.points for cut_off, _ in trained) // 2,
            "two_controllers": sum(two.points for _, two in trained),
        },
        "schedules": sum(tally.points for tally in unlucky),
        "failing_share": FAILING,
        "diverged": len(diverged),
        "seconds": round(time.perf_counter() - start, 1),
    }


def _of(strategy: str, crashed: list[Tally], beside: list[Tally]) -> dict[str, int]:
    """The strategy's part. Each crash point is played twice: the event comes again, or is lost."""
    mine = [number for number, (each, _) in enumerate(_all()) if each == strategy]
    return {
        "endings": len(mine),
        "crash_points": sum(crashed[number].points for number in mine) // 2,
        "two_controllers": sum(beside[number].points for number in mine),
    }


def _all() -> Scenarios:
    return [(strategy, ending) for strategy in STRATEGIES for ending in scenarios(strategy)]


@cache
def _modules(controller: str = "release_controller") -> SimpleNamespace:
    modules = load_folder(LAMBDAS / controller, controller)
    modules.logs.log.setLevel(logging.WARNING)
    return modules


def _crashes(strategy: str, ending: str) -> Tally:
    """After each call of the release, once with the event delivered again, once without."""
    tally, scenario = Tally(), scenarios(strategy)[ending]
    play = scenario.start(_modules(), checked=False)
    kept = play.keep_all()
    wanted = play.world.final()
    for number, point in enumerate(kept, 1):
        for retried in (True, False):
            event = "retried" if retried else "lost"
            place = f"{strategy}, {ending}: crash after call {number} ({point.call}), event {event}"
            tally.check(place, wanted, partial(_resumed, point, scenario, retried))
    return tally


def _resumed(point: Kept, scenario: Scenario, retried: bool) -> dict[str, Any]:
    return point.resume(_modules(), scenario, retried=retried).to_the_end().final()


def _two_controllers(strategy: str, ending: str) -> Tally:
    """They end the same, and take no write, update or message more than one alone."""
    tally, scenario = Tally(), scenarios(strategy)[ending]
    play = scenario.start(_modules(), checked=False)
    before = len(play.world.calls)
    alone = play.to_the_end()
    for nth in range(1, len(alone.calls) - before + 1, BESIDE_EVERY):
        place = f"{strategy}, {ending}: another run after call {nth}"
        tally.check(place, _all_of(alone), partial(_beside, scenario, nth))
    return tally


def _beside(scenario: Scenario, nth: int) -> dict[str, Any]:
    return _all_of(play_beside(scenario.start(_modules(), checked=False), nth))


def _all_of(world: World) -> dict[str, Any]:
    return world.final() | world.work()


def _retrainings(reason: str, ending: str) -> tuple[Tally, Tally]:
    """After each call of a retraining, with the event again and without; and another run after each call."""
    modules, cut_off, two = _modules("retraining_controller"), Tally(), Tally()
    wanted, calls = retraining.undisturbed(modules, reason, ending)
    for nth in range(1, calls + 1):
        place = f"retraining, {reason}, {ending}: call {nth}"
        for retried in (True, False):
            resumed = partial(retraining.cut_off, modules, reason, ending, nth, retried=retried)
            cut_off.check(f"{place}, event {'retried' if retried else 'lost'}", wanted, resumed)
        two.check(f"{place}, another run", wanted, partial(_retrained_beside, modules, reason, ending, nth))
    return cut_off, two


def _retrained_beside(modules: SimpleNamespace, reason: str, ending: str, nth: int) -> dict[str, Any]:
    return retraining.beside(modules, reason, ending, nth).world.final()


def _schedules(first: int) -> Tally:
    """Random schedules from this seed on; the same seed is the same schedule."""
    tally = Tally()
    for seed in range(first, first + BATCH):
        chance = random.Random(seed)
        strategy, ending = chance.choice(_all())
        scenario = scenarios(strategy)[ending]
        place = f"{strategy}, {ending}: schedule {seed}"
        tally.check(place, _undisturbed(strategy, ending), partial(_unlucky, scenario, chance))
    return tally


def _unlucky(scenario: Scenario, chance: random.Random) -> dict[str, Any]:
    return play_unluckily(scenario.start(_modules(), checked=False), chance, FAILING).final()


@cache
def _undisturbed(strategy: str, ending: str) -> dict[str, Any]:
    return scenarios(strategy)[ending].start(_modules(), checked=False).to_the_end().final()
