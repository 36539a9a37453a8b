"""The controller of lambdas/release_controller, running in a World instead of AWS."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from tests.unit.lambdas.delivery import Delivery
from tests.unit.lambdas.release_controller.names import POLICY, SCHEDULE, environ
from tests.unit.lambdas.release_controller.world import CrashError, World


class Controller(Delivery):
    """Delivers events to the handler as Lambda does: a run that raises is tried twice more."""

    world: World

    def __init__(self, modules: SimpleNamespace, world: World, **policy: Any) -> None:
        super().__init__(modules, world, modules.settings.Settings.read(environ(**policy)), CrashError)
        self.policy = json.loads(json.dumps(POLICY | policy))

    def _gateway(self, clients: Any) -> Any:
        clock = self.world.clock
        return self.modules.gateway.Gateway(self.settings, clients, lambda: clock.now, clock.pass_seconds)

    def calls(self, event: object) -> list[str]:
        """The AWS calls that one run makes, without the lock's."""
        start = len(self.world.calls)
        self.run(event)
        return self.world.calls[start:]

    def wake(self) -> str:
        return self.run(SCHEDULE)["action"]

    def settle(self) -> None:
        """Let time pass until nothing happens any more: no event, no operation, no effect of a run."""
        Rounds(self).until_rest()


class Rounds:
    """Time in steps of ten minutes, with all events of a step delivered, and the schedule."""

    SECONDS = 600
    PATIENCE = 8 * 3600
    """How far the clock jumps when nothing happens, to see whether anything was waiting for it."""

    QUIET = 3
    """Rounds without anything after that jump are rest: a query may take longer than one round."""

    def __init__(self, controller: Controller) -> None:
        self.controller, self.idle = controller, 0
        self.deliver: Callable[[object], None] = controller.deliver

    def one(self) -> bool:
        """One round; returns whether all is at rest."""
        world = self.controller.world
        effects, busy = world.effects, bool(world.events or world.serving.operation)
        while world.events:
            self.deliver(world.events.pop(0))
        world.step()
        world.clock.pass_seconds(self.SECONDS)
        self.deliver(SCHEDULE)
        if busy or world.effects > effects or world.events or world.serving.operation:
            self.idle = 0
            return False
        self.idle += 1
        if self.idle == 1:
            world.clock.pass_seconds(self.PATIENCE)
        return self.idle > self.QUIET

    def until_rest(self, rounds: int = 200) -> None:
        """Raises AssertionError when nothing rests after so many rounds."""
        for _ in range(rounds):
            if self.one():
                self.idle = 0
                return
        raise AssertionError(f"no rest after {rounds} rounds: {self.controller.world.final()}")
