"""What a person, or another function, calls a function with."""

from __future__ import annotations

_SHOWN = 200


class MalformedRequestError(ValueError):
    """Nobody calls the function with this: no retry can help."""

    def __init__(self, member: str, value: object, expected: str) -> None:
        super().__init__(f"{member}: {ascii(value)[:_SHOWN]}, expected {expected}")
