"""Whether a value fits a JSON schema, for the keywords that responses need.

A subset of JSON Schema 2020-12 (specification: json-schema.org, "Validation"), with its meaning. A keyword that is
not known here is an error rather than ignored: nobody shall believe that something is checked that is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]

_REMARKS = frozenset({"$schema", "$id", "$comment", "title", "description", "examples"})
_SCALAR = (str, int, float, bool, type(None))
_SHOWN = 60


class SchemaError(ValueError):
    """The schema itself cannot be used; its author must mend it."""


def problem(value: Any, schema: Schema, place: str = "") -> str:
    """The first thing that does not fit, as `<place>: <what>`; "" if all fits.

    place: where the value stands, for example `predictions[0].probability`. Raises SchemaError.
    """
    check_schema(schema)
    return _problem(value, schema, place)


def check_schema(schema: Any, place: str = "") -> None:
    """Raises SchemaError naming the place and the keyword that is not known or not of its form."""
    at = f"schema{' of ' + place if place else ''}"
    if not isinstance(schema, Mapping):
        raise SchemaError(f"{at}: {schema!r}, expected an object")
    for keyword, argument in schema.items():
        if keyword in _REMARKS:
            continue
        if keyword not in _KEYWORDS:
            raise SchemaError(f"{at}: keyword {keyword!r} is not supported, use {', '.join(sorted(_KEYWORDS))}")
        if not _KEYWORDS[keyword][0](argument):
            raise SchemaError(f"{at}: {keyword}: {argument!r} is not of the form that this keyword takes")
    for name, inner in schema.get("properties", {}).items():
        check_schema(inner, _member(place, name))
    if "items" in schema:
        check_schema(schema["items"], f"{place}[]")


def _problem(value: Any, schema: Schema, place: str) -> str:
    at = place or "response"
    for keyword, argument in schema.items():
        if keyword in _KEYWORDS and (wrong := _KEYWORDS[keyword][1](value, argument)):
            return f"{at}: {wrong}"
    if isinstance(value, Mapping):
        properties = schema.get("properties", {})
        for name in value:
            if name in properties:
                if inner := _problem(value[name], properties[name], _member(place, name)):
                    return inner
            elif schema.get("additionalProperties") is False:
                return f"{at}: member {name!r} is not in the schema"
    if _is_list(value) and "items" in schema:
        for index, item in enumerate(value):
            if inner := _problem(item, schema["items"], f"{place}[{index}]"):
                return inner
    return ""


def _type(value: Any, names: str | list[str]) -> str:
    allowed = [names] if isinstance(names, str) else names
    return "" if any(_TYPES[name](value) for name in allowed) else f"{_shown(value)} is not {' or '.join(allowed)}"


def _required(value: Any, names: list[str]) -> str:
    missing = [name for name in names if name not in value] if isinstance(value, Mapping) else []
    return f"member {missing[0]!r} is missing" if missing else ""


def _enum(value: Any, allowed: list[Any]) -> str:
    fits = any(_same(value, each) for each in allowed)
    return "" if fits else f"{_shown(value)} is not one of {', '.join(map(str, allowed))}"


def _minimum(value: Any, limit: float) -> str:
    return f"{value} is below {limit}" if _is_number(value) and value < limit else ""


def _maximum(value: Any, limit: float) -> str:
    return f"{value} is above {limit}" if _is_number(value) and value > limit else ""


def _min_items(value: Any, limit: int) -> str:
    return f"{len(value)} items, at least {limit} are needed" if _is_list(value) and len(value) < limit else ""


def _max_items(value: Any, limit: int) -> str:
    return f"{len(value)} items, at most {limit} are allowed" if _is_list(value) and len(value) > limit else ""


def _min_length(value: Any, limit: int) -> str:
    short = isinstance(value, str) and len(value) < limit
    return f"{_shown(value)} is shorter than {limit} characters" if short else ""


def _pattern(value: Any, pattern: str) -> str:
    unlike = isinstance(value, str) and not re.search(pattern, value)
    return f"{_shown(value)} does not match {pattern}" if unlike else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return _is_number(value) and float(value).is_integer()


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_expression(value: Any) -> bool:
    try:
        return isinstance(value, str) and re.compile(value) is not None
    except re.error:
        return False


def _is_names(value: Any) -> bool:
    return _is_list(value) and all(isinstance(name, str) for name in value)


def _is_types(value: Any) -> bool:
    names = [value] if isinstance(value, str) else value
    return _is_names(names) and bool(names) and set(names) <= set(_TYPES)


def _same(one: Any, other: Any) -> bool:
    """JSON's equality: 1 is 1.0, but true is not 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _member(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, Mapping),
    "array": _is_list,
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": _is_whole,
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}

# What a keyword's argument must be, and what it finds wrong with a value ("" if nothing). Members and items are
# looked into by _problem itself.
_KEYWORDS: Mapping[str, tuple[Callable[[Any], bool], Callable[[Any, Any], str]]] = {
    "type": (_is_types, _type),
    "enum": (lambda values: _is_list(values) and all(isinstance(each, _SCALAR) for each in values), _enum),
    "const": (lambda value: isinstance(value, _SCALAR), lambda value, only: _enum(value, [only])),
    "minimum": (_is_number, _minimum),
    "maximum": (_is_number, _maximum),
    "minLength": (_is_count, _min_length),
    "pattern": (_is_expression, _pattern),
    "minItems": (_is_count, _min_items),
    "maxItems": (_is_count, _max_items),
    "required": (_is_names, _required),
    "properties": (lambda value: isinstance(value, Mapping), lambda _value, _properties: ""),
    "additionalProperties": (lambda value: isinstance(value, bool), lambda _value, _allowed: ""),
    "items": (lambda value: isinstance(value, Mapping), lambda _value, _items: ""),
}
