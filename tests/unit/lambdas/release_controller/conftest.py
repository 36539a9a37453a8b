"""The controller of lambdas/release_controller, running in a World instead of AWS."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.lambdas.release_controller.world import ENVIRON, READS, SCHEDULE, CrashError, World


class Controller:
    """Delivers events to the handler as Lambda does: a run that raises is tried twice more."""

    def __init__(self, modules: SimpleNamespace, world: World) -> None:
        settings = modules.gateway.Settings.read(ENVIRON)
        clients = {name: world.client(name) for name in modules.gateway.Clients.__dataclass_fields__}
        gateway = modules.gateway.Gateway(settings, modules.gateway.Clients(**clients))
        modules.handler.settings = lambda: settings
        modules.handler.gateway = lambda: gateway
        self.world = world
        self.run = lambda event: modules.handler.handler(event, None)

    def deliver(self, event: object) -> None:
        for _ in range(3):
            try:
                self.run(event)
            except (CrashError, ClientError):
                continue
            return

    def calls(self, event: object) -> list[str]:
        """The AWS calls that one run makes."""
        start = len(self.world.calls)
        self.run(event)
        return self.world.calls[start:]

    def wake(self) -> str:
        return str(self.run(SCHEDULE)["action"])

    def settle(self) -> None:
        """Let time pass until nothing happens any more: no event, no operation, no effect of a run."""
        world = self.world
        for _ in range(60):
            while world.events:
                self.deliver(world.events.pop(0))
            world.step()
            start = len(world.calls)
            self.deliver(SCHEDULE)
            effects = [name for name in world.calls[start:] if not name.startswith(READS)]
            if not (effects or world.events or world.operation):
                return
        raise AssertionError(f"no rest after 60 rounds: {world.final()}")


@pytest.fixture
def start(release_controller: SimpleNamespace) -> Iterator[Callable[..., Controller]]:
    """Start a controller in a world; the handler's cached factories are its own again afterwards."""
    handler = release_controller.handler
    originals = handler.settings, handler.gateway
    release_controller.logs.log.setLevel(logging.WARNING)

    def begin(world: World | None = None, **arguments: Any) -> Controller:
        return Controller(release_controller, world or World(**arguments))

    yield begin
    handler.settings, handler.gateway = originals
    release_controller.logs.log.setLevel(logging.INFO)
