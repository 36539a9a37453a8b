"""The controller of lambdas/retraining_controller, running in a World instead of AWS."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.unit.lambdas.delivery import Delivery
from tests.unit.lambdas.retraining_controller.names import LOOK, POLICY, environ
from tests.unit.lambdas.retraining_controller.world import CrashError, World


class Controller(Delivery):
    """Delivers events to the handler as Lambda does: a run that raises is tried twice more."""

    world: World

    def __init__(self, modules: SimpleNamespace, world: World, **policy: Any) -> None:
        super().__init__(modules, world, modules.settings.Settings.read(environ(**policy)), CrashError)
        self.policy = SimpleNamespace(**POLICY | policy)

    def _gateway(self, clients: Any) -> Any:
        def reach(sts: Any, role: str) -> Any:
            """Another account is seen by the same world, once it has lent a role."""
            sts.assume_role(RoleArn=role, RoleSessionName="retraining", DurationSeconds=900)
            return clients

        return self.modules.gateway.Gateway(self.settings, clients, lambda: self.world.clock.now, reach)

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
