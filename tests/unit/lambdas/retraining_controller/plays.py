"""A retraining from its reason to its end, played with one controller: undisturbed, or with a mishap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from tests.unit.lambdas.retraining_controller.controller import Controller
from tests.unit.lambdas.retraining_controller.names import LOOK, uri
from tests.unit.lambdas.retraining_controller.world import CrashError, World


def _export(world: World) -> None:
    world.export("2026-11-30")
    world.clock.pass_seconds(900)


REASONS: Mapping[str, Callable[[World], object]] = {
    "degradation": lambda world: world.degrade(),
    "schedule": lambda world: world.ask(),
    "new-data": _export,
}
ENDINGS = {"good": ("Succeeded", ""), "bad": ("Failed", "AUC is too low"), "stopped": ("Stopped", "")}
ALL = [(reason, ending) for reason in REASONS for ending in ENDINGS]

LAG = 300
"""Seconds until a list shows what was started, in every second play with a crash."""

Event = Mapping[str, Any]


class Play:
    """A world where version 1 serves; lag: seconds until a list shows an execution."""

    def __init__(
        self, modules: SimpleNamespace, reason: str, ending: str, *, lag: float = 0, checked: bool = False
    ) -> None:
        self.world = World(lag=lag, checked=checked)
        self.controller = Controller(modules, self.world, on_new_data=reason == "new-data")
        learned = uri("2026-10-31" if reason == "new-data" else "2026-09-30")
        self.world.register(1, "Approved", data_uri=learned)
        self.world.release(1)
        self.world.export("2026-10-31")
        self.world.clock.pass_seconds(86400)
        self.world.events.clear()
        self.world.calls.clear()
        self.reason, self.ending = reason, ending

    def to_the_end(self, deliver: Callable[[Event], None] | None = None) -> dict[str, Any]:
        """deliver: what becomes of an event. Returns the final state of the world."""
        deliver = deliver or self.controller.deliver
        REASONS[self.reason](self.world)
        self._events(deliver)
        self._rest()
        if self.world.running():
            self.world.end(*ENDINGS[self.ending])
        self._events(deliver)
        self._rest()
        self.world.after_call = lambda name: None
        self._rest()
        return self.world.final()

    def _events(self, deliver: Callable[[Event], None]) -> None:
        while self.world.events:
            deliver(self.world.events.pop(0))

    def _rest(self) -> None:
        """The schedule comes by, also after the lease of whoever died."""
        for _ in range(3):
            self.world.clock.pass_seconds(900)
            self.controller.deliver(LOOK)


_UNDISTURBED: dict[tuple[str, str], tuple[dict[str, Any], int]] = {}


def undisturbed(modules: SimpleNamespace, reason: str, ending: str) -> tuple[dict[str, Any], int]:
    """The final state, and how many calls it takes to come there. Played once."""
    if (reason, ending) not in _UNDISTURBED:
        play = Play(modules, reason, ending, checked=True)
        final = play.to_the_end()
        _UNDISTURBED[reason, ending] = final, len(play.world.calls)
    return _UNDISTURBED[reason, ending]


def cut_off(modules: SimpleNamespace, reason: str, ending: str, nth: int, *, retried: bool) -> dict[str, Any]:
    """The run ends right after the nth call; then its event comes again, or is lost."""
    play, seen = Play(modules, reason, ending, lag=LAG * (nth % 2)), 0

    def crash(name: str) -> None:
        nonlocal seen
        seen += 1
        if seen == nth:
            raise CrashError(name)

    def deliver(event: Event) -> None:
        try:
            play.controller.run(event)
        except CrashError:
            play.world.clock.pass_seconds(60)
            # The schedule's own event is not lost: EventBridge and Lambda repeat it until it is noted.
            if retried or "trigger" in event:
                play.controller.deliver(event)

    play.world.after_call = crash
    return play.to_the_end(deliver)


def beside(modules: SimpleNamespace, reason: str, ending: str, nth: int) -> Play:
    """A whole other run happens after the nth call; returns the play, at its end."""
    play, seen = Play(modules, reason, ending), 0

    def other(_name: str) -> None:
        nonlocal seen
        seen += 1
        if seen == nth:
            play.controller.run(LOOK)

    play.world.after_call = other
    play.to_the_end()
    return play
