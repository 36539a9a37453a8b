"""The clients that functions make: when they are needed, and without looking for garbage meanwhile."""

import gc
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from shared import environment


@dataclass(frozen=True)
class Clients:
    s3: Any
    lambda_: Any


@pytest.fixture
def made(monkeypatch):
    """Names of the services that the session made clients for, and whether garbage was collected meanwhile."""
    made = []

    class Session:
        def client(self, service, config):
            if service == "nowhere":
                raise ValueError("no such service")
            made.append((service, gc.isenabled()))
            assert config.retries["mode"] == "standard"
            return SimpleNamespace(meta=SimpleNamespace(service=service))

    monkeypatch.setattr(environment.boto3.session, "Session", Session)
    monkeypatch.setattr(environment.gc, "freeze", lambda: None)  # of the tests' own process
    return made


def test_a_client_is_made_when_it_is_first_used_and_once(made):
    clients = environment.clients(Clients)
    assert made == []
    assert clients.lambda_.meta.service == "lambda"
    assert clients.lambda_.meta is clients.lambda_.meta
    assert [service for service, _ in made] == ["lambda"]


def test_a_method_that_the_client_does_not_have_is_an_error(made):
    with pytest.raises(AttributeError, match="list_bukkets"):
        environment.clients(Clients).s3.list_bukkets()


def test_garbage_is_not_collected_while_a_client_is_made_and_is_afterwards(made):
    environment.client("s3")
    assert made == [("s3", False)]
    assert gc.isenabled()
    with pytest.raises(ValueError, match="no such service"):
        environment.client("nowhere")
    assert gc.isenabled()


def test_a_process_that_collects_nothing_stays_so(made):
    gc.disable()
    try:
        environment.client("s3")
        assert not gc.isenabled()
    finally:
        gc.enable()
