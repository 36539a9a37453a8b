"""A step's Arguments against the input shape of its operation, with expressions where values are expected."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from local_aws.sagemaker import expressions

# The types that pipelines know, by botocore's.
TYPE_NAMES = {
    "string": "String",
    "blob": "String",
    "timestamp": "String",
    "integer": "Integer",
    "long": "Integer",
    "float": "Float",
    "double": "Float",
    "boolean": "Boolean",
}
_LITERALS: Mapping[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
}

TypeOf = Callable[[str], str | None]


def problems(value: Any, shape: Any, type_of: TypeOf, optional: tuple[str, ...] = ()) -> Iterator[str]:
    """Everything wrong with `value`, in SageMaker's words where they are known.

    `type_of` gives the type of what a Get path leads to (None: not known before the run); `optional` names members
    at the top that may be missing although the shape requires them.
    """
    expression = expressions.kind(value)
    if expression and shape.type_name in TYPE_NAMES:
        yield from _expression(value, expression, TYPE_NAMES[shape.type_name], type_of)
    elif shape.type_name == "structure":
        yield from _structure(value, shape, type_of, optional)
    elif shape.type_name == "map":
        if not isinstance(value, dict):
            yield "Expecting start of Json Object."
            return
        for item in value.values():
            yield from problems(item, shape.value, type_of)
    elif shape.type_name == "list":
        if not isinstance(value, list):
            yield "Expecting start of Json Array."
            return
        yield from _length(value, shape)
        for item in value:
            yield from problems(item, shape.member, type_of)
    else:
        yield from _literal(value, shape)


def _structure(value: Any, shape: Any, type_of: TypeOf, optional: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(value, dict):
        yield "Expecting start of Json Object."
        return
    for key, item in value.items():
        if key not in shape.members:
            yield f"Unknown Argument member '{key}'."
        else:
            yield from problems(item, shape.members[key], type_of)
    for key in shape.required_members:
        if key not in value and key not in optional:
            yield f"Missing required Argument member '{key}'."


def _expression(value: Any, expression: str, wanted: str, type_of: TypeOf) -> Iterator[str]:
    if expression == expressions.GET:
        found = type_of(value[expressions.GET])
        # A whole number can stand where a fraction is expected, nothing else fits but the type itself.
        if found not in (None, wanted) and (found, wanted) != ("Integer", "Float"):
            yield f"Cannot assign property reference [{value[expressions.GET]}] to argument of type [{wanted}]."
    elif expression == expressions.JOIN and wanted != "String":
        yield f"Cannot assign property reference [{expressions.JOIN}] to argument of type [{wanted}]."


def _literal(value: Any, shape: Any) -> Iterator[str]:
    wanted = TYPE_NAMES[shape.type_name]
    if not isinstance(value, _LITERALS[wanted]) or (isinstance(value, bool) and wanted != "Boolean"):
        yield f"Model Validation failed: Value {value!r} for '{shape.name}' is not of type {wanted}."
    elif wanted == "String" and shape.enum and value not in shape.enum:
        allowed = f"[{', '.join(shape.enum)}]"
        yield f"Model Validation failed: Value '{value}' for '{shape.name}' failed to satisfy enum value set: {allowed}"
    elif wanted == "String":
        yield from _length(value, shape)


def _length(value: Any, shape: Any) -> Iterator[str]:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    shown = value if isinstance(value, str) else f"a list of {len(value)}"
    if len(value) < least:
        bound = f"greater than or equal to {least}"
    elif most is not None and len(value) > most:
        bound = f"less than or equal to {most}"
    else:
        return
    yield (
        f"Model Validation failed: Value '{shown}' for '{shape.name}' failed to satisfy constraint: "
        f"Member must have length {bound}"
    )
