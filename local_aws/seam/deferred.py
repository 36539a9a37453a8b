"""Modules that ministack imports at its start and that most servers never use: read when something of them is."""

from __future__ import annotations

import importlib.util
import sys
import threading
import types
from collections.abc import Mapping
from typing import Any

_SERVICES = "ministack.services"
# Together they take a fifth of a start; Cognito makes an RSA key when it is imported.
_SELDOM_USED = (
    "duckdb",
    *(
        f"{_SERVICES}.{name}"
        for name in (
            "apigateway_v1",
            "appsync",
            "cloudfront",
            "cognito",
            "documentdb",
            "ec2",
            "iot",
            "rds",
            "stepfunctions",
        )
    ),
)
_reading = threading.RLock()
_unread: set[str] = set()


class _Deferred(types.ModuleType):
    """Stands in sys.modules for a module that is executed when one of its names is asked for.

    importlib's LazyLoader does the same, but shows a module that one thread is reading to the others half read.
    """

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("__"):
            _read(self)
        return types.ModuleType.__getattribute__(self, name)  # it may be no longer one of these


def defer_seldom_used() -> None:
    """To be called before ministack is imported; modules that are there already are left as they are."""
    for name in _SELDOM_USED:
        if name in sys.modules or (spec := importlib.util.find_spec(name)) is None:
            continue
        module = _Deferred(name)
        vars(module).update(
            __spec__=spec, __file__=spec.origin, __loader__=spec.loader, __package__=spec.parent, __cached__=spec.cached
        )
        if spec.submodule_search_locations is not None:
            module.__path__ = spec.submodule_search_locations
        _unread.add(name)
        sys.modules[name] = module
        parent, _, own = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], own, module)


def used(service_modules: Mapping[str, str]) -> dict[str, str]:
    """Those of ministack's {service: module} of which something may have been used: others have no state."""
    return {service: name for service, name in service_modules.items() if f"{_SERVICES}.{name}" not in _unread}


def _read(module: _Deferred) -> None:
    with _reading:
        spec = module.__spec__
        if spec is None or spec.loader is None or spec.name not in _unread:
            return  # read meanwhile, or being read: by this thread
        _unread.discard(spec.name)
        spec.loader.exec_module(module)
        module.__class__ = types.ModuleType  # type: ignore[assignment]
