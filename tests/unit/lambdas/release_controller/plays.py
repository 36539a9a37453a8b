"""Histories of releases: what people do in a World, and when; played with one controller, from any state of it.

A play can be kept after any call and played on from there, as if the run had ended with that call.
"""

from __future__ import annotations

import itertools
import pickle
import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from tests.unit.lambdas.release_controller.controller import Controller, Rounds
from tests.unit.lambdas.release_controller.names import SCHEDULE, arn, number, refused
from tests.unit.lambdas.release_controller.world import CrashError, World


@dataclass(frozen=True)
class Step:
    """A person acts: as soon as `when` is true, or, without it, when nothing happens any more."""

    act: Callable[[World], object]
    when: Callable[[World], bool] | None = None


@dataclass(frozen=True)
class Scenario:
    """before: steps whose calls are not looked at. world, policy: how the World and the policy differ."""

    steps: tuple[Step, ...]
    world: dict[str, Any] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    before: tuple[Step, ...] = ()

    def start(self, modules: SimpleNamespace, *, checked: bool = True) -> Play:
        """Where the steps before have been played."""
        world = World(**self.world, checked=checked)
        Play(Controller(modules, world, **self.policy), self.before).to_the_end()
        return Play(Controller(modules, world, **self.policy), self.steps)


@dataclass(frozen=True)
class Story:
    """How a scenario goes when nothing comes between.

    begun: the world where its steps begin. ended: the one where they led to, which is only looked at; final: its state.
    calls: how many it took.
    """

    scenario: Scenario
    begun: bytes
    ended: World
    final: dict[str, Any]
    calls: int

    @classmethod
    def of(cls, scenario: Scenario, modules: SimpleNamespace) -> Story:
        play = scenario.start(modules)
        begun, before = pickle.dumps(play.world), len(play.world.calls)
        ended = play.to_the_end()
        return cls(scenario, begun, ended, ended.final(), len(ended.calls) - before)

    def start(self, modules: SimpleNamespace) -> Play:
        """From where its steps begin; no call is checked a second time."""
        world: World = pickle.loads(self.begun)
        world.checked = False
        return Play(Controller(modules, world, **self.scenario.policy), self.scenario.steps)


@dataclass
class Kept:
    """A play after a call. event: which the run had been woken by."""

    state: bytes
    call: str
    event: object

    def resume(self, modules: SimpleNamespace, scenario: Scenario, *, retried: bool) -> Play:
        """The run is dead; retried: Lambda delivers its event again, which else is lost."""
        world, index, idle = pickle.loads(self.state)
        play = Play(Controller(modules, world, **scenario.policy), scenario.steps, index)
        play.rounds.idle = idle
        if retried:
            world.clock.pass_seconds(60)
            play.rounds.deliver(self.event)
        return play


class Play:
    """A controller and the steps that are still to come."""

    def __init__(self, controller: Controller, steps: tuple[Step, ...], index: int = 0) -> None:
        self.controller, self.steps, self.index = controller, steps, index
        self.rounds = Rounds(controller)
        self._event: object = None

    @property
    def world(self) -> World:
        return self.controller.world

    def to_the_end(self, rounds: int = 250) -> World:
        """Raises AssertionError when nothing rests, or a step's time never comes."""
        for _ in range(rounds):
            if self.proceed():
                return self.world
        raise AssertionError(f"no rest after {rounds} rounds: {self.world.final()}")

    def proceed(self) -> bool:
        """One step or one round; returns whether all is done and at rest."""
        step = self.steps[self.index] if self.index < len(self.steps) else None
        if step and step.when and step.when(self.world):
            self.act(step)
        elif self.rounds.one():
            if step is None:
                return True
            assert step.when is None, f"step {self.index} never came: {self.world.final()}"
            self.act(step)
        return False

    def act(self, step: Step) -> None:
        step.act(self.world)
        self.index, self.rounds.idle = self.index + 1, 0

    def keep_all(self) -> list[Kept]:
        """Play to the end, keeping the state after every call."""
        kept = self._keeping()
        self.to_the_end()
        return kept

    def keep(self, points: Collection[int]) -> list[Kept]:
        """Play on until the state after each of these calls is kept: the first is 0."""
        kept = self._keeping(points)
        ended = False
        while len(kept) < len(points):
            assert not ended, f"it ends before one of the calls {points}"
            ended = self.proceed()
        return kept

    def _keeping(self, points: Collection[int] | None = None) -> list[Kept]:
        """Where the states will be, of these points or of all."""
        kept: list[Kept] = []
        deliver, calls = self.rounds.deliver, itertools.count()

        def delivering(event: object) -> None:
            self._event = event
            deliver(event)

        def keep(name: str) -> None:
            nth = next(calls)
            if points is None or nth in points:
                state = pickle.dumps((self.world, self.index, self.rounds.idle))
                kept.append(Kept(state, name, self._event))

        self.rounds.deliver = delivering
        self.world.after_call = keep
        return kept


class Unlucky(Rounds):
    """Rounds in which events are lost, late, repeated and out of order, and calls fail, before or after their effect.

    failing: share of the calls that are throttled, or end the run.
    """

    def __init__(self, controller: Controller, chance: random.Random, failing: float) -> None:
        super().__init__(controller)
        self._chance, self._failing = chance, failing

    def one(self) -> bool:
        """Never at rest."""
        world, chance = self.controller.world, self._chance
        world.before_call = world.after_call = self._fail
        chance.shuffle(world.events)
        for _ in range(len(world.events)):
            event = world.events.pop(0)
            fate = chance.random()
            if fate > 0.4:
                self.deliver(event)
            if fate > 0.8 or fate < 0.2:
                world.events.append(event)
        if chance.random() < 0.7:
            world.step()
        world.clock.pass_seconds(chance.randint(1, self.SECONDS))
        if chance.random() < 0.7:
            self.deliver(SCHEDULE)
        world.before_call = world.after_call = lambda name: None
        return False

    def _fail(self, name: str) -> None:
        # Each call has two chances to fail.
        if self._chance.random() < 1 - (1 - self._failing) ** 0.5:
            raise self._chance.choice([CrashError(name), refused("ThrottlingException", "Rate exceeded", name)])


def play_beside(play: Play, nth: int) -> World:
    """A whole other run happens after the nth call of the play's runs."""
    world, calls = play.world, 0

    def beside(_name: str) -> None:
        nonlocal calls
        calls += 1
        if calls == nth:
            play.controller.run(SCHEDULE)

    world.after_call = beside
    return play.to_the_end()


def play_unluckily(play: Play, chance: random.Random, failing: float) -> World:
    """Unlucky rounds before a step whose time comes by itself, and after the last one; rest before the others."""
    unlucky = Unlucky(play.controller, chance, failing)
    for index, step in enumerate(play.steps):
        for _ in range(chance.randint(3, 25)):
            if step.when and step.when(play.world):
                break
            unlucky.one()
        while play.index == index:
            play.proceed()
    for _ in range(chance.randint(3, 25)):
        unlucky.one()
    return play.to_the_end()


def approve(version: int, approval: str = "Approved") -> Callable[[World], object]:
    return lambda world: world.approve(version, approval)


def command(value: str) -> Callable[[World], object]:
    return lambda world: world.command(value)


def stop(world: World) -> None:
    """The endpoint is to go, as at night."""
    world.serving.stop()


def start(world: World) -> None:
    world.serving.start()


def standing(version: int, stage: str) -> Callable[[World], bool]:
    """The version stands on the endpoint in this stage, and the stack is at rest."""

    def stands(world: World) -> bool:
        variants = world.serving.held.variants
        return world.serving.operation is None and number(variants.get(stage, "none")) == version

    return stands


def asked(version: int, stage: str) -> Callable[[World], bool]:
    """The version is in this stage, whether or not it stands on the endpoint already."""
    return lambda world: world.value("candidate") == f"{arn(version)} {stage}"


def on_its_way(version: int) -> Callable[[World], bool]:
    """The stack is replacing the champion by the version."""

    def goes(world: World) -> bool:
        operation = world.serving.operation
        return operation is not None and number(operation.template.champion) == version

    return goes


def repair(world: World) -> None:
    world.serving.continue_rollback()
