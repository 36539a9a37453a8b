"""The log: one JSON object on a line, so that CloudWatch Logs Insights finds its fields."""

from __future__ import annotations

import json
import logging
import sys

log = logging.getLogger("release_controller")
log.setLevel(logging.INFO)
if not log.handlers:
    # A handler of its own: Lambda's root handler would put a prefix before the JSON.
    log.addHandler(logging.StreamHandler(sys.stdout))
    log.propagate = False


def say(message: str, **details: object) -> None:
    """Log what happened with its details; what JSON does not know (times) is written as text."""
    log.info(json.dumps({"message": message, **details}, default=str))
