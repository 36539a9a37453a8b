"""A validation error in the user's terms: file, key, value, what is allowed."""

import difflib
import json
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from stacks.settings.schema import EnvironmentSettings
from stacks.settings.sources import Key, Layers

_LONGEST_VALUE = 60
_NOT_A_KEY = {"environment", "delivery"}  # the file's name says it, or the loader
_TYPES = {"boolean": "true or false", "string": "text in quotes", "object": "a table"}


def describe(
    error: ValidationError, layers: Layers, *, base: str, settings: type[BaseModel] = EnvironmentSettings
) -> str:
    """One line on the first problem, and how many other settings are wrong too."""
    problems = error.errors(include_url=False)
    others = len({_written(_path(problem), layers) for problem in problems}) - 1
    line = _line(_telling(problems), layers, base, settings)
    return f"{line} (and {others} more)" if others else line


def place(path: Key, layers: Layers) -> str:
    """`file: key = value` of a setting that some file made."""
    set_at = _origin(path, layers)
    file, key = layers.origins[set_at]
    shown = ".".join(key) + "".join(f"[{part}]" for part in path[len(set_at) :] if part.isdigit())
    value = _at(layers.values, path)
    return f"{file}: {shown}" if isinstance(value, dict) else f"{file}: {shown} = {_value(value)}"


def _telling(problems: list[ErrorDetails]) -> ErrorDetails:
    """The first one; of a key that is missing since it is written wrong, what is written."""
    first = problems[0]
    if first["type"] != "missing":
        return first
    unknown = {
        str(each["loc"][-1]): each
        for each in problems
        if each["type"] == "extra_forbidden" and each["loc"][:-1] == first["loc"][:-1]
    }
    near = difflib.get_close_matches(str(first["loc"][-1]), unknown, n=1)
    return unknown[near[0]] if near else first


def _written(path: Key, layers: Layers) -> object:
    """What to count: a default that is wrong is wrong wherever it holds, and stands in one place."""
    origin = _origin(path, layers)
    return layers.origins[origin] if origin else path


def _path(problem: ErrorDetails) -> Key:
    path = tuple(str(part) for part in problem["loc"])
    if problem["type"] == "rule":
        path += tuple(problem["ctx"]["key"].split("."))
    return path


def _line(problem: ErrorDetails, layers: Layers, base: str, settings: type[BaseModel]) -> str:
    path = _path(problem)
    schema, inside = _schema_at(path, settings)
    match problem["type"]:
        case "missing" if path[-1].isdigit():  # a list that is too short
            return f"{place(path[:-1], layers)}: must be {_allowed(schema)}"
        case "missing":
            section = layers.origins.get(path[:2], (base, ()))
            return f"{section[0]}: {'.'.join(path)}: missing; must be {_allowed(schema)}"
        case "extra_forbidden":
            return f"{place(path, layers)}: unknown key; {_nearest(path[-1], inside)}"
        case "rule":
            return f"{place(path, layers)}: must be {problem['ctx']['allowed']}"
        case "instance_type" | "allowed":
            return f"{place(path, layers)}: must be {problem['msg']}"
    return f"{place(path, layers)}: must be {_allowed(schema)}"


def _origin(path: Key, layers: Layers) -> Key:
    """The longest part of `path` that some file set; empty if none did."""
    return next((path[:end] for end in range(len(path), 0, -1) if path[:end] in layers.origins), ())


def _at(values: Any, path: Key) -> Any:
    for part in path:
        if isinstance(values, dict) and part in values:
            values = values[part]
        elif isinstance(values, list) and part.isdigit() and int(part) < len(values):
            values = values[int(part)]
        else:
            break
    return values


def _schema_at(path: Key, settings: type[BaseModel]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The JSON schema of the value at `path`, and that of the table it is in, as far as the schema knows."""
    root = settings.model_json_schema()
    schema, inside = root, root
    for part in path:
        table = _resolve(schema, root)
        following = table.get("properties", {}).get(part) or table.get("additionalProperties") or table.get("items")
        if not isinstance(following, dict):
            return schema, table
        schema, inside = following, table
    return _resolve(schema, root), inside


def _resolve(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference, keeping what is said beside it; an optional value is described by its type."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        schema = {**root["$defs"][name], **{key: value for key, value in schema.items() if key != "$ref"}}
    choices = [choice for choice in schema.get("anyOf", []) if choice.get("type") != "null"]
    return _resolve(choices[0], root) if len(choices) == 1 else schema


def _allowed(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return f"one of {', '.join(json.dumps(value) for value in schema['enum'])}"
    if schema.get("type") in ("integer", "number"):
        return _range(schema)
    if schema.get("type") == "array" and "description" not in schema:
        most = f" of {schema.get('minItems', 0)} to {schema['maxItems']}" if "maxItems" in schema else ""
        return f"a list{most}, each {_allowed(schema.get('items', {}))}"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_allowed(choice) for choice in schema["anyOf"]))
    if schema.get("type") in ("array", "string") and "description" in schema:
        return str(schema["description"])
    return _TYPES.get(str(schema.get("type")), "another value")


def _range(schema: dict[str, Any]) -> str:
    number = "a whole number" if schema["type"] == "integer" else "a number"
    bounds = {
        "from": schema.get("minimum"),
        "above": schema.get("exclusiveMinimum"),
        "to": schema.get("maximum"),
        "below": schema.get("exclusiveMaximum"),
    }
    given = {
        word: bound if isinstance(bound, int) else f"{bound:g}" for word, bound in bounds.items() if bound is not None
    }
    return " ".join([number, *(f"{word} {bound}" for word, bound in given.items())])


def _nearest(key: str, table: dict[str, Any]) -> str:
    known = sorted(set(table.get("properties", {})) - _NOT_A_KEY)
    nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
    return f"nearest is {nearest[0]}; allowed are {', '.join(known)}" if nearest else "none is allowed here"


def _value(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
