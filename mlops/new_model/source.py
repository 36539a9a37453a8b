"""Python and TOML as text: literals as `ruff format` writes them, imports in the order that it asks for."""

import json
from collections.abc import Sequence
from itertools import groupby

from tabular.fields import Field, Kind, Level

WIDTH = 120


def literal(value: object) -> str:
    """A number or a text as Python, in double quotes where those need no more escapes."""
    if not isinstance(value, str):
        return f"{value:.12g}" if isinstance(value, float) else repr(value)
    if '"' in value and "'" not in value:
        return f"'{value.translate(_ESCAPED)}'"
    return '"' + value.translate({**_ESCAPED, ord('"'): '\\"'}) + '"'


_ESCAPED = {ord("\\"): "\\\\"}


def toml(value: str) -> str:
    """A text as a basic string of TOML, which JSON's are but for the delete character."""
    return json.dumps(value, ensure_ascii=False)


def field(each: Field) -> str:
    """A field of a schema, as an item of a tuple: on one line, or one argument a line."""
    arguments = [literal(each.name), f"Kind.{each.kind.name}", f"Role.{each.role.name}", literal(each.meaning)]
    if each.kind is Kind.NUMERIC:
        arguments += [literal(each.minimum), literal(each.maximum)]
        arguments += ["whole=True"] if each.whole else []
    else:
        arguments.append(_levels(each.levels))
        arguments += [f"rest={literal(each.rest)}"] if each.rest is not None else []
    arguments += ["nullable=True"] if each.nullable else []
    line = f"    Field({', '.join(arguments)}),"
    if len(line) <= WIDTH:
        return line
    return "\n".join(["    Field(", *(f"        {argument}," for argument in arguments), "    ),"])


def _levels(levels: Sequence[Level]) -> str:
    """On one line, or one level a line where they are too many for it."""
    texts = [literal(level) for level in levels]
    line = f"levels=({', '.join(texts)})"
    if len(line) <= WIDTH - 9:
        return line
    return "\n".join(["levels=(", *(f"            {text}," for text in texts), "        )"])


def sorted_imports(text: str) -> str:
    """`from` lines that follow each other, sorted by their modules: where a model's stands depends on its name."""
    parts: list[str] = []
    for imports, group in groupby(text.splitlines(), key=lambda line: line.startswith("from ")):
        lines = list(group)
        parts += sorted(lines, key=lambda line: line.split()[1]) if imports else lines
    return "\n".join(parts) + "\n"
