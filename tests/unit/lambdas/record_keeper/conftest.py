"""Record keepers in worlds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from tests.unit.lambdas.conftest import LAMBDAS, load_folder
from tests.unit.lambdas.record_keeper.keeper import Keeper
from tests.unit.lambdas.record_keeper.world import World


@pytest.fixture(scope="session")
def record_keeper() -> SimpleNamespace:
    """The modules of lambdas/record_keeper by name."""
    return load_folder(LAMBDAS / "record_keeper", "record_keeper")


@pytest.fixture
def quiet(record_keeper: SimpleNamespace) -> Iterator[SimpleNamespace]:
    """The modules, without their log."""
    record_keeper.logs.log.setLevel(logging.WARNING)
    yield record_keeper
    record_keeper.logs.log.setLevel(logging.INFO)


@pytest.fixture
def start(quiet: SimpleNamespace) -> Callable[..., Keeper]:
    """Start a keeper in a world, with variables of its environment."""
    return lambda world=None, **environ: Keeper(quiet, world or World(), **environ)


@pytest.fixture
def trained(start: Callable[..., Keeper]) -> Keeper:
    """A keeper that has recorded version 1, which the pipeline made."""
    keeper = start()
    keeper.world.train(1)
    keeper.happen()
    return keeper
