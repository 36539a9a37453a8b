"""The keeper of lambdas/record_keeper, running in a World instead of AWS."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from tests.unit.lambdas.delivery import Delivery
from tests.unit.lambdas.record_keeper.names import ENVIRON, LOOK
from tests.unit.lambdas.record_keeper.world import CrashError, World


class Keeper(Delivery):
    """Delivers events to the handler as Lambda does: a run that raises is tried twice more."""

    world: World

    def __init__(self, modules: SimpleNamespace, world: World, **environ: str) -> None:
        super().__init__(modules, world, modules.settings.Settings.read(ENVIRON | environ), CrashError)
        self.fails = (*self.fails, modules.refusals.ChangeRefused)

    def _gateway(self, clients: Any) -> Any:
        """With MLflow in the world, which the run reaches while it lives."""

        def send(method: str, path: str, fields: dict[str, Any]) -> Any:
            status, answer = clients.sagemaker.call("mlflow", path, {"method": method, "fields": fields})
            if status != 200:
                raise self.modules.mlflow_client._refusal(
                    f"MLflow, {method} {path}", status, json.dumps(answer).encode()
                )
            return answer

        def sender(arn: str) -> Any:
            assert arn == self.settings.tracking != ""
            return send

        return self.modules.gateway.Gateway(self.settings, clients, lambda: self.world.clock.now, sender)

    def look(self) -> str:
        return self.run(LOOK)["reason"]

    def happen(self) -> None:
        """All events arrive, those that the keeper causes too, and the schedule comes by."""
        for _ in range(50):
            if not self.world.events:
                break
            self.deliver(self.world.events.pop(0))
        assert not self.world.events, "the keeper wakes itself again and again"
        self.world.clock.pass_seconds(120)
        self.deliver(LOOK)

    def hours(self, count: int) -> None:
        """The schedule comes by so often."""
        for _ in range(count):
            self.world.clock.pass_seconds(3600)
            self.deliver(LOOK)
