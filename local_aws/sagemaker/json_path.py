"""The part of JSONPath that batch transform's filters know: $, names, indexes and slices.

Source: developer guide, batch-transform-data-processing, "Supported JSONPath operators".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(r"\.(?P<name>[A-Za-z_][\w-]*)")
_BRACKET = re.compile(r"\[(?P<inside>(?:'[^']*'|[^\]'])*)\]")
_QUOTED = re.compile(r"'(?P<name>[^']*)'")
_SLICE = re.compile(r"(?P<start>-?\d+)?:(?P<end>-?\d+)?")

Step = Callable[[Any], Any]


class JsonPathError(ValueError):
    """The path is not one of those, or leads nowhere in a record; the message shows it."""


@dataclass(frozen=True)
class JsonPath:
    """A path that can be applied to records."""

    text: str
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, text: str) -> JsonPath:
        """Errors: JsonPathError."""
        rest = text.strip()
        if not rest.startswith("$"):
            raise JsonPathError(f"{text}: a JSONPath starts with $")
        rest, steps = rest[1:], []
        while rest:
            if found := _NAME.match(rest):
                steps.append(_name(found["name"]))
            elif found := _BRACKET.match(rest):
                steps.append(_bracket(found["inside"], text))
            else:
                raise JsonPathError(f"{text}: {rest} is none of .name, ['name', ...], [index, ...] and [from:to]")
            rest = rest[found.end() :]
        return cls(text, tuple(steps))

    def select(self, record: Any) -> Any:
        """What the path leads to.

        Errors: JsonPathError when there is no such member or index."""
        for step in self.steps:
            try:
                record = step(record)
            except (KeyError, IndexError, TypeError, AttributeError) as error:
                raise JsonPathError(f"{self.text} leads nowhere: {type(error).__name__} {error}") from error
        return record


def _name(name: str) -> Step:
    return lambda value: value[name]


def _bracket(inside: str, text: str) -> Step:
    parts = [part.strip() for part in inside.split(",")]
    quoted = [_QUOTED.fullmatch(part) for part in parts]
    if all(quoted):
        names = [found["name"] for found in quoted if found]
        return _name(names[0]) if len(names) == 1 else lambda value: {name: value[name] for name in names}
    if len(parts) == 1 and re.fullmatch(r"-?\d+", parts[0]):
        index = int(parts[0])
        return lambda value: _listed(value)[index]
    picks = [_pick(part, text) for part in parts]
    return lambda value: [item for pick in picks for item in pick(_listed(value))]


def _pick(part: str, text: str) -> Callable[[list[Any]], list[Any]]:
    if re.fullmatch(r"-?\d+", part):
        index = int(part)
        return lambda items: [items[index]]
    found = _SLICE.fullmatch(part)
    if found is None:
        raise JsonPathError(f"{text}: [{part}] is no index, slice or quoted name")
    start, end = (int(number) if number else None for number in (found["start"], found["end"]))
    return lambda items: items[start:end]


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"of {type(value).__name__}, which has no indexes")
    return value
