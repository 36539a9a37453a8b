"""Constraints of one value: length, range, pattern, enumeration, in AWS' words."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from botocore.model import Shape

Constraint = tuple[str, Callable[[Any], bool]]


def problem(value: Any, path: str, wanted: str) -> str:
    """AWS' sentence for a value that does not satisfy a constraint."""
    shown = "null" if value is None else f"'{_shown(value)}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {wanted}"


def checked(shape: Shape, value: Any, path: str) -> list[str]:
    """A sentence for each constraint of `shape` that `value` does not satisfy."""
    return [problem(value, path, text) for text, satisfied in _constraints(shape) if not satisfied(value)]


def broken(shape: Shape, value: Any) -> bool:
    """Whether any constraint is not satisfied."""
    return any(not satisfied(value) for _, satisfied in _constraints(shape))


def texts(shape: Shape) -> list[str]:
    """The constraints of a shape in words."""
    return [text for text, _ in _constraints(shape)]


def _constraints(shape: Shape) -> list[Constraint]:
    metadata = shape.metadata
    found: list[Constraint] = []
    if values := metadata.get("enum"):
        found.append((f"Member must satisfy enum value set: [{', '.join(values)}]", lambda v: v in values))
    sized = shape.type_name in ("string", "list", "map", "blob")
    what = "length" if sized else "value"
    highest, lowest = metadata.get("max"), metadata.get("min")

    def measured(value: Any) -> Any:
        return len(value) if sized else value

    if highest is not None:
        text = f"Member must have {what} less than or equal to {highest}"
        found.append((text, lambda v: measured(v) <= highest))
    if lowest is not None:
        text = f"Member must have {what} greater than or equal to {lowest}"
        found.append((text, lambda v: measured(v) >= lowest))
    pattern = metadata.get("pattern")
    compiled = _compiled(pattern) if pattern and shape.type_name == "string" else None
    if compiled is not None:
        text = f"Member must satisfy regular expression pattern: {pattern}"
        found.append((text, lambda v: compiled.fullmatch(v) is not None))
    return found


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """A pattern of Java's dialect; None where Python's lacks what it uses, and it cannot be checked."""
    # \p{L} and its like: letters, marks, numbers, separators and symbols that SageMaker allows in texts.
    python = (
        pattern.replace(r"\p{L}", r"\w")
        .replace(r"\p{N}", r"\w")
        .replace(r"\p{M}", "")
        .replace(r"\p{Z}", r"\s")
        .replace(r"\p{S}", "$+<=>^`|~")
        .replace(r"\p{P}", r"!-/:-@\[-`{-~")
        .replace(r"\p{IsAlphabetic}", r"\w")
    )
    try:
        return re.compile(python)
    except re.error:
        return None


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_shown(item) for item in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
