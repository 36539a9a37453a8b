"""Properties against a resource schema: unknown and missing keys, types and enumerations.

Patterns and lengths are left to cfn-lint, which checks the template before it is deployed.
"""

from __future__ import annotations

from typing import Any

from local_aws.cloudformation.schemas import Schema

_PYTHON: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


def problems(schema: Schema, properties: dict[str, Any]) -> list[str]:
    """What is wrong with the properties, in CloudFormation's words."""
    found: list[str] = []
    _check(schema.document, {**schema.document, "type": "object"}, properties, "#", found)
    return found


def _check(document: dict[str, Any], schema: dict[str, Any], value: Any, path: str, found: list[str]) -> None:
    while reference := schema.get("$ref"):
        schema = _resolved(document, str(reference))
    kinds = schema.get("type")
    if kinds and not any(_is(kind, value) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        found.append(f"{path}: expected type: {kinds}, found: {type(value).__name__}")
        return
    if (allowed := schema.get("enum")) and str(value) not in map(str, allowed):
        found.append(f"{path}: {value} is not a valid enum value; one of {allowed}")
    if isinstance(value, dict):
        _check_object(document, schema, value, path, found)
    elif isinstance(value, list) and isinstance(items := schema.get("items"), dict):
        for number, item in enumerate(value):
            _check(document, items, item, f"{path}/{number}", found)


def _check_object(
    document: dict[str, Any], schema: dict[str, Any], value: dict[str, Any], path: str, found: list[str]
) -> None:
    members = schema.get("properties", {})
    found += [f"{path}: required key [{name}] not found" for name in schema.get("required", ()) if name not in value]
    for name, inner in value.items():
        if name in members:
            _check(document, members[name], inner, f"{path}/{name}", found)
        elif schema.get("additionalProperties") is False and not schema.get("patternProperties"):
            found.append(f"{path}: extraneous key [{name}] is not permitted")


def _resolved(document: dict[str, Any], reference: str) -> dict[str, Any]:
    target: Any = document
    for part in reference.removeprefix("#/").split("/"):
        target = target[part]
    return dict(target)


def _is(kind: str, value: Any) -> bool:
    """Whether a template's value can stand for a type: scalars may be given as text, and as each other."""
    if kind in ("object", "array"):
        # Documents, such as policies, may be given as JSON text.
        return isinstance(value, _PYTHON[kind]) or (kind == "object" and isinstance(value, str))
    if kind == "string":
        return isinstance(value, str | bool | int | float)
    if isinstance(value, str):
        return _text_is(kind, value)
    return isinstance(value, _PYTHON[kind]) and (kind == "boolean") == isinstance(value, bool)


def _text_is(kind: str, text: str) -> bool:
    if kind == "boolean":
        return text.lower() in ("true", "false")
    try:
        (int if kind == "integer" else float)(text)
    except ValueError:
        return False
    return True
