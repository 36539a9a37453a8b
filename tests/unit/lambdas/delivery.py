"""A controller that runs in a world instead of AWS, and is handed its events as Lambda does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

RETRIES = (0, 60, 120)
"""Seconds that Lambda waits before it hands an event to the function, again and again."""


class Delivery:
    """Delivers events to the handler as Lambda does: a run that raises is tried twice more.

    fails: what a run may raise then; anything else is no failure that a test expects.
    crash: what the world raises where a run ends in the middle of itself.
    """

    def __init__(self, modules: SimpleNamespace, world: Any, settings: Any, crash: type[Exception]) -> None:
        self.modules, self.world, self.settings, self._crash = modules, world, settings, crash
        self.fails: tuple[type[Exception], ...] = (crash, ClientError)

    def _gateway(self, clients: Any) -> Any:
        """The gateway of one run."""
        return self.modules.gateway.Gateway(self.settings, clients, lambda: self.world.clock.now)

    def run(self, event: object) -> dict[str, str]:
        """One run, with clients of its own: once it crashed, nothing that it still does has an effect."""
        ended = False

        def dead() -> bool:
            return ended

        modules, world, handler = self.modules, self.world, self.modules.handler
        names = modules.settings.Clients.__dataclass_fields__
        gateway = self._gateway(modules.settings.Clients(**{name: world.client(name, dead) for name in names}))
        before, hook = (handler.settings, handler.gateway), world.after_call
        handler.settings, handler.gateway = (lambda: self.settings), (lambda: gateway)

        def watch(name: str) -> None:
            nonlocal ended
            try:
                hook(name)
            except self._crash:
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
            except self.fails:
                continue
            return
