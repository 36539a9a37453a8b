"""Names and texts as SQL writes them."""

from __future__ import annotations


def quoted(name: str) -> str:
    """A name that may hold anything."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text that may hold anything."""
    return "'" + text.replace("'", "''") + "'"
