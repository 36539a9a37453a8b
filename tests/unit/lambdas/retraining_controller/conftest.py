"""Retraining controllers in worlds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from tests.unit.lambdas.retraining_controller.controller import Controller
from tests.unit.lambdas.retraining_controller.names import uri
from tests.unit.lambdas.retraining_controller.world import World


@pytest.fixture
def quiet(retraining_controller: SimpleNamespace) -> Iterator[SimpleNamespace]:
    """The modules, without their log: a history has thousands of lines."""
    retraining_controller.logs.log.setLevel(logging.WARNING)
    yield retraining_controller
    retraining_controller.logs.log.setLevel(logging.INFO)


@pytest.fixture
def start(quiet: SimpleNamespace) -> Callable[..., Controller]:
    """Start a controller in a world, with settings of its policy."""
    return lambda world=None, **policy: Controller(quiet, world or World(), **policy)


@pytest.fixture
def serving(start: Callable[..., Controller]) -> Callable[..., Controller]:
    """A controller where version 1 serves, which learned from an export that is not the newest any more."""

    def begin(world: World | None = None, **policy: object) -> Controller:
        controller = start(world, **policy)
        world = controller.world
        world.register(1, "Approved", data_uri=uri("2026-09-30"))
        world.release(1)
        world.export("2026-10-31")
        world.clock.pass_seconds(86400)
        world.events.clear()
        return controller

    return begin
