"""A function's environment variables, and the clients that it makes once."""

from __future__ import annotations

import gc
from collections.abc import Collection, Mapping
from dataclasses import fields
from functools import cached_property
from typing import Any, TypeVar

import boto3
from botocore.config import Config

RETRYING: Mapping[str, Any] = {
    "connect_timeout": 2,
    "read_timeout": 10,
    "retries": {"mode": "standard", "max_attempts": 3},
}
"""Of a client: short calls, repeated where that may help, so that a run ends before the function's timeout."""

_T = TypeVar("_T")


class ConfigurationError(Exception):
    """The function's environment or what it points at is not as deployed: a person must mend it."""


def variables(kind: type[Any], environ: Mapping[str, str], optional: Collection[str] = ()) -> dict[str, Any]:
    """The variables that the fields of the dataclass `kind` are named after, in lower case; "" where optional.

    Raises ConfigurationError naming every variable that is missing.
    """
    names = [field.name for field in fields(kind)]
    if missing := [name.upper() for name in names if name not in optional and not environ.get(name.upper())]:
        raise ConfigurationError(f"environment of the function: {', '.join(missing)} not set")
    return {name: environ.get(name.upper(), "") for name in names}


def client(service: str, session: Any = None) -> Any:
    """A boto3 client; with a session where several are made, which loads what they have in common once."""
    collecting = gc.isenabled()
    # A client's model is many small objects that stay as long as the function: looking for garbage among them, now or
    # at the next collection, is a sixth of a cold start.
    gc.disable()
    try:
        return (session or boto3.session.Session()).client(service, config=Config(**RETRYING))
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


def late(service: str, session: Any) -> Any:
    """The same, made when it is first asked for something: a run that needs no such service does not wait for it."""
    return _Late(service, session)


def clients(kind: type[_T]) -> _T:
    """One client for each field of the dataclass `kind`; an underscore at the end keeps off Python's own words."""
    session = boto3.session.Session()
    return kind(**{field.name: late(field.name.rstrip("_"), session) for field in fields(kind)})  # type: ignore[arg-type]


class _Late:
    """Not for several threads at once before its first use: a session makes one client at a time."""

    def __init__(self, service: str, session: Any) -> None:
        self._service, self._session = service, session

    @cached_property
    def _client(self) -> Any:
        return client(self._service, self._session)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
