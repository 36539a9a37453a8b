"""Which events an EventBridge pattern matches, as far as this project's rules go: equal values, prefixes, nesting."""

from typing import Any


def matches(pattern: Any, event: Any) -> bool:
    """User guide: creating event patterns. Every key of the pattern is there; of a list, any value is enough."""
    if isinstance(pattern, dict):
        return isinstance(event, dict) and all(key in event and matches(pattern[key], event[key]) for key in pattern)
    values = event if isinstance(event, list) else [event]
    return any(_matches_one(choice, value) for choice in pattern for value in values)


def _matches_one(choice: Any, value: Any) -> bool:
    match choice:
        case {"prefix": beginning}:
            return isinstance(value, str) and value.startswith(beginning)
        case str() | int() | float() | bool() | None:
            return type(choice) is type(value) and choice == value
    raise AssertionError(f"not known here: {choice}")
