"""Conditions in SQL that come from configuration: only what cannot leave its place in a query.

A condition is names, numbers, texts in quotes, comparisons and a few functions that Athena and DuckDB share.
Statements, comments, subselects and other names have no way to be written; nor has division, which is not the same
on both (1 / 2 is 0 on Athena and 0.5 on DuckDB).
"""

import difflib
import re
from collections.abc import Collection

WORDS = frozenset({
    "abs", "and", "as", "between", "bigint", "boolean", "case", "cast", "coalesce", "double", "else", "end", "false",
    "in", "integer", "is", "like", "lower", "not", "null", "or", "round", "then", "true", "upper", "varchar", "when",
})  # fmt: skip
"""What may stand in a condition beside columns, and so cannot be the name of one."""

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<text>'(?:[^'\\\r\n]|'')*')
  | (?P<number>\d+(?:\.\d+)?)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<comment>--|/\*)
  | (?P<operator><=|>=|<>|!=|[-+*=<>])
  | (?P<open>\()
  | (?P<close>\))
  | (?P<comma>,)
    """,
    re.VERBOSE | re.ASCII,
)


class ConditionError(ValueError):
    """Says in a few words what in a condition is not accepted."""


def names_in(condition: str, known: Collection[str]) -> frozenset[str]:
    """Which of the columns in `known` the condition uses, in lower case; SQL does not tell cases apart.

    Raises ConditionError for anything that is no condition over these columns.
    """
    columns = {name.lower() for name in known}
    used: set[str] = set()
    position = depth = 0
    while position < len(condition):
        token = _TOKEN.match(condition, position)
        if token is None:
            raise ConditionError(_unexpected(condition[position]))
        position = token.end()
        match token.lastgroup:
            case "comment":
                raise ConditionError("no comments")
            case "open":
                depth += 1
            case "close":
                depth -= 1
            case "word":
                used |= _column(token.group(), columns)
        if depth < 0:
            raise ConditionError("a parenthesis closes that was not opened")
    if depth:
        raise ConditionError("a parenthesis is not closed")
    return frozenset(used)


def _column(word: str, columns: set[str]) -> set[str]:
    lower = word.lower()
    if lower in columns:
        return {lower}
    if lower in WORDS:
        return set()
    nearest = difflib.get_close_matches(lower, sorted(columns), n=1)
    raise ConditionError(f"no {word}" + (f" (nearest is {nearest[0]})" if nearest else ""))


def _unexpected(character: str) -> str:
    return "a quote is not closed" if character == "'" else f"no {character!r} outside quotes"
