"""The controller of lambdas/retraining_controller, running in a World instead of AWS."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from tests.unit.lambdas.retraining_controller.names import LOOK, POLICY, environ
from tests.unit.lambdas.retraining_controller.world import CrashError, World

RETRIES = (0, 60, 120)
"""Seconds that Lambda waits before it hands an event to the function, again and again."""


class Controller:
    """Delivers events to the handler as Lambda does: a run that raises is tried twice more."""

    def __init__(self, modules: SimpleNamespace, world: World, **policy: Any) -> None:
        self.world, self.modules = world, modules
        self.settings = modules.settings.Settings.read(environ(**policy))
        self.policy = SimpleNamespace(**POLICY | policy)

    def run(self, event: object) -> dict[str, str]:
        """One run, with clients of its own: once it crashed, nothing that it still does has an effect."""
        ended = False

        def dead() -> bool:
            return ended

        modules, world = self.modules, self.world
        names = modules.settings.Clients.__dataclass_fields__
        clients = modules.settings.Clients(**{name: world.client(name, dead) for name in names})
        gateway = modules.gateway.Gateway(self.settings, clients, lambda: world.clock.now)
        handler = modules.handler
        before, hook = (handler.settings, handler.gateway), world.after_call
        handler.settings, handler.gateway = (lambda: self.settings), (lambda: gateway)

        def watch(name: str) -> None:
            nonlocal ended
            try:
                hook(name)
            except CrashError:
                ended = True
                raise

        world.after_call = watch
        try:
            result: dict[str, str] = handler.handler(event, None)
            return result
        finally:
            world.after_call = hook
            handler.settings, handler.gateway = before

    def deliver(self, event: object) -> None:
        """As Lambda does; what still fails is lost (the dead-letter queue has it)."""
        for seconds in RETRIES:
            self.world.clock.pass_seconds(seconds)
            try:
                self.run(event)
            except (CrashError, ClientError):
                continue
            return

    def look(self) -> str:
        return self.run(LOOK)["reason"]

    def happen(self) -> None:
        """All events arrive, and the schedule comes by."""
        while self.world.events:
            self.deliver(self.world.events.pop(0))
        self.world.clock.pass_seconds(900)
        self.deliver(LOOK)

    def pass_days(self, days: float) -> None:
        self.world.clock.pass_seconds(days * 86400)
        self.happen()
