"""The content of a model card against AWS's schema of it.

The schema is read from CloudFormation's of AWS::SageMaker::ModelCard, which holds the same members in its own
spelling (developer guide, model-cards, "Model card JSON schema"). What it uses of JSON Schema draft 7 is checked here.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from typing import Any

from local_aws.cloudformation import schemas
from local_aws.core.api import ValidationException
from local_aws.state import REGION

TYPE_NAME = "AWS::SageMaker::ModelCard"

_MEMBERS = ("properties", "definitions")
_PYTHON: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "number": (int, float),
    "integer": int,
}
_MOST_TOLD = 5


def check(content: str) -> dict[str, Any]:
    """The content as a document. Raises ValidationException where it is no JSON object or not of the schema."""
    try:
        document = json.loads(content)
    except ValueError as error:
        raise ValidationException(f"Content is not valid JSON: {error}.") from error
    if found := problems(document):
        told = "; ".join(found[:_MOST_TOLD])
        raise ValidationException(f"Content does not follow the model card JSON schema: {told}")
    return document  # type: ignore[no-any-return]


def problems(document: Any) -> list[str]:
    """What is wrong with a content, a sentence for each fault; empty where nothing is."""
    return _problems({"$ref": "#/definitions/content"}, document, "$")


def snake(name: str) -> str:
    """A member as contents spell it, e.g. x_axis_name for XAxisName."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def from_template(value: Any, free: bool = False) -> Any:
    """A template's content in the spelling of the API; the keys of custom details and metadata are the customer's."""
    if isinstance(value, dict):
        return {
            key if free else snake(key): from_template(inner, key in ("CustomDetails", "Metadata"))
            for key, inner in value.items()
        }
    return [from_template(item) for item in value] if isinstance(value, list) else value


@functools.cache
def _definitions() -> dict[str, Any]:
    schema = schemas.schema(TYPE_NAME, REGION)
    assert schema is not None, f"cfn-lint has no schema of {TYPE_NAME}"
    return {snake(name): _spelled(inner) for name, inner in schema.document["definitions"].items()}


def _spelled(schema: Any) -> Any:
    """A schema with the API's names of members."""
    if isinstance(schema, list):
        return [_spelled(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    spelled: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _MEMBERS and isinstance(value, dict):
            spelled[key] = {snake(name): _spelled(inner) for name, inner in value.items()}
        elif key == "required":
            spelled[key] = [snake(name) for name in value]
        elif key == "$ref":
            head, _, name = value.rpartition("/")
            spelled[key] = f"{head}/{snake(name)}"
        else:
            spelled[key] = _spelled(value)
    return spelled


def _problems(schema: dict[str, Any], value: Any, path: str) -> list[str]:
    if reference := schema.get("$ref"):
        return _problems(_definitions()[reference.rpartition("/")[2]], value, path)
    if choices := schema.get("anyOf"):
        attempts = [_problems(choice, value, path) for choice in choices]
        if all(attempts):
            return min(attempts, key=len)
    kind = schema.get("type")
    if kind is not None and not _is(kind, value):
        return [f"{path}: {_json_type(value)} found, {kind} expected"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{path}: does not have a value in the enumeration {schema['enum']}"]
    found = [
        f"{path}: must {text.format(schema[key])}"
        for key, text, holds in _LIMITS
        if key in schema and not holds(value, schema[key])
    ]
    if isinstance(value, dict):
        found += _of_object(schema, value, path)
    elif isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            found += _problems(schema["items"], item, f"{path}[{number}]")
    return found


_LIMITS: tuple[tuple[str, str, Callable[[Any, Any], bool]], ...] = (
    ("maxLength", "be at most {} characters long", lambda v, n: not isinstance(v, str) or len(v) <= n),
    (
        "pattern",
        "match the pattern {}",
        lambda v, p: not isinstance(v, str) or re.fullmatch(p, v, re.DOTALL) is not None,
    ),
    ("minItems", "have at least {} items", lambda v, n: not isinstance(v, list) or len(v) >= n),
    ("maxItems", "have at most {} items", lambda v, n: not isinstance(v, list) or len(v) <= n),
    ("minimum", "be at least {}", lambda v, n: not isinstance(v, int | float) or v >= n),
)


def _of_object(schema: dict[str, Any], value: dict[str, Any], path: str) -> list[str]:
    members, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    found = [
        f"{path}.{name}: is missing but it is required" for name in schema.get("required", ()) if name not in value
    ]
    for name, inner in value.items():
        matching = [members[name]] if name in members else [s for p, s in patterns.items() if re.search(p, name)]
        if not matching and schema.get("additionalProperties") is False:
            found.append(f"{path}.{name}: is not defined in the schema")
        for each in matching:
            found += _problems(each, inner, f"{path}.{name}")
    return found


def _is(kind: str, value: Any) -> bool:
    return isinstance(value, _PYTHON[kind]) and (kind == "boolean") == isinstance(value, bool)


def _json_type(value: Any) -> str:
    return next((kind for kind in _PYTHON if _is(kind, value)), "null")
