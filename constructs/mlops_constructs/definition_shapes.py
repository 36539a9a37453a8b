"""SageMaker's request and response shapes, from botocore's service model: no client, credentials or network.

botocore validates required members and types only; the limits that a service call is refused for (lengths,
patterns, enumerations, counts) are in the same model and are checked here too.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape

TOKEN = "${Token["  # noqa: S105 - how CDK writes a value that only the deployment knows
LIST_TOKEN = "#{Token["  # noqa: S105
# CreateProcessingJob refuses what its model allows: "ContainerArguments and ContainerEntrypoint may not contain null or
# empty strings".
_NEVER_EMPTY = frozenset({"ContainerArgument", "ContainerEntrypointString"})
NUMBER_TOKEN_BELOW = -1e280  # CDK encodes numbers as huge negative ones

_TYPE_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "long": "a whole number",
    "float": "a number",
    "double": "a number",
    "boolean": "true or false",
    "structure": "an object",
    "map": "an object",
    "list": "a list",
}

# A service's pattern may name Unicode classes, which Python's `re` does not know: every character outside
# ASCII is replaced by one of its class before matching, and the class by its ASCII members and that one.
_CLASSES = {
    "L": "a-zA-Zµ",
    "M": "\u0301",
    "N": "0-9²",
    "P": "!-#%-*,-/:;?@\\[-\\]_{}§",
    "S": "$+<->^`|~±",
    "Z": " \u00a0",
    "Alnum": "a-zA-Z0-9",
}
_REPRESENTATIVES = {"L": "µ", "M": "\u0301", "N": "²", "P": "§", "S": "±", "Z": "\u00a0"}


@dataclass(frozen=True)
class Problem:
    """A value that the service would refuse: where (relative path), what, and what is allowed instead."""

    path: str
    value: object
    allowed: str


@cache
def service() -> ServiceModel:
    """SageMaker's model as shipped with botocore; files in the user's home are not looked at."""
    loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    return ServiceModel(loader.load_service_model("sagemaker", "service-2"), "sagemaker")


def request_shape(operation: str) -> Shape:
    return service().operation_model(operation).input_shape


def response_shape(operation: str) -> Shape:
    return service().operation_model(operation).output_shape


def has_token(value: object) -> bool:
    """Whether a literal stands for something that only the deployment knows."""
    if isinstance(value, str):
        return TOKEN in value or LIST_TOKEN in value
    return isinstance(value, float) and value < NUMBER_TOKEN_BELOW


def literal_problems(value: object, shape: Shape, path: str) -> Iterator[Problem]:
    """What is wrong with a scalar literal where `shape` is expected."""
    if has_token(value):
        return
    if not _is_of_type(value, shape.type_name):
        yield Problem(path, value, f"must be {type_words(shape)}")
    elif isinstance(value, str):
        yield from _text_problems(value, shape, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _range_problems(value, value, shape, path, "must be")


def size_problems(value: Mapping[str, Any] | list[Any], shape: Shape, path: str) -> Iterator[Problem]:
    """Whether a list or map has too few or too many entries."""
    yield from _range_problems(len(value), f"{len(value)} entries", shape, path, "must have")


def member_problems(names: Iterable[str], shape: Shape, path: str, supplied: frozenset[str]) -> Iterator[Problem]:
    """Unknown and missing members of a structure; `supplied` are filled in by the service."""
    given = set(names)
    for name in sorted(given - set(shape.members)):
        yield Problem(join(path, name), name, f"is no member of {shape.name}; {one_of(shape.members)}")
    for name in shape.required_members:
        if name not in given and name not in supplied:
            yield Problem(join(path, name), None, f"is missing; {shape.name} requires it")
    if getattr(shape, "is_tagged_union", False) and len(given) != 1:
        yield Problem(path, sorted(given), f"must have exactly one member; {one_of(shape.members)}")


def type_words(shape: Shape) -> str:
    return _TYPE_WORDS.get(shape.type_name, str(shape.type_name))


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def one_of(names: Iterable[str], most: int = 12) -> str:
    """`allowed: a, b, c`, cut where nobody would read on."""
    known = sorted(names)
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return f"allowed: {', '.join(known[:most])}{more}"


def _is_of_type(value: object, type_name: str) -> bool:
    match type_name:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer" | "long":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float" | "double":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "timestamp":
            return isinstance(value, int | float | str) and not isinstance(value, bool)
        case _:
            return False


def _text_problems(value: str, shape: Shape, path: str) -> Iterator[Problem]:
    if not value and shape.name in _NEVER_EMPTY:
        yield Problem(path, value, "must not be empty")
    choices = getattr(shape, "enum", None)
    if choices and value not in choices:
        yield Problem(path, value, one_of(choices))
        return
    yield from _range_problems(len(value), value, shape, path, "length must be")
    pattern = shape.metadata.get("pattern")
    compiled = _compiled(pattern) if pattern else None
    if compiled and not compiled.fullmatch(_in_ascii(value) if "\\p{" in pattern else value):
        yield Problem(path, value, f"must match {pattern}")


def _range_problems(size: float, value: object, shape: Shape, path: str, verb: str) -> Iterator[Problem]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield Problem(path, value, f"{verb} at least {low}")
    if high is not None and size > high:
        yield Problem(path, value, f"{verb} at most {high}" + (f", is {size}" if size != value else ""))


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """The pattern in Python's dialect, or None where it cannot be said in it."""
    python = re.sub(r"\$\{\d+,\d+\}$", "", pattern)  # a typing error of the model: "…)*${1,256}"
    python = re.sub(r"\\p\{(\w+)\}", lambda found: _CLASSES.get(found[1], found[0]), python)
    try:
        return re.compile(python)
    except re.error:
        return None


def _in_ascii(value: str) -> str:
    return "".join(char if char.isascii() else _representative(char) for char in value)


def _representative(char: str) -> str:
    return _REPRESENTATIVES.get(unicodedata.category(char)[0], char)
