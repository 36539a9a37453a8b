"""The log: one JSON object on a line, so that CloudWatch Logs Insights finds its fields."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import fields, is_dataclass
from datetime import datetime
from types import NoneType
from typing import Any

log = logging.getLogger("mlops")
log.setLevel(logging.INFO)
if not log.handlers:
    # A handler of its own: Lambda's root handler would put a prefix before the JSON.
    log.addHandler(logging.StreamHandler(sys.stdout))
    log.propagate = False

_AS_THEY_ARE = {str, int, float, bool, NoneType, datetime}
"""Most of what is logged, by far: nothing else needs to be asked about it."""


def say(message: str, **details: object) -> None:
    """Log what happened with its details; what JSON does not know (times) is written as text."""
    if log.isEnabledFor(logging.INFO):
        log.info(json.dumps({"message": message, **plain(details)}, default=str))


def plain(value: Any) -> Any:
    """Dataclasses as dictionaries, at any depth, without what has not been looked at; anything else as it is."""
    if type(value) in _AS_THEY_ARE:
        return value
    if is_dataclass(value):
        values = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {name: plain(held) for name, held in values if held is not None}
    if isinstance(value, dict):
        return {key: plain(held) for key, held in value.items()}
    return [plain(held) for held in value] if isinstance(value, list | tuple) else value
