"""The environments `local` and `prod` of the configuration, played."""

import itertools
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import moto.core.models
import pytest
from moto import mock_aws

from mlops import aws, follow, target
from tests.unit.mlops.evidenced import Evidenced
from tests.unit.mlops.world import World

# Each mock_aws() makes a thousand answers to requests that no test sends, always the same: made once, it takes half.
moto.core.models.CallbackResponse = cache(moto.core.models.CallbackResponse)  # type: ignore[misc,assignment]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The local environment: shadow, then challenger; nobody else is asked."""
    with mock_aws():
        made = World("local", registry_of="local")
        _with_one_model(monkeypatch)
        monkeypatch.setattr(aws, "local_clients", lambda: made.clients)
        yield made


@pytest.fixture
def prod(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Production: takes what staging passed and a second person released."""
    with mock_aws():
        made = World("prod", registry_of="staging")
        _with_one_model(monkeypatch)
        monkeypatch.setattr(aws, "account_clients", lambda region: made.clients)
        yield made


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let things happen while a command waits: one after the other, each time that it sleeps."""

    def script(*happenings: Callable[[], Any]) -> None:
        coming = iter(happenings)
        clock = itertools.count()
        time = SimpleNamespace(sleep=lambda _: next(coming, lambda: None)(), monotonic=lambda: float(next(clock)))
        monkeypatch.setattr(follow, "time", time)

    return script


@pytest.fixture
def evidenced(world: World) -> Evidenced:
    """The local environment with the evidence of its versions."""
    return Evidenced(world)


_CONFIG = target.CONFIG
_read = cache(target.load)
"""The repository's own configuration, of each environment once: it does not change while tests run."""


def _with_one_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is as configured, but for other models: commands need not name the one that is played."""
    load = target.load

    def load_one(config: Path, environment: str) -> Any:
        settings = (_read if config == _CONFIG else load)(config, environment)
        if config != target.CONFIG:  # a test's own
            return settings
        models = {name: each for name, each in settings.models.items() if name == "loan_approval"}
        return settings.model_copy(update={"models": models})

    monkeypatch.setattr(target, "load", load_one)
